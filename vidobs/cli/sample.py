"""A made-up event, to see whether a receiver takes events at all. Nothing of it is recorded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from vidobs.core import ids
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.events import EventName, SpanKind, SpanRecord, VideoEvent
from vidobs.core.jobs import AssetState, Job, JobError, JobState, Reason, TraceRef
from vidobs.core.money import Cost, CostBasis, CostStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

PROVIDER = "vidobs"
MODEL = "vidobs-test"
TAG = {"vidobs.test": "true"}
_TOOK = timedelta(seconds=1)
_STATES = {
    EventName.SUBMITTED: JobState.QUEUED,
    EventName.STARTED: JobState.IN_PROGRESS,
    EventName.PROGRESS: JobState.IN_PROGRESS,
    EventName.STUCK: JobState.IN_PROGRESS,
    EventName.UNKNOWN: JobState.UNKNOWN,
    EventName.FAILED: JobState.FAILED,
    EventName.CANCELLED: JobState.CANCELLED,
    EventName.EXPIRED: JobState.EXPIRED,
}  # else the video is there
_VIDEO = "video."


def event_name(text: str) -> EventName:
    """Read the name of an event that a job can have.

    Raises:
        ConfigError: there is none of that name.
    """
    known = [name.value for name in EventName if name.startswith(_VIDEO)]
    if text not in known:
        raise ConfigError(unknown_name("event", text, known))
    return EventName(text)


def sample_event(
    name: EventName = EventName.COMPLETED,
    *,
    now: datetime,
    getrandbits: Callable[[int], int],
) -> VideoEvent:
    """Return an event of a job that took a second, made one and cost nothing.

    Ids and trace are new each time, so that no receiver takes two of them for one.
    """
    job = _job(_STATES.get(name, JobState.COMPLETED), now, getrandbits)
    return VideoEvent(
        id=ids.event_id(_ns(now), getrandbits(ids.SEED_BITS)),
        name=name,
        at=now,
        job=job,
        spans=_spans(job, now, getrandbits) if name.terminal else (),
    )


def _job(state: JobState, now: datetime, getrandbits: Callable[[int], int]) -> Job:
    begun = now - _TOOK
    digits = ids.job_id(_ns(begun), getrandbits(ids.SEED_BITS))
    failed = state is JobState.FAILED
    running = state in {JobState.QUEUED, JobState.IN_PROGRESS, JobState.UNKNOWN}
    return Job(
        job_id=digits,
        provider=PROVIDER,
        dialect="openai",
        provider_job_id=f"video_{digits.removeprefix('job_')}",
        created_at=begun,
        submitted_at=begun,
        started_at=None if state is JobState.QUEUED else begun,
        finished_at=None if running else now,
        trace=TraceRef(ids.trace_id(getrandbits(128)), ids.span_id(getrandbits(64))),
        state=state,
        reason=Reason.PROVIDER_ERROR if failed else None,
        error=JobError("vidobs_test", "a test of vidobs; nothing failed") if failed else None,
        model=MODEL,
        request=VideoRequest(seconds=Decimal(1), size="16x16"),
        attribution=Attribution(tags=TAG),
        asset=AssetState.AVAILABLE if state is JobState.COMPLETED else AssetState.NONE,
        cost=Cost(
            status=CostStatus.RESERVED if running else CostStatus.SETTLED,
            basis=CostBasis.REPORTED,
            usd=Decimal(0),
            quoted_usd=Decimal(0),
        ),
    )


def _spans(job: Job, now: datetime, getrandbits: Callable[[int], int]) -> tuple[SpanRecord, ...]:
    """Return the span of the create, and that of the whole job below it."""
    trace = job.trace
    start_ns, end_ns = _ns(job.created_at), _ns(now)
    create = SpanRecord(
        name=f"generate_content {MODEL}",
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        status=JobState.QUEUED,
        start_ns=start_ns,
        end_ns=end_ns,
    )
    whole = SpanRecord(
        name=f"video_job {MODEL}",
        kind=SpanKind.INTERNAL,
        trace_id=trace.trace_id,
        span_id=ids.span_id(getrandbits(64)),
        parent_id=trace.span_id,
        status=job.state,
        error_type=job.reason,
        start_ns=start_ns,
        end_ns=end_ns,
    )
    return create, whole


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
