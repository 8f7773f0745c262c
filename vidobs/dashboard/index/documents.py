"""From the ledger's rows to what the index keeps of them: only the fields that it needs. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from vidobs.core.jobs import AssetState, JobError, JobState, Notice, Reason
from vidobs.core.money import CostStatus
from vidobs.core.notices import MOST_BEFORE_S, SHARE_BEFORE
from vidobs.dashboard.index.answers import Outcome
from vidobs.dashboard.index.buckets import bucket_of
from vidobs.dashboard.index.facts import Bit, Entry, Facts, Row
from vidobs.dashboard.index.fingerprints import Failing, likeness
from vidobs.dashboard.index.periods import HOUR_US
from vidobs.ledger import codec
from vidobs.telemetry.attributes import HASHED

if TYPE_CHECKING:
    from collections.abc import Sequence

_MICROS = 1_000_000
_RUNNING = frozenset({JobState.SUBMITTING, JobState.QUEUED, JobState.IN_PROGRESS})
_FINAL = frozenset({CostStatus.SETTLED, CostStatus.RELEASED})


class _Request(msgspec.Struct, frozen=True):
    seconds: Decimal | None = None
    n: int = 1


class _Cost(msgspec.Struct, frozen=True):
    status: CostStatus = CostStatus.UNKNOWN
    usd: Decimal | None = None
    possible_usd: Decimal | None = None
    quoted_usd: Decimal | None = None


class _Who(msgspec.Struct, frozen=True):
    user: str | None = None
    tags: dict[str, str] = {}


class _Document(msgspec.Struct, frozen=True):
    """The part of a job's document that the index looks at."""

    provider: str
    state: JobState = JobState.SUBMITTING
    model: str | None = None
    reason: Reason | None = None
    error: JobError | None = None
    created_at: datetime | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    request: _Request = _Request()
    asset: AssetState = AssetState.NONE
    cost: _Cost = _Cost()
    attribution: _Who = _Who()
    prompt: str | None = None
    adopted: bool = False
    notices: tuple[Notice, ...] = ()


_decoder = msgspec.json.Decoder(_Document)


def read(seq: int, version: int, doc: bytes, entries: Sequence[Entry]) -> Row | None:
    """Return what the index keeps of a job; `None` where the document cannot be read."""
    try:
        job = _decoder.decode(doc)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    expiring_us, expires_us = _expiry(job)
    facts = _facts(seq, job, tuple(entries))
    return Row(
        seq=seq,
        version=version,
        state=job.state,
        reason=job.reason,
        flags=_flags(job, facts),
        expiring_us=expiring_us,
        expires_us=expires_us,
        facts=facts,
        prompt=job.prompt if facts.prompt else None,
    )


def remains(before: Facts | None, entries: Sequence[Entry]) -> Facts | None:
    """Return what stays of a job that was deleted: its money, and what is nobody's.

    `None` when there is no money of it: then it was one of two rows of a job that is there still.
    Of a job that the index never saw the entries say nearly everything.
    """
    if not entries:
        return None
    first = entries[0]
    if before is None:
        return Facts(
            outcome=_guess(entries),
            provider=first.provider,
            model=first.model,
            user=first.user,
            created_hour=first.at_us // HOUR_US,
            usd=_sum_usd(entries),
            entries=tuple(entries),
        )
    return msgspec.structs.replace(
        before, user=first.user, tags=(), failing=None, prompt=0, entries=tuple(entries)
    )


def _guess(entries: Sequence[Entry]) -> str:
    """Only finished video has seconds, as far as they are known; what is released has none."""
    if any(entry.video_us is not None for entry in entries):
        return Outcome.COMPLETED
    return Outcome.DELETED


def _sum_usd(entries: Sequence[Entry]) -> int | None:
    known = [entry.usd for entry in entries if entry.usd is not None]
    return sum(known) if known else None


def _facts(seq: int, job: _Document, entries: tuple[Entry, ...]) -> Facts:
    cost, asked = job.cost, job.request.seconds
    final = cost.status in _FINAL
    timed = job.state is JobState.COMPLETED and not job.adopted
    failed = job.state is JobState.FAILED
    return Facts(
        outcome=_outcome(job),
        provider=job.provider,
        model=job.model,
        user=job.attribution.user,
        tags=tuple(f"{name}={value}" for name, value in job.attribution.tags.items()),
        asked_us=int(asked * job.request.n * _MICROS) if asked and job.state.terminal else 0,
        quoted=codec.nano(cost.quoted_usd),
        billed=codec.nano(cost.usd) if final else None,
        possible=(codec.nano(cost.possible_usd) or 0) if job.state is JobState.UNKNOWN else 0,
        created_hour=(seq >> codec.SEQ_RANDOM_BITS) * 1000 // HOUR_US,
        queue=_bucket(job.submitted_at, job.started_at) if timed else None,
        render=_bucket(job.started_at, job.finished_at) if timed else None,
        total=_bucket(job.created_at, job.finished_at) if timed else None,
        failing=_failing(job) if failed else None,
        usd=codec.nano(cost.usd),
        entries=entries,
        prompt=_mark(job.prompt),
    )


def _outcome(job: _Document) -> str:
    if job.state is JobState.FAILED and job.reason is not None and job.reason.moderation:
        return Outcome.MODERATED
    return job.state


def _bucket(start: datetime | None, end: datetime | None) -> int | None:
    if start is None or end is None:
        return None
    return bucket_of((end - start).total_seconds())


def _failing(job: _Document) -> Failing:
    error = job.error
    return Failing(
        provider=job.provider,
        model=job.model,
        reason=job.reason,
        code=None if error is None else error.code,
        message=None if error is None else likeness(error.message),
    )


def _mark(prompt: str | None) -> int:
    """Return what tells one prompt from another; 0 where there is none but perhaps a hash."""
    if not prompt or prompt.startswith(HASHED):
        return 0
    return crc32(prompt.encode("utf-8", "replace")) or 1


def _flags(job: _Document, facts: Facts) -> int:
    flags = Bit.RUNNING if job.state in _RUNNING else Bit(0)
    if Notice.STUCK in job.notices and job.state in _RUNNING:
        flags |= Bit.STUCK
    if Notice.EXPIRING in job.notices:
        flags |= Bit.EXPIRING
    if job.state is JobState.COMPLETED and job.asset is AssetState.AVAILABLE:
        flags |= Bit.UNREAD
    if job.state is JobState.UNKNOWN:
        flags |= Bit.UNKNOWN
    if job.state.terminal and facts.usd is None:
        flags |= Bit.UNPRICED
    if job.adopted:
        flags |= Bit.ADOPTED
    return int(flags)


def _expiry(job: _Document) -> tuple[int | None, int | None]:
    """Return from when on the video is soon gone, as `notices.expiring_from`, and when it is."""
    if job.expires_at is None:
        return None, None
    ended = job.finished_at or job.created_at or job.expires_at
    kept_s = max(0.0, (job.expires_at - ended).total_seconds())
    expires_us = codec.us(job.expires_at)
    return expires_us - int(min(MOST_BEFORE_S, SHARE_BEFORE * kept_s) * _MICROS), expires_us
