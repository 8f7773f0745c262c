"""Opens the spans of calls and jobs, through the user's provider or as rows of our own.

The spans of one job form one trace: `generate_content` at the create, `fetch_response` for polls,
`download_video`, and once the job has ended `video_job` over its whole time. None is held open
across a wait. https://github.com/open-telemetry/semantic-conventions-genai
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace as trace_api
from opentelemetry.environment_variables import OTEL_PYTHON_TRACER_PROVIDER
from opentelemetry.trace import Link, NoOpTracer

from vidobs.core import ids, names
from vidobs.core.events import SpanKind
from vidobs.core.jobs import TraceRef
from vidobs.telemetry import attributes, sdk_spans
from vidobs.telemetry.ambient import ddtrace_parent
from vidobs.telemetry.placement import STAY, Place, Under, place
from vidobs.telemetry.providers import Current, scope_version
from vidobs.telemetry.rows import (
    OpenSpan,
    Outcome,
    RowSpan,
    guard_span_name,
    job_outcome,
    job_span_name,
    span_name,
)
from vidobs.telemetry.sdk_spans import SdkSpan
from vidobs.telemetry.times import ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import SpanContext, Tracer, TracerProvider

    from vidobs.core.calls import VideoCall
    from vidobs.core.events import SpanRecord
    from vidobs.core.jobs import Job
    from vidobs.core.verdicts import Verdict

__all__ = ["OpenSpan", "Tracing"]

SAME_TRACE_S = 3600.0  # how long after the create a call without an ambient span joins its trace
_LINK = {names.LINK_KIND: "job"}
_SET = "_TRACER_PROVIDER"  # where the API keeps the provider that somebody has set


class _Origin(NamedTuple):
    """The create span, and whether it is too long ago to be in one trace with it."""

    trace: TraceRef
    late: bool


class Tracing:
    """Opens spans. Without a provider they are rows; with one they go through it as well.

    `getrandbits` makes the ids of rows; it must not repeat itself after a fork.
    """

    def __init__(
        self,
        provider: TracerProvider | None = None,
        *,
        getrandbits: Callable[[int], int],
        same_trace_s: float = SAME_TRACE_S,
    ) -> None:
        self._given = provider
        self._tracers = Current(provider, _global_provider(), _tracer)
        self._bits = getrandbits
        self._same_trace_ns = int(same_trace_s * 1e9)

    @property
    def active(self) -> bool:
        """Whether a provider is set up, given or global, and OpenTelemetry is not switched off."""
        return self._tracers.get() is not None

    @property
    def provider(self) -> TracerProvider | None:
        """The provider that receives the spans now."""
        if not self.active:
            return None
        return self._given if self._given is not None else trace_api.get_tracer_provider()

    def open(
        self,
        call: VideoCall,
        *,
        start_ns: int,
        job_id: str | None = None,
        origin: TraceRef | None = None,
        origin_ns: int | None = None,
        attach: bool = False,
    ) -> OpenSpan:
        """Open the span of a call that began at `start_ns`, before or after it was made.

        `origin` is the create span of the job, made at `origin_ns`. With `attach` the span is the
        current one of this context until it is finished, discarded or detached.
        """
        tracer = self._tracers.get()
        if tracer is None:
            return self._joined(call, start_ns, self._origin(origin, start_ns, origin_ns))
        create = self._origin(origin, start_ns, origin_ns)
        return self._sdk(tracer, call, start_ns, create, job_id=job_id, attach=attach)

    def open_create(self, call: VideoCall, start_ns: int, job_id: str) -> OpenSpan:
        """Open the span of a create, as `open` does with `attach`."""
        tracer = self._tracers.get()
        if tracer is not None:
            return self._sdk(tracer, call, start_ns, None, job_id=job_id, attach=True)
        around = ddtrace_parent() or sdk_spans.current_ref()
        trace = self._root() if around is None else self._child(around)
        return RowSpan(span_name(call), trace, start_ns=start_ns)

    def open_row(
        self,
        call: VideoCall,
        *,
        start_ns: int,
        origin: TraceRef | None = None,
        origin_ns: int | None = None,
    ) -> OpenSpan:
        """Open the span of a call without OpenTelemetry, whatever is set up."""
        return self._row(call, start_ns, self._origin(origin, start_ns, origin_ns))

    def open_job(self, job: Job) -> OpenSpan:
        """Open the span of a whole job; its outcome is the job's own, not that of a call."""
        tracer = self._tracers.get()
        start_ns = ns(job.created_at)
        name = job_span_name(job)
        outcome = job_outcome(job)
        if tracer is None or not job.trace.sampled:
            return RowSpan(
                name,
                self._child(job.trace),
                start_ns=start_ns,
                kind=SpanKind.INTERNAL,
                outcome=outcome,
            )
        parent = sdk_spans.remote(job.trace)
        span = tracer.start_span(
            name,
            trace_api.set_span_in_context(sdk_spans.silent(parent)),
            kind=trace_api.SpanKind.INTERNAL,
            attributes=attributes.of_job(job),
            start_time=start_ns,
            record_exception=False,
            set_status_on_exception=False,
        )
        return SdkSpan(
            name,
            sdk_spans.trace_ref(span.get_span_context(), parent),
            span=span,
            start_ns=start_ns,
            kind=SpanKind.INTERNAL,
            outcome=outcome,
        )

    def judged(self, verdict: Verdict, job: Job) -> SpanRecord:
        """Make the span of a guardrail that has looked, as a child of the job's create span."""
        tracer, trace = self._tracers.get(), job.trace
        name = guard_span_name(verdict)
        outcome = Outcome(verdict.end_ns, verdict.ruling.value, verdict.error_type)
        if tracer is None or not trace.sampled:
            row = RowSpan(
                name,
                self._child(trace),
                start_ns=verdict.start_ns,
                kind=SpanKind.INTERNAL,
                outcome=outcome,
            )
            return row.record(verdict.end_ns)
        parent = sdk_spans.remote(trace)
        span = tracer.start_span(
            name,
            trace_api.set_span_in_context(sdk_spans.silent(parent)),
            kind=trace_api.SpanKind.INTERNAL,
            attributes=attributes.of_guard(job, verdict.guardrail, verdict.ruling),
            start_time=verdict.start_ns,
            record_exception=False,
            set_status_on_exception=False,
        )
        return SdkSpan(
            name,
            sdk_spans.trace_ref(span.get_span_context(), parent),
            span=span,
            start_ns=verdict.start_ns,
            kind=SpanKind.INTERNAL,
            outcome=outcome,
        ).finish(verdict.end_ns)

    def _sdk(
        self,
        tracer: Tracer,
        call: VideoCall,
        start_ns: int,
        create: _Origin | None,
        *,
        job_id: str | None,
        attach: bool,
    ) -> OpenSpan:
        """Open a span through the provider, in the place it belongs to."""
        current = trace_api.get_current_span().get_span_context()
        ambient = current if current.is_valid else None
        where = STAY if create is None else _place(create, ambient)
        if create is not None and ambient is None and not create.trace.sampled:
            return self._silent(call, start_ns, create, attach=attach)
        parent = ambient
        context = None
        if create is not None and where.under is Under.ORIGIN:
            parent = sdk_spans.remote(create.trace)
            context = trace_api.set_span_in_context(sdk_spans.silent(parent))
        name = span_name(call)
        span = tracer.start_span(
            name,
            context,
            kind=trace_api.SpanKind.CLIENT,
            attributes=attributes.of_call(call, job_id),
            links=_links(create, where),
            start_time=start_ns,
            record_exception=False,
            set_status_on_exception=False,
        )
        own = span.get_span_context()
        if not own.is_valid or (parent is not None and own.span_id == parent.span_id):
            return self._row(call, start_ns, create)  # the provider has switched vidobs off
        opened = SdkSpan(
            name,
            sdk_spans.trace_ref(own, parent),
            span=span,
            start_ns=start_ns,
            call=call,
            link=_traceparent(create, where),
        )
        if attach:
            opened.attach()
        return opened

    def _silent(self, call: VideoCall, start_ns: int, create: _Origin, *, attach: bool) -> OpenSpan:
        """Open a span nobody records: the decision was made at the create, and it rules."""
        where = _place(create, None)
        ref = (
            self._child(create.trace) if where.under is Under.ORIGIN else self._root(sampled=False)
        )
        opened = SdkSpan(
            span_name(call),
            ref,
            span=sdk_spans.silent(sdk_spans.unsampled(ref)),
            start_ns=start_ns,
            call=call,
            link=_traceparent(create, where),
        )
        if attach:
            opened.attach()
        return opened

    def _joined(self, call: VideoCall, start_ns: int, create: _Origin | None) -> OpenSpan:
        """Open a span without a provider, in ddtrace's trace or in one that came with a request."""
        around = (ddtrace_parent() or sdk_spans.current_ref()) if create is None else None
        if around is None:
            return self._row(call, start_ns, create)
        return RowSpan(span_name(call), self._child(around), start_ns=start_ns)

    def _row(self, call: VideoCall, start_ns: int, create: _Origin | None) -> OpenSpan:
        """Open a span without OpenTelemetry."""
        if create is None:
            return RowSpan(span_name(call), self._root(), start_ns=start_ns)
        if create.late:
            link = create.trace.traceparent
            trace = self._root(sampled=create.trace.sampled)
            return RowSpan(span_name(call), trace, start_ns=start_ns, link=link)
        return RowSpan(span_name(call), self._child(create.trace), start_ns=start_ns)

    def _root(self, *, sampled: bool = True) -> TraceRef:
        bits = self._bits
        return TraceRef(ids.trace_id(bits(128)), ids.span_id(bits(64)), sampled)

    def _child(self, of: TraceRef) -> TraceRef:
        span_id = ids.span_id(self._bits(64))
        return TraceRef(of.trace_id, span_id, of.sampled, of.span_id, of.tracestate)

    def _origin(
        self, origin: TraceRef | None, start_ns: int, origin_ns: int | None
    ) -> _Origin | None:
        if origin is None:
            return None
        late = origin_ns is not None and start_ns - origin_ns > self._same_trace_ns
        return _Origin(origin, late)


def _global_provider() -> Callable[[], TracerProvider]:
    """Return what finds the global provider.

    While none is set, the API's own function reads the environment each time, which takes longer
    than the span; here it is read once. It may name a provider, which that function then makes.
    """
    ask = trace_api.get_tracer_provider
    if OTEL_PYTHON_TRACER_PROVIDER in os.environ or not hasattr(trace_api, _SET):
        return ask
    none = ask()
    known = vars(trace_api)
    return lambda: known[_SET] or none


def _tracer(provider: TracerProvider) -> Tracer | None:
    tracer = provider.get_tracer(names.SCOPE, scope_version(), names.SCHEMA_URL)
    return None if isinstance(tracer, NoOpTracer) else tracer


def _place(create: _Origin, ambient: SpanContext | None) -> Place:
    trace_id = None if ambient is None else ids.trace_id(ambient.trace_id)
    return place(origin=create.trace.trace_id, ambient=trace_id, late=create.late)


def _links(create: _Origin | None, where: Place) -> list[Link]:
    if create is None or not where.linked:
        return []
    return [Link(sdk_spans.remote(create.trace), _LINK)]


def _traceparent(create: _Origin | None, where: Place) -> str | None:
    return create.trace.traceparent if create is not None and where.linked else None
