"""What makes two failures the same one: all but the numbers, ids and names in the message. Pure."""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec

MOST_CHARS = 200  # of a message; what comes behind them does not tell failures apart

_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|`[^`]*`|(?<!\w)'[^']*'(?!\w)|\u201c[^\u201d]*\u201d")
_ID = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z_])[\w-]{6,}(?!\w)|\b[0-9a-f]{16,}\b")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SPACE = re.compile(r"\s+")
_LOOKED_AT = 4 * MOST_CHARS


class Failing(msgspec.Struct, frozen=True, array_like=True):
    """How a job failed."""

    provider: str
    model: str | None
    reason: str | None
    code: str | None
    message: str | None  # without what differs from one to the next

    @property
    def fingerprint(self) -> str:
        """What failures of this kind have in common, in short."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()


def likeness(message: str | None) -> str | None:
    """Return a message without its numbers, ids, addresses and quotations.

    >>> likeness("Job 4711 (req_8f3a21) exceeded 10.5 s")
    'Job <n> (<id>) exceeded <n> s'
    """
    if not message:
        return None
    text = message[:_LOOKED_AT]
    for pattern, instead in ((_URL, "<url>"), (_QUOTED, "<text>"), (_ID, "<id>"), (_NUMBER, "<n>")):
        text = pattern.sub(instead, text)
    return _SPACE.sub(" ", text).strip()[:MOST_CHARS] or None
