"""Ids that receivers know runs and requests by: UUIDv7, and the same on every retry.

https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-7
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs import Job

_VERSION = 7
_DIGITS = 32
_LAST_MS = (1 << 48) - 1
_RANDOM_BITS = 74


def job_uuid(job: Job) -> UUID:
    """Return the UUID of a job: the one its id is made of, else one made from its id and start."""
    prefix, _, digits = job.job_id.rpartition("job_")
    if not prefix and len(digits) == _DIGITS:
        try:
            found = UUID(hex=digits)
        except ValueError:
            pass
        else:
            if found.version == _VERSION:
                return found
    return uuid7(job.created_at, job.job_id)


def uuid7(at: datetime, about: str) -> UUID:
    """Return a UUIDv7 of a time, whose other bits are a digest instead of random."""
    ms = min(max(0, int(at.timestamp() * 1000)), _LAST_MS)
    rest = int.from_bytes(sha256(about.encode("utf-8", "surrogatepass")).digest()[:10], "big")
    rest >>= 80 - _RANDOM_BITS
    high, low = rest >> 62, rest & ((1 << 62) - 1)
    return UUID(int=ms << 80 | _VERSION << 76 | high << 64 | 0b10 << 62 | low)
