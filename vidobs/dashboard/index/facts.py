"""What the index keeps of a job: what lists are narrowed by, and what it adds to the sums."""

from __future__ import annotations

from enum import IntFlag

import msgspec

from vidobs.dashboard.index.fingerprints import Failing


class Bit(IntFlag):
    """What `job.flags` says; the partial indices name them by number."""

    RUNNING = 1
    STUCK = 2  # it was said of the job
    EXPIRING = 4  # it was said of the job
    UNREAD = 8
    UNKNOWN = 16
    UNPRICED = 32
    ADOPTED = 64


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the ledger's spend. Amounts in billionths of a dollar."""

    at_us: int
    provider: str
    model: str | None
    user: str | None
    usd: int | None
    possible: int | None
    video_us: int | None
    released: bool = False


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What a job adds to the sums. The same facts, taken out, leave the sums as they were."""

    outcome: str
    provider: str
    model: str | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()  # NAME=VALUE
    asked_us: int = 0  # video that was asked for, of a job that ended
    quoted: int | None = None
    billed: int | None = None  # of a job that is settled or released
    possible: int = 0  # of a create with an unknown outcome
    created_hour: int = 0
    queue: int | None = None  # buckets, of a job that completed
    render: int | None = None
    total: int | None = None
    failing: Failing | None = None
    usd: int | None = None
    entries: tuple[Entry, ...] = ()
    prompt: int = 0  # tells one text from another; 0: there is none


class Row(msgspec.Struct, frozen=True):
    """A job as the index keeps it."""

    seq: int
    version: int
    state: str
    reason: str | None
    flags: int
    expiring_us: int | None
    expires_us: int | None
    facts: Facts
    prompt: str | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Facts)


def dump(facts: Facts) -> bytes:
    """Return facts as the cache keeps them."""
    return _encoder.encode(facts)


def load(stored: bytes) -> Facts:
    """Return facts that the cache kept."""
    return _decoder.decode(stored)
