"""The trace around a call that OpenTelemetry knows nothing of: ddtrace's, where it is in use.

A program that has not imported ddtrace is in no trace of its, and it is not imported then.
"""

from __future__ import annotations

import sys

from vidobs.core import ids
from vidobs.core.jobs import TraceRef


def ddtrace_parent() -> TraceRef | None:
    """Return the active span of ddtrace, or `None` where there is none.

    ddtrace decides now whether the trace is kept, as it does before a request to another service:
    the spans of a job leave later, perhaps from another process, and the decision is theirs, too.
    """
    if "ddtrace.trace" not in sys.modules:
        return None
    from ddtrace.trace import tracer

    context = tracer.current_trace_context()
    if context is None or not context.trace_id or not context.span_id:
        return None
    from ddtrace.propagation.http import HTTPPropagator

    headers: dict[str, str] = {}
    HTTPPropagator.inject(tracer.current_span() or context, headers)
    priority = context.sampling_priority
    return TraceRef(
        trace_id=ids.trace_id(context.trace_id),
        span_id=ids.span_id(context.span_id),
        sampled=priority is None or priority > 0,
        tracestate=headers.get("tracestate"),
    )
