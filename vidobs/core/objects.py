"""Jobs, spend and dead letters as objects in JSON, for commands and pages.

Money is a string of plain digits, or null where unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import plain
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from decimal import Decimal

    from vidobs.core.jobs import Job
    from vidobs.core.money import Cost
    from vidobs.core.reports import DeadLetter, Spend, SpendRow


class CostObject(msgspec.Struct, frozen=True):
    """What a job costs. `possible_usd` is in no total."""

    usd: str | None
    status: str
    basis: str | None
    possible_usd: str | None
    quoted_usd: str | None


class JobObject(msgspec.Struct, frozen=True, kw_only=True):
    """One job of `vidobs jobs`. Durations are in seconds, times are UTC."""

    job_id: str
    provider: str
    provider_job_id: str | None
    operation: str
    model: str | None
    state: str
    reason: str | None
    trace_id: str
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
    queue_s: float | None
    render_s: float | None
    polls: int
    attempts: int
    seconds: float | None
    size: str | None
    user: str | None
    tags: Mapping[str, str]
    cost: CostObject


class SpendRowObject(msgspec.Struct, frozen=True):
    """The jobs of one key. `unknown` counts those without a known price."""

    key: str | None
    jobs: int
    usd: str | None
    possible_usd: str
    unknown: int
    seconds: float | None


class SpendObject(msgspec.Struct, frozen=True):
    """What `vidobs spend` prints."""

    total_usd: str
    possible_usd: str
    rows: tuple[SpendRowObject, ...]


class LetterObject(msgspec.Struct, frozen=True, kw_only=True):
    """An event that an exporter refused for good. Times are UTC."""

    event_id: str
    exporter: str
    at: datetime  # when it was given up
    error: str  # what the exporter said; empty where a purge took it
    event: str | None  # this and all below is null where the event cannot be read any more
    event_at: datetime | None
    job_id: str | None
    provider: str | None
    model: str | None


def job_object(job: Job) -> JobObject:
    """Return a job for `--json`."""
    seconds = job.request.seconds
    return JobObject(
        job_id=job.job_id,
        provider=job.provider,
        provider_job_id=job.provider_job_id,
        operation=job.operation,
        model=job.model,
        state=job.state,
        reason=job.reason,
        trace_id=job.trace.trace_id,
        created_at=job.created_at,
        submitted_at=job.submitted_at,
        finished_at=job.finished_at,
        queue_s=job.queue_s,
        render_s=job.render_s,
        polls=job.polls,
        attempts=job.attempts,
        seconds=None if seconds is None else float(seconds),
        size=job.request.size,
        user=job.user,
        tags=job.tags,
        cost=_cost(job.cost),
    )


def spend_object(spend: Spend) -> SpendObject:
    """Return spend for `--json`."""
    rows = tuple(_spend_row(row) for row in spend.rows)
    return SpendObject(plain(spend.total_usd), plain(spend.possible_usd), rows)


def letter_object(letter: DeadLetter) -> LetterObject:
    """Return a dead letter for JSON and for pages."""
    event = letter.event
    job = None if event is None else event.job
    return LetterObject(
        event_id=letter.event_id,
        exporter=letter.exporter,
        at=letter.at,
        error=scrub(letter.error),
        event=None if event is None else event.name,
        event_at=None if event is None else event.at,
        job_id=None if job is None else job.job_id,
        provider=None if job is None else job.provider,
        model=None if job is None else job.model,
    )


def _cost(cost: Cost) -> CostObject:
    return CostObject(
        usd=_money(cost.usd),
        status=cost.status,
        basis=cost.basis,
        possible_usd=_money(cost.possible_usd),
        quoted_usd=_money(cost.quoted_usd),
    )


def _spend_row(row: SpendRow) -> SpendRowObject:
    return SpendRowObject(
        key=row.key,
        jobs=row.jobs,
        usd=plain(row.usd) if row.priced else None,
        possible_usd=plain(row.possible_usd),
        unknown=row.unknown,
        seconds=None if row.seconds is None else float(row.seconds),
    )


def _money(usd: Decimal | None) -> str | None:
    return None if usd is None else plain(usd)
