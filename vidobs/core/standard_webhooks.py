"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time of the attempt and body. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
OpenAI signs its webhooks in the same way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # what the specification asks for
NEW_KEY_BYTES = 32


def secret_of(key: bytes) -> str:
    """Return a key as people copy it: `whsec_` and base64."""
    return PREFIX + base64.b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """Return the key of a secret.

    Raises:
        ValueError: it is not `whsec_` and the base64 of 24 to 64 bytes; without repeating it.
    """
    encoded = secret.strip().removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not secret.strip().startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise ValueError(
            f"a secret is '{PREFIX}' and the base64 of {KEY_BYTES[0]} to {KEY_BYTES[-1]} random "
            f"bytes; make one with: echo {PREFIX}$(openssl rand -base64 32)"
        )
    return key


def signed_headers(
    keys: Iterable[bytes], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Return the headers that go with a body; of several keys a receiver needs to know one."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp_s)}
    content = f"{message_id}.{timestamp_s}.".encode() + body
    signatures = [_signature(key, content) for key in keys]
    if signatures:
        headers["webhook-signature"] = " ".join(signatures)
    return headers


def _signature(key: bytes, content: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
