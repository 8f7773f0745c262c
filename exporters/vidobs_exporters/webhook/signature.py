"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 over id, time of the attempt and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
OpenAI signs its webhooks in the same way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

import msgspec

from vidobs import ConfigError

PREFIX = "whsec_"
KEY_BYTES = range(24, 65)  # what the specification asks for


class Keys(msgspec.Struct, frozen=True):
    """The keys to sign with, of which a receiver needs to know one. They are not shown."""

    keys: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"Keys({len(self.keys)})"

    def headers(self, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
        """Return the headers that go with a body; without keys there is no signature."""
        headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp_s)}
        signed = f"{message_id}.{timestamp_s}.".encode() + body
        signatures = [_signature(key, signed) for key in self.keys]
        if signatures:
            headers["webhook-signature"] = " ".join(signatures)
        return headers


def keys_of(name: str, secret: object) -> Keys:
    """Read the option `secret`: one secret, several with spaces between, or a list of them.

    Raises:
        ConfigError: one is not `whsec_` and base64; the text does not repeat it.
    """
    if secret is None:
        return Keys()
    items = secret.split() if isinstance(secret, str) else secret
    if not isinstance(items, list | tuple) or not items:
        raise ConfigError(_wrong(name))
    return Keys(tuple(_key(name, item) for item in items))


def _key(name: str, secret: object) -> bytes:
    if not isinstance(secret, str) or not secret.strip().startswith(PREFIX):
        raise ConfigError(_wrong(name))
    encoded = secret.strip().removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        raise ConfigError(_wrong(name)) from None
    if len(key) not in KEY_BYTES:
        raise ConfigError(f"{_wrong(name)}; this one has {len(key)}")
    return key


def _wrong(name: str) -> str:
    return (
        f"exporter {name!r}: a secret is '{PREFIX}' and the base64 of {KEY_BYTES[0]} to "
        f"{KEY_BYTES[-1]} random bytes; make one with: echo {PREFIX}$(openssl rand -base64 32)"
    )


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
