"""The text of a virtual key: random, shown once, known by its hash ever after.

A key is 256 random bits, so there is nothing to guess and a fast hash is enough: salt and slow
hashes protect passwords that people choose. Keys are looked up by their hash; what a wrong key's
hash has in common with a right one's says nothing of the key, so no comparison can leak it.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

PREFIX = "sk-"
MOST_CHARS = 256  # a longer one is nobody's, and not worth a hash
OWNER_PREFIX = "vk_"
_RANDOM_BYTES = 32  # 43 characters
_SHOWN_CHARS = 4
_OWNER_BYTES = 8
_HASH_CHARS = 64


def new_token() -> str:
    """Return a new key: `sk-` and 43 characters that are safe in a URL."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def new_owner() -> str:
    """Return the id of a new key; it stays when the key is rotated."""
    return OWNER_PREFIX + secrets.token_hex(_OWNER_BYTES)


def hash_of(token: str) -> bytes | None:
    """Return the hash that a key is known by; `None` for a text that can be no key."""
    if not token or len(token) > MOST_CHARS or not token.isascii():
        return None
    return sha256(token.encode()).digest()


def shown(token: str) -> str:
    """Return what people recognise a key by."""
    return f"{PREFIX}...{token[-_SHOWN_CHARS:]}"


def same(one: bytes, other: bytes) -> bool:
    """Compare two hashes in a time that says nothing of where they differ."""
    return hmac.compare_digest(one, other)


def read_hash(text: str) -> bytes | None:
    """Return the hash that an admin names a key by; `None` when the text is no hash."""
    if len(text) != _HASH_CHARS or not text.isascii() or not text.isalnum():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
