"""The object of one job in JSON: everything that the ledger holds of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import spans_of
from vidobs.core.money import plain
from vidobs.core.objects import JobObject, job_object
from vidobs.core.span_tree import NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.lineage import Lineage
    from vidobs.core.money import CostLine
    from vidobs.core.phases import Phase, Story


class CostLineObject(msgspec.Struct, frozen=True):
    """One line of a bill."""

    unit: str
    quantity: str
    unit_usd: str
    usd: str
    price: str | None


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


class PhaseObject(msgspec.Struct, frozen=True, kw_only=True):
    """A phase in seconds after `created_at`; certain only from `sure_start_s` to `sure_end_s`."""

    name: str
    start_s: float
    sure_start_s: float
    sure_end_s: float
    end_s: float
    estimated: bool
    open: bool
    failed: bool


class RelativeObject(msgspec.Struct, frozen=True):
    """A job that a job was made from, or that was made from it; ids alone where it is not here."""

    provider_job_id: str | None
    job_id: str | None
    operation: str | None
    state: str | None


class JobDetailObject(JobObject, msgspec.Struct, frozen=True, kw_only=True):
    """The job of `vidobs job ID`."""

    dialect: str
    served_model: str | None
    raw_status: str | None
    progress: int | None
    adopted: bool
    error: str | None
    error_code: str | None
    started_at: datetime | None
    expires_at: datetime | None
    request: Mapping[str, object]
    request_hash: str | None
    prompt: str | None
    idempotency_key: str | None
    server_address: str | None
    server_port: int | None
    asset: str
    file: Mapping[str, object] | None
    usage: Mapping[str, object] | None
    lines: tuple[CostLineObject, ...]
    phases: tuple[PhaseObject, ...]
    parent: RelativeObject | None
    children: tuple[RelativeObject, ...]
    children_complete: bool
    events: tuple[EventObject, ...]
    spans: tuple[SpanObject, ...]


def job_detail(
    job: Job, events: Sequence[VideoEvent], story: Story, lineage: Lineage
) -> JobDetailObject:
    """Return a job with its bill, its phases, its family, its events and its spans."""
    spans = spans_of(events)
    start = min((span.start_ns for span in spans), default=0)
    return JobDetailObject(
        **msgspec.structs.asdict(job_object(job)),
        dialect=job.dialect,
        served_model=job.served_model,
        raw_status=job.raw_status,
        progress=job.progress,
        adopted=job.adopted,
        error=job.error.message or job.error.code if job.error else None,
        error_code=job.error.code if job.error else None,
        started_at=job.started_at,
        expires_at=job.expires_at,
        request=msgspec.structs.asdict(job.request),
        request_hash=job.request_hash,
        prompt=job.prompt,
        idempotency_key=job.idempotency_key,
        server_address=job.server_address,
        server_port=job.server_port,
        asset=job.asset,
        file=msgspec.structs.asdict(job.file) if job.file else None,
        usage=msgspec.structs.asdict(job.usage) if job.usage else None,
        lines=tuple(_line(line) for line in job.cost.lines),
        phases=tuple(_phase(phase, job) for phase in story.phases),
        parent=_relative(lineage.parent_id, lineage.parent) if lineage.parent_id else None,
        children=tuple(_relative(one.provider_job_id, one) for one in lineage.children.jobs),
        children_complete=lineage.children.complete,
        events=tuple(EventObject(e.id, e.name, e.at, e.detail) for e in events),
        spans=tuple(_span(span, start) for span in spans),
    )


def _line(line: CostLine) -> CostLineObject:
    return CostLineObject(
        unit=line.unit,
        quantity=f"{line.quantity:f}",
        unit_usd=plain(line.unit_usd),
        usd=plain(line.usd),
        price=line.price,
    )


def _phase(phase: Phase, job: Job) -> PhaseObject:
    def after(moment: datetime) -> float:
        return (moment - job.created_at).total_seconds()

    return PhaseObject(
        name=phase.name,
        start_s=after(phase.start),
        sure_start_s=after(phase.sure_start),
        sure_end_s=after(phase.sure_end),
        end_s=after(phase.end),
        estimated=phase.estimated,
        open=phase.open,
        failed=phase.failed,
    )


def _relative(provider_job_id: str | None, job: Job | None) -> RelativeObject:
    if job is None:
        return RelativeObject(provider_job_id, None, None, None)
    return RelativeObject(provider_job_id, job.job_id, job.operation, job.state)


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
