"""What Datadog needs of OTLP beyond the protocol."""

import json
from datetime import timedelta

import pytest
from exporter_kit import AT, an_event, every_event
from google.protobuf.json_format import MessageToDict
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sink_kit import Sink

from vidobs import EventName, ExportError
from vidobs_exporters.datadog import DatadogExporter
from vidobs_exporters.datadog.names import dd_state, flat

KEY = "0123456789abcdef0123456789abcdef"
REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}


@pytest.fixture
def sink():
    """A server that takes everything."""
    with Sink() as one:
        yield one


def exported(sink, *batches, **options):
    """Export batches; return the requests by path, as they were decoded."""
    made = DatadogExporter(endpoint=sink.url, **options)
    for batch in batches:
        made.export(batch)
    made.close()
    return [(request.path, read(request)) for request in sink.forget()]


def read(request):
    """Decode a request of a known path."""
    return REQUESTS[request.path].FromString(request.body)


def values(attributes):
    """Return attributes of the protocol as a dictionary."""
    out = {}
    for pair in attributes:
        [value] = MessageToDict(pair.value).values()
        out[pair.key] = value
    return out


def only_span(request):
    """Return the only span of a request and its attributes."""
    [span] = request.resource_spans[0].scope_spans[0].spans
    return span, values(span.attributes)


def test_one_request_per_signal(sink):
    """Spans, logs and metrics, under the names of the service; metrics last."""
    sent = exported(sink, [an_event()], service="studio", env="prod", version="4.1")

    assert [path for path, _ in sent] == ["/v1/traces", "/v1/logs", "/v1/metrics"]
    (_, spans), (_, logs), (_, metrics) = sent
    for resource in (spans.resource_spans, logs.resource_logs, metrics.resource_metrics):
        named = values(resource[0].resource.attributes)
        assert named["service.name"] == "studio"
        assert named["deployment.environment.name"] == "prod"
        assert named["service.version"] == "4.1"


JOB = {
    "vidobs.job.id": "job_0199f77bf40676c8aa8d95b8c037e501",
    "vidobs.job.state": "completed",
    "vidobs.job.poll_count": "7",
    "vidobs.job.attempts": "1",
    "vidobs.job.queue_s": 2.75,
    "vidobs.job.render_s": 57.0,
    "vidobs.operation": "create",
    "vidobs.dialect": "openai",
    "vidobs.request.seconds": 8.0,
    "vidobs.request.size": "720x1280",
    "vidobs.request.prompt_chars": "27",
    "vidobs.cost.status": "settled",
    "vidobs.cost.usd": 0.8,
    "vidobs.cost.basis": "usage",
    "vidobs.video.seconds": 8.0,
    "vidobs.video.size": "720x1280",
    "vidobs.video.complete": True,
    "vidobs.video.bytes": "1048576",
    "vidobs.video.sha256": "ab" * 32,
    "vidobs.tag.team": "film",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "sora-2",
    "gen_ai.response.id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801",
    "server.address": "api.openai.com",
    "server.port": "443",
    "user.id": "ada",
}


def test_spans_for_llm_observability_say_more(sink):
    """Datadog drops attributes it does not know, but takes a JSON object with all of them."""
    (_, request), *_ = exported(sink, [an_event()])

    span, said = only_span(request)
    metadata = json.loads(said.pop("_dd.ml_obs.metadata"))
    assert (span.name, span.start_time_unix_nano, span.end_time_unix_nano) == (
        *("video_job sora-2", 1795183402000000000, 1795183461000000000),
    )
    assert said == JOB
    assert metadata["cost_usd"] == 0.8
    assert {flat(key) for key in said} == metadata.keys()
    assert not [key for key in metadata if "." in key]


def test_the_prompt_is_not_doubled(sink):
    """It is in the attribute of the conventions, and not in the JSON beside it."""
    (_, request), *_ = exported(sink, [an_event(prompt="a heron lands")])

    _, said = only_span(request)
    assert "a heron lands" in said["gen_ai.input.messages"]
    assert "heron" not in said["_dd.ml_obs.metadata"]


@pytest.mark.parametrize("options", [{"llmobs": False}, {"llmobs": "api", "api_key": KEY}])
def test_spans_that_are_to_stay_out_of_llm_observability(sink, options):
    """They hold nothing that Datadog makes spans of LLM Observability from."""
    options = {"traces": True, "logs": "otlp", "llmobs_url": f"{sink.url}/v1/llmobs", **options}
    made = DatadogExporter(endpoint=sink.url, **options)
    made.export([an_event(EventName.SUBMITTED)])
    made.close()

    _, said = only_span(read(sink.requests[0]))
    assert said["vidobs.gen_ai.request.model"] == "sora-2"
    assert said["vidobs.job.state"] == "queued"
    assert not [key for key in said if key.startswith(("gen_ai.", "_dd."))]


def test_logs_lead_to_their_spans(sink):
    """Each has the ids of its span as Datadog writes them."""
    events = every_event()
    _, (_, request), _ = exported(sink, events)

    records = request.resource_logs[0].scope_logs[0].log_records
    assert [
        (values(r.attributes)["dd.trace_id"], values(r.attributes)["dd.span_id"]) for r in records
    ] == [(e.trace_id, str(int(e.job.trace.span_id, 16))) for e in events]


def test_the_key_goes_to_the_intake_only(sink):
    """An option says that it is Datadog's; a key of the environment is kept from others."""
    exported(sink, [an_event()], llmobs=False)
    agent = sink.forget()
    options = {"api_key": KEY, "llmobs": "otlp", "logs": "otlp"}
    made = DatadogExporter(endpoint=sink.url, **options)
    made.export([an_event()])
    made.close()

    assert all("dd-api-key" not in request.headers for request in agent)
    assert [request.headers["dd-api-key"] for request in sink.requests] == [KEY] * 3
    assert [request.headers.get("dd-otlp-source") for request in sink.requests] == [
        *("llmobs", None, None),
    ]


def test_what_is_rejected_is_told(sink):
    """Spans that a receiver did not take are the fault of the events, says the protocol."""
    sink.answers(
        200,
        {"Content-Type": "application/json"},
        body=b'{"partialSuccess": {"rejectedSpans": 1, "errorMessage": "too old"}}',
    )
    made = DatadogExporter(endpoint=sink.url)

    with pytest.raises(ExportError, match="rejected 1 of the spans: too old") as caught:
        made.export([an_event()])
    made.close()

    assert caught.value.retryable is False


# -- points of one second --------------------------------------------------------------------------


def points(request):
    """Return the points of the settled cost: second, value and part."""
    metrics = {one.name: one for one in request.resource_metrics[0].scope_metrics[0].metrics}
    return [
        (
            point.time_unix_nano // 1_000_000_000,
            point.as_double,
            values(point.attributes).get("vidobs.part"),
        )
        for point in metrics["vidobs.video.cost"].sum.data_points
    ]


def settled(number, after_s=0.0):
    """Return the end of a job, some time after the first."""
    event = an_event(number=number)
    return replace(event, at=AT + timedelta(seconds=after_s))


def test_no_point_takes_the_place_of_another(sink):
    """Of points with one second and one set of tags Datadog keeps the last, so they are tagged."""
    sent = exported(
        sink,
        [settled(1), settled(2, 0.2)],
        [settled(3, 0.4)],
        [settled(4, 0.6), settled(5, 1.1)],
    )

    second = int(AT.timestamp())
    costs = [points(request) for path, request in sent if path == "/v1/metrics"]
    assert costs == [
        [(second, 1.6, None)],
        [(second, 0.8, "1")],
        [(second, 0.8, "2"), (second + 1, 0.8, None)],
    ]


def test_a_point_that_did_not_arrive_takes_no_place(sink):
    """After a failure the same point is sent again, with the same tags."""
    made = DatadogExporter(endpoint=sink.url, llmobs=False, traces=False, logs=False)
    sink.answers_next(503)
    with pytest.raises(ExportError):
        made.export([settled(1)])
    made.export([settled(1)])
    made.close()

    failed, arrived = map(read, sink.requests)
    assert points(failed) == points(arrived) == [(int(AT.timestamp()), 0.8, None)]


# -- between the roads -----------------------------------------------------------------------------


def test_a_road_that_was_gone_is_not_gone_again(sink):
    """When logs fail, spans have arrived: the next try sends logs and metrics only."""
    made = DatadogExporter(endpoint=sink.url)
    batch = [an_event(number=1), an_event(number=2)]
    sink.answers_next(200)
    sink.answers_next(503)
    with pytest.raises(ExportError) as caught:
        made.export(batch)
    sink.forget()

    made.export(batch[:1])
    first = [request.path for request in sink.forget()]
    made.export(batch[1:])
    second = [request.path for request in sink.forget()]
    made.export(batch)
    again = [request.path for request in sink.forget()]
    made.close()

    assert caught.value.delivered == 0
    assert first == second == ["/v1/logs", "/v1/metrics"]
    assert again == ["/v1/traces", "/v1/logs", "/v1/metrics"]


def test_a_check_goes_every_road(sink):
    """It says in one line who took what."""
    made = DatadogExporter(
        endpoint=sink.url, api_key=KEY, llmobs_url=sink.url, logs_url=sink.url, traces=True
    )

    said = made.check(an_event())
    made.close()

    assert said == f"{sink.url} took LLM Observability, logs, spans, metrics"
    assert len(sink.requests) == 4


def test_where_otlp_goes_can_be_asked():
    """So that what the process sends there by itself is not sent twice."""
    made = DatadogExporter(endpoint="http://agent:4318", logs=False)
    made.close()

    assert made.otlp_urls == {
        "traces": "http://agent:4318/v1/traces",
        "metrics": "http://agent:4318/v1/metrics",
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, {}),
        ("", {}),
        ("other=1", {}),
        ("ot=x:1,dd=s:2;o:rum;t.dm:-4;junk", {"s": "2", "o": "rum", "t.dm": "-4"}),
    ],
)
def test_what_ddtrace_keeps_in_a_tracestate(given, expected):
    """The decision on sampling is read from it."""
    assert dd_state(given) == expected
