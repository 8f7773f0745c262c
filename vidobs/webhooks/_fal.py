"""fal's signature: Ed25519 over id, user, time of the attempt and the body's SHA-256.

https://docs.fal.ai/model-endpoints/webhooks
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError, MissingExtraError
from vidobs.webhooks._signatures import Check, Headers, in_time

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SIGNED = ("request-id", "user-id", "timestamp")
_PREFIX = "x-fal-webhook-"
_KIND = ("OKP", "Ed25519")


def fal_signature(
    keys: Mapping[str, object] | Callable[[], Mapping[str, object]],
    *,
    user_id: str | None = None,
    now: Callable[[], float] = time.time,
) -> Check:
    """Return what tells fal's webhooks from others, for `checks={"fal": ...}`.

    `keys` are those that fal publishes, a JSON Web Key Set (RFC 7517) as it is, or a function that
    returns it each time, from a cache of its own. With `user_id` only webhooks of that account are
    believed. An attempt that is older or younger than five minutes is not.

    Raises:
        MissingExtraError: the package `cryptography` is not installed.
        ConfigError: there is no Ed25519 key in what was given.
    """
    try:
        from cryptography.exceptions import InvalidSignature
    except ImportError as error:
        raise MissingExtraError("webhooks", "the signature of fal's webhooks") from error
    current = partial(_asked, keys) if callable(keys) else partial(list, _public_keys(keys))

    def check(headers: Headers, body: bytes) -> bool:
        given = [headers.get(_PREFIX + name, "") for name in _SIGNED]
        if not all(given) or not in_time(given[2], now()):
            return False
        if user_id is not None and given[1] != user_id:
            return False
        content = "\n".join([*given, hashlib.sha256(body).hexdigest()])
        try:
            signature = binascii.unhexlify(headers.get(f"{_PREFIX}signature", ""))
        except ValueError:
            return False
        for key in current():
            try:
                key.verify(signature, content.encode("utf-8", "replace"))
            except InvalidSignature:
                continue
            return True
        return False

    return check


def _asked(keys: Callable[[], Mapping[str, object]]) -> list[Ed25519PublicKey]:
    return _public_keys(keys())


def _public_keys(published: Mapping[str, object]) -> list[Ed25519PublicKey]:
    """Return the Ed25519 keys of a key set; keys of other kinds are passed over."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    listed = published.get("keys")
    each = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    encoded = [one.get("x") for one in each if (one.get("kty"), one.get("crv")) == _KIND]
    try:
        found = [Ed25519PublicKey.from_public_bytes(_decoded(one)) for one in encoded]
    except (ValueError, TypeError) as error:
        raise ConfigError(
            "a key of fal is no Ed25519 key; give the key set as published"
        ) from error
    if not found:
        raise ConfigError(
            "no Ed25519 key of fal: give the key set that it publishes, {'keys': [{'kty': 'OKP', "
            "'crv': 'Ed25519', 'x': ...}]}"
        )
    return found


def _decoded(x: object) -> bytes:
    """Return base64url as bytes."""
    text = x if isinstance(x, str) else ""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
