"""Where spans go: one test for each rule, with a provider and without one."""

import msgspec
import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from vidobs.core.jobs import TraceRef
from vidobs.telemetry.spans import Tracing

T0 = 1_795_161_600_123_456_000
HOUR_NS = 3_600_000_000_000
ORIGIN = TraceRef("a" * 32, "b" * 16, tracestate="vendor=1")
UNSAMPLED = msgspec.structs.replace(ORIGIN, sampled=False)


@pytest.fixture(params=["sdk", "rows"])
def tracing(request):
    """Both ways a span can be made."""
    made = request.getfixturevalue(request.param)
    return made.tracing if request.param == "sdk" else made


def test_a_create_without_an_ambient_span_starts_a_trace(tracing, create):
    """Its parent is nothing."""
    opened = tracing.open(create, start_ns=T0)
    row = opened.finish(T0)
    assert (opened.trace.parent_id, row.parent_id, row.link) == (None, None, None)


def test_a_create_goes_under_the_ambient_span(sdk, create):
    """The create belongs to the request that asked for it."""
    with sdk.tracer.start_as_current_span("POST /films") as ambient:
        opened = sdk.tracing.open(create, start_ns=T0)
        row = opened.finish(T0)
    ours = sdk.spans()[0]
    assert ours.parent == ambient.get_span_context()
    assert opened.trace.parent_id == row.parent_id == f"{ours.parent.span_id:016x}"
    assert opened.trace.trace_id == f"{ambient.get_span_context().trace_id:032x}"


def test_a_poll_without_an_ambient_span_continues_the_create(tracing, poll):
    """It is a child of the create span, in its trace, also when another process made that."""
    opened = tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0 - HOUR_NS)
    row = opened.finish(T0)
    assert (row.trace_id, row.parent_id, row.link) == ("a" * 32, "b" * 16, None)
    assert opened.trace.tracestate == "vendor=1"
    assert opened.trace.sampled


def test_the_create_is_a_remote_parent(sdk, poll):
    """The SDK sees the stored context: remote, sampled, with its tracestate."""
    sdk.tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0).finish(T0)
    (span,) = sdk.spans()
    assert span.parent == SpanContext(
        int("a" * 32, 16), int("b" * 16, 16), True, TraceFlags(1), TraceState([("vendor", "1")])
    )
    assert span.parent.is_remote
    assert span.parent.trace_state.to_header() == "vendor=1"
    assert span.links == ()


def test_a_poll_under_a_span_of_the_same_trace_stays_under_it(sdk, create, poll):
    """A step of the user's own program between create and poll is not skipped."""
    with sdk.tracer.start_as_current_span("make a film") as ambient:
        made = sdk.tracing.open(create, start_ns=T0)
        made.finish(T0)
        row = sdk.tracing.open(poll, start_ns=T0, origin=made.trace, origin_ns=T0).finish(T0)
    span = sdk.spans()[1]
    assert span.parent == ambient.get_span_context()
    assert span.links == ()
    assert row.link is None


def test_a_poll_in_another_trace_stays_there_and_links(sdk, poll):
    """A web request that asks how the job is doing keeps its own trace."""
    with sdk.tracer.start_as_current_span("GET /films/1") as ambient:
        opened = sdk.tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0)
        row = opened.finish(T0)
    span = sdk.spans()[0]
    assert span.parent == ambient.get_span_context()
    (link,) = span.links
    assert dict(link.attributes) == {"vidobs.link": "job"}
    assert f"{link.context.trace_id:032x}-{link.context.span_id:016x}" == "a" * 32 + "-" + "b" * 16
    assert row.link == opened.link == ORIGIN.traceparent
    assert row.trace_id == f"{span.context.trace_id:032x}"


def test_a_late_poll_starts_a_trace_and_links(tracing, poll):
    """More than an hour after the create many backends refuse spans of its trace."""
    opened = tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0 - HOUR_NS - 1)
    row = opened.finish(T0)
    assert row.trace_id != "a" * 32
    assert (row.parent_id, row.link) == (None, ORIGIN.traceparent)


def test_a_late_poll_has_its_link_in_the_sdk_too(sdk, poll):
    """The link carries the same attribute as any other."""
    sdk.tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0 - HOUR_NS - 1).finish(T0)
    (span,) = sdk.spans()
    assert span.parent is None
    assert [dict(link.attributes) for link in span.links] == [{"vidobs.link": "job"}]


def test_how_late_is_too_late_can_be_set(bits, poll):
    """`same_trace_s` is the setting."""
    tracing = Tracing(getrandbits=bits, same_trace_s=1.0)
    assert tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0 - 2 * 10**9).link
    assert not tracing.open(poll, start_ns=T0, origin=ORIGIN, origin_ns=T0 - 10**9).link


def test_a_create_of_unknown_age_is_not_late(tracing, poll):
    """Without a time the trace is continued."""
    assert tracing.open(poll, start_ns=T0, origin=ORIGIN).trace.trace_id == "a" * 32


@pytest.mark.parametrize("age_ns", [0, HOUR_NS + 1])
def test_what_was_not_sampled_stays_unsampled(bits, poll, age_ns):
    """The decision stored at the create rules, even over a sampler that takes everything."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_ON)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    opened = Tracing(provider, getrandbits=bits).open(
        poll, start_ns=T0, origin=UNSAMPLED, origin_ns=T0 - age_ns, attach=True
    )
    current = trace.get_current_span().get_span_context()
    row = opened.finish(T0)
    assert exporter.get_finished_spans() == ()
    assert not opened.trace.sampled
    assert not current.trace_flags.sampled
    assert f"{current.trace_id:032x}" == row.trace_id
    assert (row.trace_id == "a" * 32) is (age_ns == 0)
    assert (row.link is None) is (age_ns == 0)


def test_an_unsampled_row_stays_unsampled(rows, poll):
    """Without a provider the decision is handed on as well."""
    assert not rows.open(poll, start_ns=T0, origin=UNSAMPLED).trace.sampled
    late = rows.open(poll, start_ns=T0, origin=UNSAMPLED, origin_ns=T0 - HOUR_NS - 1)
    assert not late.trace.sampled


def test_an_unsampled_ambient_span_is_followed(bits, create):
    """A request that is not sampled makes jobs that are not."""
    provider = TracerProvider(sampler=ALWAYS_OFF)
    with provider.get_tracer("user").start_as_current_span("POST /films") as ambient:
        opened = Tracing(provider, getrandbits=bits).open(create, start_ns=T0)
    assert not opened.trace.sampled
    assert opened.trace.trace_id == f"{ambient.get_span_context().trace_id:032x}"
    assert opened.trace.parent_id == f"{ambient.get_span_context().span_id:016x}"


def test_baggage_of_the_context_reaches_the_processors(bits, poll):
    """Continuing the create's trace does not lose what else the context carries."""
    seen = []

    class Keeps(SimpleSpanProcessor):
        def on_start(self, span, parent_context=None):  # noqa: ARG002 - the SDK's signature
            seen.append(baggage.get_baggage("tenant", parent_context))

    provider = TracerProvider()
    provider.add_span_processor(Keeps(InMemorySpanExporter()))
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    Tracing(provider, getrandbits=bits).open(poll, start_ns=T0, origin=ORIGIN).finish(T0)
    context.detach(token)
    assert seen == ["acme"]
