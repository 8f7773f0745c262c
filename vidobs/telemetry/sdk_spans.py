"""The span that goes through the user's OpenTelemetry provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace as trace_api
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from vidobs.core import ids, names
from vidobs.core.events import SpanKind, SpanRecord
from vidobs.core.jobs import TraceRef
from vidobs.telemetry import attributes
from vidobs.telemetry.rows import Outcome, RowSpan

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from vidobs.core.calls import VideoCall
    from vidobs.core.delivered import Transfer
    from vidobs.core.jobs import Job

_NO_SPAN = trace_api.INVALID_SPAN  # what the API gives where there is none
MAX_DESCRIPTION = 256  # characters of a status description


class SdkSpan(RowSpan):
    """A row with a span of the SDK beside it, which may be the current one of its context."""

    live = True

    __slots__ = ("_call", "_open", "_span", "_token")

    def __init__(
        self,
        name: str,
        trace: TraceRef,
        *,
        span: Span,
        start_ns: int,
        call: VideoCall | None = None,  # None: the span of a whole job
        link: str | None = None,
        kind: SpanKind = SpanKind.CLIENT,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(name, trace, start_ns=start_ns, link=link, kind=kind, outcome=outcome)
        self._span = span
        self._call = call
        self._token: Token[Context] | None = None
        self._open = True

    def attach(self) -> None:
        """Become the current span, so that HTTP spans go under it."""
        self._token = context_api.attach(trace_api.set_span_in_context(self._span))

    def note(self, transfer: Transfer) -> None:
        """Say how a download went."""
        if self._open:
            self._span.set_attributes(attributes.of_transfer(transfer))

    def detach(self) -> None:
        """Stop being the current span; in the context that opened it. Twice is once."""
        token, self._token = self._token, None
        if token is not None:
            context_api.detach(token)

    def finish(
        self,
        end_ns: int,
        *,
        job: Job | None = None,
        status: str | None = None,
        error_type: str | None = None,
        detail: str | None = None,
    ) -> SpanRecord:
        """End the span with what its answer told. Twice is once."""
        self.detach()
        row = self.record(end_ns, job=job, status=status, error_type=error_type)
        if self._open:
            self._open = False
            self._end(row, job, detail)
        return row

    def discard(self) -> None:
        """Leave the span unended: what never ends is never exported."""
        self.detach()
        self._open = False

    def _end(self, row: SpanRecord, job: Job | None, detail: str | None) -> None:
        span = self._span
        span.set_attributes(self._final(row, job))
        if row.error_type is not None:
            text = attributes.text(detail, MAX_DESCRIPTION) if detail else None
            span.set_status(Status(StatusCode.ERROR, text))
        span.end(end_time=row.end_ns)

    def _final(self, row: SpanRecord, job: Job | None) -> attributes.Attributes:
        if self._call is not None:
            return attributes.of_answer(
                self._call, job, status=row.status, error_type=row.error_type
            )
        final = {} if job is None else attributes.of_state(job)
        if row.error_type is not None:
            final[names.ERROR_TYPE] = row.error_type
        return final


def silent(context: SpanContext) -> Span:
    """Return a span that records nothing, whose children nobody records either."""
    return NonRecordingSpan(context)


def remote(origin: TraceRef) -> SpanContext:
    """Return the context of a span that some process made, perhaps this one, perhaps long ago."""
    return _context(origin.trace_id, origin.span_id, origin=origin, is_remote=True)


def unsampled(trace: TraceRef) -> SpanContext:
    """Return the context of a span of ours in a trace that was not to be sampled."""
    return _context(trace.trace_id, trace.span_id, origin=trace, is_remote=False)


def current_ref() -> TraceRef | None:
    """Return the current span of this context, `None` where there is none."""
    span = trace_api.get_current_span()
    if span is _NO_SPAN:
        return None
    current = span.get_span_context()
    return trace_ref(current, None) if current.is_valid else None


def trace_ref(context: SpanContext, parent: SpanContext | None) -> TraceRef:
    """Return a span's context as plain data."""
    return TraceRef(
        trace_id=ids.trace_id(context.trace_id),
        span_id=ids.span_id(context.span_id),
        sampled=bool(context.trace_flags & TraceFlags.SAMPLED),
        parent_id=None if parent is None else ids.span_id(parent.span_id),
        tracestate=context.trace_state.to_header() if context.trace_state else None,
    )


def _context(trace_id: str, span_id: str, *, origin: TraceRef, is_remote: bool) -> SpanContext:
    flags = TraceFlags.SAMPLED if origin.sampled else TraceFlags.DEFAULT
    state = TraceState.from_header([origin.tracestate]) if origin.tracestate else None
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(flags), state)
