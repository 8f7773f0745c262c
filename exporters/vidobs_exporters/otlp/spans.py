"""The spans of events as an OTLP request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from vidobs import SCHEMA_URL, Job, SpanKind, SpanRecord, span_attributes, spans_of
from vidobs_exporters.otlp.values import SCOPE, bounded_ns, key_values, resource_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from vidobs import VideoEvent
    from vidobs_exporters.otlp.values import Values

    Dialect: TypeAlias = Callable[[Values, SpanRecord, Job], Values]

MAX_DESCRIPTION = 256  # characters of a status message, as in process

_KINDS = {SpanKind.CLIENT: Span.SPAN_KIND_CLIENT, SpanKind.INTERNAL: Span.SPAN_KIND_INTERNAL}
_LINK = {"vidobs.link": "job"}  # as on links in process
_SAMPLED = 1  # https://www.w3.org/TR/trace-context-2/#sampled-flag


def trace_request(
    events: Sequence[VideoEvent], *, resource: Values, dialect: Dialect
) -> ExportTraceServiceRequest | None:
    """Return the request with the spans of some events, or `None` when they have none.

    Each span is in it once, in its last form. Spans of traces that were not to be sampled are left
    out: the decision made at the create rules. `dialect` gets the attributes as they are in
    process, the span, and the job of the event that told of it.
    """
    told = _told(event for event in events if event.job.trace.sampled)
    spans = [
        _span(span, told[span.span_id], dialect)
        for span in spans_of(event for event in events if event.job.trace.sampled)
    ]
    if not spans:
        return None
    scoped = ScopeSpans(scope=SCOPE, spans=spans, schema_url=SCHEMA_URL)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource_of(resource), scope_spans=[scoped])]
    )


def _told(events: Iterable[VideoEvent]) -> dict[str, VideoEvent]:
    """Return the last event that tells of each span, by the span's id."""
    return {span.span_id: event for event in events for span in event.spans}


def _span(span: SpanRecord, event: VideoEvent, dialect: Dialect) -> Span:
    trace = event.job.trace
    same = span.trace_id == trace.trace_id
    return Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        trace_state=(trace.tracestate or "") if same else "",
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        flags=_SAMPLED,
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=bounded_ns(span.start_ns),
        end_time_unix_nano=bounded_ns(span.end_ns),
        attributes=key_values(dialect(span_attributes(span, event.job), span, event.job)),
        links=[_link(span.link)] if span.link else None,
        status=_status(span, event),
    )


def _link(traceparent: str) -> Span.Link:
    _, trace_id, span_id, flags = traceparent.split("-")
    return Span.Link(
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span_id),
        attributes=key_values(_LINK),
        flags=int(flags, 16),
    )


def _status(span: SpanRecord, event: VideoEvent) -> Status | None:
    """What the call raised describes the span of the call, and no other."""
    if not span.error_type:
        return None
    detail = event.detail if span.kind is SpanKind.CLIENT else None
    message = "" if detail is None else _description(detail)
    return Status(code=Status.STATUS_CODE_ERROR, message=message)


def _description(detail: str) -> str:
    return detail[:MAX_DESCRIPTION].encode("utf-8", "replace").decode()
