"""The span that needs no OpenTelemetry SDK: random W3C ids and one record at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from vidobs.core.events import SpanKind, SpanRecord
from vidobs.telemetry.attributes import FETCH, GUARD, OPERATION_NAME_OF, job_error, text
from vidobs.telemetry.times import ns

if TYPE_CHECKING:
    from vidobs.core.calls import VideoCall
    from vidobs.core.delivered import Transfer
    from vidobs.core.jobs import Job, TraceRef
    from vidobs.core.verdicts import Verdict

JOB_SPAN = "video_job"


class OpenSpan(Protocol):
    """A span between its start and its end. Times are nanoseconds since 1970."""

    @property
    def live(self) -> bool:
        """Whether anybody is told when it ends; of a row, only the record is."""
        ...

    @property
    def trace(self) -> TraceRef:
        """Its own ids, its parent and the sampling decision."""
        ...

    @property
    def link(self) -> str | None:
        """The W3C traceparent of the create span, where that is not the parent."""
        ...

    def record(
        self,
        end_ns: int,
        *,
        job: Job | None = None,
        status: str | None = None,
        error_type: str | None = None,
    ) -> SpanRecord:
        """Return the row the span will come to, without ending it."""
        ...

    def note(self, transfer: Transfer) -> None:
        """Keep how a download went."""
        ...

    def detach(self) -> None:
        """Stop being the current span; in the context that opened it. Twice is once."""
        ...

    def finish(
        self,
        end_ns: int,
        *,
        job: Job | None = None,
        status: str | None = None,
        error_type: str | None = None,
        detail: str | None = None,
    ) -> SpanRecord:
        """End the span and return its row. Twice is once.

        `status` is the job's state as the call saw it. `error_type` makes the span an error, and
        `detail` (scrubbed) describes it.
        """
        ...

    def discard(self) -> None:
        """Forget the span: it is never exported."""
        ...


class Outcome(NamedTuple):
    """How the span of a job ends: known from the job, whatever the call that saw it says."""

    end_ns: int | None
    status: str
    error_type: str | None


class RowSpan:
    """A span as ids and a start. The record is all that comes of it."""

    live = False

    __slots__ = ("_kind", "_name", "_outcome", "_start_ns", "link", "trace")

    def __init__(
        self,
        name: str,
        trace: TraceRef,
        *,
        start_ns: int,
        link: str | None = None,
        kind: SpanKind = SpanKind.CLIENT,
        outcome: Outcome | None = None,
    ) -> None:
        self._name = name
        self.trace = trace
        self._start_ns = start_ns
        self.link = link
        self._kind = kind
        self._outcome = outcome

    def record(
        self,
        end_ns: int,
        *,
        job: Job | None = None,
        status: str | None = None,
        error_type: str | None = None,
    ) -> SpanRecord:
        """Return the row of the span, ended at `end_ns` but never before it began."""
        if self._outcome is not None:
            known_ns, status, error_type = self._outcome if job is None else job_outcome(job)
            end_ns = known_ns or end_ns
        elif status is None and job is not None:
            status = job.state
        trace = self.trace
        return SpanRecord(
            name=self._name,
            kind=self._kind,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            parent_id=trace.parent_id,
            link=self.link,
            start_ns=self._start_ns,
            end_ns=max(end_ns, self._start_ns),
            status=None if status is None else str(status),  # the plain text of an enum's member
            error_type=error_type,
        )

    def finish(
        self,
        end_ns: int,
        *,
        job: Job | None = None,
        status: str | None = None,
        error_type: str | None = None,
        detail: str | None = None,  # noqa: ARG002 - a row has no place for it
    ) -> SpanRecord:
        """Return the row; there is nothing to end."""
        return self.record(end_ns, job=job, status=status, error_type=error_type)

    def note(self, transfer: Transfer) -> None:
        """Do nothing: a row has no place for it."""

    def detach(self) -> None:
        """Do nothing: a row is never the current span."""

    def discard(self) -> None:
        """Do nothing: a row exists only where it was asked for."""


def span_name(call: VideoCall) -> str:
    """Return the name of a call's span: the operation, and the model of what is made or read."""
    name = OPERATION_NAME_OF[call.operation]
    if call.model is None or name == FETCH:
        return name
    return f"{name} {text(call.model)}"


def job_span_name(job: Job) -> str:
    """Return the name of a job's span."""
    return JOB_SPAN if job.model is None else f"{JOB_SPAN} {text(job.model)}"


def guard_span_name(verdict: Verdict) -> str:
    """Return the name of the span of a guardrail."""
    return f"{GUARD} {text(verdict.guardrail)}"


def job_outcome(job: Job) -> Outcome:
    """Return how the span of a job ends: when the job did, and as an error when that failed."""
    end_ns = None if job.finished_at is None else ns(job.finished_at)
    return Outcome(end_ns, job.state.value, job_error(job))
