"""The objects that `--json` prints. Money is a string of plain digits, or null where unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.cli.spans import NS
from vidobs.core.events import spans_of
from vidobs.core.money import plain

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.money import Cost, CostLine
    from vidobs.core.reports import Spend, SpendRow


class CostLineObject(msgspec.Struct, frozen=True):
    """One line of a bill."""

    unit: str
    quantity: str
    unit_usd: str
    usd: str
    price: str | None


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


class SpanObject(msgspec.Struct, frozen=True, kw_only=True):
    """One span of a job. `start_s` counts from the first span."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_s: float
    duration_s: float
    status: str | None
    error_type: str | None


class EventObject(msgspec.Struct, frozen=True):
    """One event of a job."""

    id: str
    name: str
    at: datetime
    detail: str | None


class JobDetailObject(JobObject, frozen=True, kw_only=True):
    """The job of `vidobs job ID`."""

    error: str | None
    lines: tuple[CostLineObject, ...]
    events: tuple[EventObject, ...]
    spans: tuple[SpanObject, ...]


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


def job_detail(job: Job, events: Sequence[VideoEvent]) -> JobDetailObject:
    """Return a job with its bill, its events and its spans for `--json`."""
    spans = spans_of(events)
    start = min((span.start_ns for span in spans), default=0)
    return JobDetailObject(
        **msgspec.structs.asdict(job_object(job)),
        error=job.error.message or job.error.code if job.error else None,
        lines=tuple(_line(line) for line in job.cost.lines),
        events=tuple(EventObject(e.id, e.name, e.at, e.detail) for e in events),
        spans=tuple(_span(span, start) for span in spans),
    )


def spend_object(spend: Spend) -> SpendObject:
    """Return spend for `--json`."""
    rows = tuple(_spend_row(row) for row in spend.rows)
    return SpendObject(plain(spend.total_usd), plain(spend.possible_usd), rows)


def _cost(cost: Cost) -> CostObject:
    return CostObject(
        usd=_money(cost.usd),
        status=cost.status,
        basis=cost.basis,
        possible_usd=_money(cost.possible_usd),
        quoted_usd=_money(cost.quoted_usd),
    )


def _line(line: CostLine) -> CostLineObject:
    return CostLineObject(
        unit=line.unit,
        quantity=f"{line.quantity:f}",
        unit_usd=plain(line.unit_usd),
        usd=plain(line.usd),
        price=line.price,
    )


def _span(span: SpanRecord, start_ns: int) -> SpanObject:
    return SpanObject(
        name=span.name,
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        start_s=(span.start_ns - start_ns) / NS,
        duration_s=span.duration_s,
        status=span.status,
        error_type=span.error_type,
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
