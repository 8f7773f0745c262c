"""The trace that came with a request: what is observed while it is answered belongs to it.

https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

from opentelemetry import context as context_api
from opentelemetry import trace as trace_api
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


def join(traceparent: str, tracestate: str = "") -> None:
    """Go on in the trace of two headers, in a context that ends with the request (a task's).

    What is no `traceparent` changes nothing.
    """
    carrier = {"traceparent": traceparent, "tracestate": tracestate}
    found = _PROPAGATOR.extract(carrier)
    if trace_api.get_current_span(found).get_span_context().is_valid:
        context_api.attach(found)
