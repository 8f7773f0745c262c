"""A trace that came with a request: creates belong to it, with a provider and without."""

from contextvars import Context

import pytest
from opentelemetry import trace

from vidobs.telemetry.incoming import join

T0 = 1_795_000_000_000_000_000
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(params=["sdk", "rows"])
def tracing(request):
    """Both ways a span can be made."""
    made = request.getfixturevalue(request.param)
    return made.tracing if request.param == "sdk" else made


def test_a_create_is_a_child_of_the_span_that_came_along(tracing, create):
    """It goes on in the trace of the headers, and carries its state along."""

    def answered():
        join(f"00-{TRACE}-{SPAN}-01", "vendor=1")
        return tracing.open(create, start_ns=T0).trace

    ref = Context().run(answered)

    assert (ref.trace_id, ref.parent_id, ref.sampled) == (TRACE, SPAN, True)
    assert ref.tracestate == "vendor=1"


@pytest.mark.parametrize("odd", ["", "00-1-2-3", f"00-{'0' * 32}-{SPAN}-01", "\u00fc" * 55])
def test_what_is_no_trace_changes_nothing(odd):
    """The context stays as it was."""

    def answered():
        join(odd)
        return trace.get_current_span().get_span_context().is_valid

    assert Context().run(answered) is False
