"""The spans of events as OTLP, in each dialect."""

import json
from pathlib import Path

import msgspec
import pytest
from exporter_kit import EVIL, an_event, every_event
from otlp_kit import spans_in

from vidobs import ConfigError, Cost, CostStatus, EventName, SpanKind, SpanRecord
from vidobs.core.jobs import TraceRef
from vidobs_exporters.otlp.dialects import DIALECTS, dialect
from vidobs_exporters.otlp.spans import trace_request

GOLDEN = Path(__file__).parents[2] / "fixtures" / "otlp"
RESOURCE = {"service.name": "clips", "beta": True}
MESSAGES = '[{"role":"user","parts":[{"type":"text","content":"a heron"}]}]'


def of_one_job():
    """Return the events of a job that was made and read, and of one that failed."""
    told = (EventName.SUBMITTED, EventName.COMPLETED, EventName.DOWNLOADED)
    return [*(an_event(name) for name in told), an_event(EventName.FAILED, 2)]


def spans(*events, dialect="genai"):
    """Return the spans of a request, as plain data."""
    spoken = DIALECTS[dialect].attributes
    return spans_in(trace_request(list(events), resource=RESOURCE, dialect=spoken))


def changed(event, **job):
    """Return an event of a job that differs."""
    return msgspec.structs.replace(event, job=msgspec.structs.replace(event.job, **job))


@pytest.mark.parametrize("name", DIALECTS)
def test_a_job_in_each_dialect(name):
    """Names, ids, times, kinds, statuses and every attribute are those of the golden file."""
    request = trace_request(of_one_job(), resource=RESOURCE, dialect=DIALECTS[name].attributes)
    assert spans_in(request) == json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_the_resource_and_the_scope_say_whose_spans_they_are():
    """The service, and vidobs in its version under the schema that the names are of."""
    [whole] = trace_request(
        [an_event()], resource=RESOURCE, dialect=DIALECTS["genai"].attributes
    ).resource_spans
    [scoped] = whole.scope_spans

    assert [(one.key, one.value.WhichOneof("value")) for one in whole.resource.attributes] == [
        ("service.name", "string_value"),
        ("beta", "bool_value"),
    ]
    assert (scoped.scope.name, scoped.scope.version) == ("vidobs", "0.1.0")
    assert scoped.schema_url == "https://opentelemetry.io/schemas/1.37.0"


def test_a_span_is_sent_once_in_its_last_form():
    """A create that stands in two events of a batch says what the later one knows."""
    early = an_event(EventName.SUBMITTED)
    [span] = early.spans
    later = msgspec.structs.replace(
        early, spans=(msgspec.structs.replace(span, status="in_progress"),)
    )

    [sent] = spans(early, later)

    assert sent["attributes"]["gen_ai.response.status"] == "in_progress"


def test_what_was_not_sampled_is_left_out():
    """The decision made at the create rules over all spans of a job; without any, no request."""
    event = an_event()
    quiet = changed(event, trace=msgspec.structs.replace(event.job.trace, sampled=False))
    genai = DIALECTS["genai"].attributes

    assert trace_request([quiet], resource={}, dialect=genai) is None
    assert trace_request([], resource={}, dialect=genai) is None
    assert [span["name"] for span in spans(quiet, an_event(EventName.FAILED, 2))] == [
        "video_job sora-2"
    ]


def test_a_later_call_links_to_its_job():
    """A poll in another trace points to the create span, and does not take over its state."""
    origin = TraceRef("a" * 32, "b" * 16, tracestate="vendor=1")
    span = SpanRecord(
        name="fetch_response",
        trace_id="c" * 32,
        span_id="d" * 16,
        link=origin.traceparent,
        start_ns=5,
        end_ns=6,
    )
    event = msgspec.structs.replace(an_event(EventName.STARTED), spans=(span,))

    [sent] = spans(changed(event, trace=origin))

    assert sent["links"] == [
        {
            "traceId": "a" * 32,
            "spanId": "b" * 16,
            "attributes": {"vidobs.link": "job"},
            "flags": 1,
        }
    ]
    assert not {"traceState", "parentSpanId"} & set(sent)


def test_a_span_of_the_trace_has_its_state():
    """What a vendor put into the trace goes along."""
    event = an_event()
    trace = msgspec.structs.replace(event.job.trace, tracestate="vendor=1")

    [sent] = spans(changed(event, trace=trace))

    assert sent["traceState"] == "vendor=1"


def test_what_a_call_raised_describes_its_span():
    """An error has its type as an attribute and its text as the description, cut to a line."""
    event = an_event(EventName.CALL_FAILED)
    [span] = event.spans
    failed = msgspec.structs.replace(span, error_type="429")
    event = msgspec.structs.replace(event, spans=(failed,), detail="RateLimitError: " + "x" * 999)

    [sent] = spans(event)

    assert sent["status"] == {
        "code": "STATUS_CODE_ERROR",
        "message": "RateLimitError: " + "x" * 240,
    }
    assert sent["attributes"]["error.type"] == "429"


def test_a_failed_job_is_not_described_by_a_call():
    """The text of what a call raised is not the reason of the job."""
    event = msgspec.structs.replace(an_event(EventName.FAILED), detail="ReadTimeout: no")

    [sent] = spans(event)

    assert sent["status"] == {"code": "STATUS_CODE_ERROR"}


@pytest.mark.parametrize("name", DIALECTS)
def test_anything_can_be_encoded(name):
    """Lone surrogates, numbers beyond 64 bits and clocks that stand anywhere break nothing."""
    event = changed(an_event(), model=EVIL + "\ud800", polls=1 << 70, provider="\udfff")
    [span] = event.spans
    odd = msgspec.structs.replace(span, start_ns=-1, end_ns=1 << 70)

    sent = spans(*every_event(), msgspec.structs.replace(event, spans=(odd,)), dialect=name)
    last = next(one for one in sent if one["spanId"] == odd.span_id)

    assert last["endTimeUnixNano"] == str((1 << 64) - 1)
    assert "startTimeUnixNano" not in last  # zero
    assert last["attributes"]["vidobs.job.poll_count"] == float(1 << 70)


COST_KEYS = {
    "genai": "vidobs.cost.usd",
    "langfuse": "langfuse.observation.cost_details",
    "openinference": "llm.cost.total",
}


@pytest.mark.parametrize("name", DIALECTS)
def test_the_cost_is_said_once_in_a_trace(name):
    """Only the span of the whole job has it: what adds spans up must come to the bill."""
    with_cost = [
        span["name"]
        for span in spans(*of_one_job()[:3], dialect=name)
        if COST_KEYS[name] in span["attributes"]
    ]

    assert with_cost == ["video_job sora-2"]


def test_no_dialect_has_the_cost_under_the_key_of_another():
    """A backend that reads two keys would add them up."""
    known = set(COST_KEYS.values()) - {"vidobs.cost.usd"}  # which no backend reads by itself
    known |= {"gen_ai.usage.cost", "operation.cost", "mlflow.llm.cost", "langsmith.usage_metadata"}
    for name in DIALECTS:
        foreign = known - {COST_KEYS[name]}
        for span in spans(*of_one_job(), dialect=name):
            assert not foreign & set(span["attributes"])


@pytest.mark.parametrize("name", DIALECTS)
def test_an_unknown_cost_is_no_zero(name):
    """A job without a price has no cost at all."""
    event = changed(an_event(), cost=Cost(CostStatus.UNKNOWN))

    [sent] = spans(event, dialect=name)

    assert COST_KEYS[name] not in sent["attributes"]


PROMPT_KEYS = {
    "genai": ("gen_ai.input.messages", MESSAGES),
    "langfuse": ("langfuse.observation.input", "a heron"),
    "openinference": ("input.value", "a heron"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_a_prompt_is_there_only_where_it_was_kept(name):
    """The capture policy decides: nothing, a keyed hash that is no prompt, or the text."""
    key, value = PROMPT_KEYS[name]
    [without] = spans(an_event(), dialect=name)
    [hashed] = spans(changed(an_event(), prompt="hmac:" + "ab" * 16), dialect=name)
    [kept] = spans(changed(an_event(), prompt="a heron"), dialect=name)

    assert key not in without["attributes"] | hashed["attributes"]
    assert kept["attributes"][key] == value


@pytest.mark.parametrize("name", ["langfuse", "openinference"])
def test_a_session_is_a_job_or_what_a_tag_says(name):
    """Later polls have traces of their own; the session joins them with the job's."""
    poll = an_event(EventName.STARTED)
    tagged = changed(
        poll, attribution=msgspec.structs.replace(poll.job.attribution, tags={"session_id": "s1"})
    )

    assert [
        (sent["attributes"]["session.id"], sent["attributes"]["user.id"])
        for event in (poll, tagged)
        for sent in spans(event, dialect=name)
    ] == [(poll.job.job_id, "ada"), ("s1", "ada")]


def test_langfuse_keeps_the_name_of_somebody_elses_trace():
    """A job inside a trace of the application does not rename it."""
    event = an_event()
    inside = msgspec.structs.replace(event.job.trace, parent_id="e" * 16)

    [own] = spans(event, dialect="langfuse")
    [foreign] = spans(changed(event, trace=inside), dialect="langfuse")

    assert own["attributes"]["langfuse.trace.name"] == "video_job"
    assert "langfuse.trace.name" not in foreign["attributes"]


def test_langfuse_counts_only_what_was_made():
    """A job that failed made no seconds, whatever was asked for."""
    sent = spans(an_event(EventName.FAILED), an_event(number=2), dialect="langfuse")

    assert [one["attributes"].get("langfuse.observation.usage_details") for one in sent] == [
        None,
        '{"video_seconds":8}',
    ]


def test_every_dialect_leaves_the_attributes_it_is_given():
    """They are pure: what they get is not theirs."""
    event = an_event()
    [span] = event.spans
    for known in DIALECTS.values():
        given = {"gen_ai.provider.name": "openai"}
        known.attributes(given, span, event.job)
        assert given == {"gen_ai.provider.name": "openai"}


@pytest.mark.parametrize("name", ["langfus", "", None, 7])
def test_an_unknown_dialect_is_refused(name):
    """The error names those there are."""
    with pytest.raises(ConfigError) as caught:
        dialect("otlp/x", name)

    assert str(caught.value) == (
        f"exporter 'otlp/x': unknown dialect {name!r}; known: genai, langfuse, openinference"
    )


def test_the_spans_are_of_the_kinds_the_protocol_has():
    """Both kinds that vidobs makes have a number there."""
    made = SpanRecord(name="x", trace_id="a" * 32, span_id="b" * 16, start_ns=1, end_ns=2)
    events = [
        msgspec.structs.replace(an_event(), spans=(msgspec.structs.replace(made, kind=kind),))
        for kind in SpanKind
    ]

    assert [spans(event)[0]["kind"] for event in events] == [
        "SPAN_KIND_CLIENT",
        "SPAN_KIND_INTERNAL",
    ]
