"""Events: what exporters and callbacks see. The enum is the list."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import Job, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA_VERSION = 1


class EventName(StrEnum):
    """Every event vidobs emits."""

    __hash__ = str.__hash__  # as equal texts have; an enum's own is slow

    SUBMITTED = "video.submitted"  # the provider accepted the job
    STARTED = "video.started"  # first seen rendering
    PROGRESS = "video.progress"  # another tenth is done
    COMPLETED = "video.completed"  # the video is there; the cost is settled
    FAILED = "video.failed"  # there will be no video; see `job.reason`
    CANCELLED = "video.cancelled"  # stopped on request
    EXPIRED = "video.expired"  # the job never ran
    UNKNOWN = "video.unknown"  # sent, and nobody knows whether it was accepted
    DOWNLOADED = "video.downloaded"  # the bytes of an asset were read
    MISMATCH = "video.mismatch"  # the delivered file is not what was asked for
    THUMBNAIL = "video.thumbnail"  # a picture of it is beside the ledger: `job.file.thumbnail`
    EXPIRING = "video.expiring"  # paid for, not downloaded, soon gone
    STUCK = "video.stuck"  # no change for longer than it should take
    CALL_FAILED = "call.failed"  # a call raised; the job may be fine
    BUDGET_EXCEEDED = "budget.exceeded"  # a create was refused before it was sent
    BUDGET_WARNING = "budget.warning"  # a soft threshold was passed
    GUARDRAIL_BLOCKED = "guardrail.blocked"  # a guardrail stopped a prompt, or holds a video back
    GUARDRAIL_FLAGGED = "guardrail.flagged"  # it found something, and redacted or only told it
    GUARDRAIL_PASSED = "guardrail.passed"  # a guardrail looked and found nothing
    EXPORTER_DOWN = "exporter.down"  # an exporter keeps failing
    EXPORTER_RECOVERED = "exporter.recovered"  # it delivers again

    @property
    def terminal(self) -> bool:
        """Whether it says that a job ended."""
        return self in TERMINAL_EVENTS


TERMINAL_EVENT_OF = {
    JobState.COMPLETED: EventName.COMPLETED,
    JobState.FAILED: EventName.FAILED,
    JobState.CANCELLED: EventName.CANCELLED,
    JobState.EXPIRED: EventName.EXPIRED,
}
TERMINAL_EVENTS = frozenset(TERMINAL_EVENT_OF.values())
GUARDRAIL_EVENTS = frozenset(
    {EventName.GUARDRAIL_BLOCKED, EventName.GUARDRAIL_FLAGGED, EventName.GUARDRAIL_PASSED}
)
NO_EXCEPTION = GUARDRAIL_EVENTS | {EventName.MISMATCH}  # their detail is not what a call raised


class SpanKind(StrEnum):
    """The two kinds vidobs makes."""

    CLIENT = "client"
    INTERNAL = "internal"


class SpanRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """One span as plain data: what the event's exporter needs to rebuild it. Times in ns."""

    name: str
    kind: SpanKind = SpanKind.CLIENT
    trace_id: str
    span_id: str
    parent_id: str | None = None
    link: str | None = None  # a W3C traceparent it points to instead of having it as parent
    start_ns: int
    end_ns: int
    status: str | None = None  # the job's state as the call saw it
    error_type: str | None = None  # set when the span failed

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


class VideoEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """Something happened to a job. The same `id` arrives at every exporter, on every retry."""

    id: str  # UUIDv7
    name: EventName
    at: datetime
    job: Job  # as it then stood
    spans: tuple[SpanRecord, ...] = ()
    detail: str | None = None  # the error's type and scrubbed text; what does not match
    schema_version: int = SCHEMA_VERSION

    @property
    def trace_id(self) -> str:
        """The trace the event belongs to; never empty."""
        return self.job.trace.trace_id


def spans_of(events: Iterable[VideoEvent]) -> list[SpanRecord]:
    """Return each span once, by start; of one that stands in several events the last form."""
    last = {span.span_id: span for event in events for span in event.spans}
    return sorted(last.values(), key=lambda span: (span.start_ns, span.end_ns, span.span_id))


def matches(pattern: str, name: str) -> bool:
    """Tell whether an event name fits a pattern: exact, `video.*` or `*`.

    >>> matches("video.*", "video.failed"), matches("call.failed", "video.failed")
    (True, False)
    """
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return pattern == name
