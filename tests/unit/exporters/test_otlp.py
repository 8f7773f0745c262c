"""The exporter otlp against a real server."""

import json
import logging
import subprocess
import sys
from datetime import timedelta

import msgspec
import pytest
from exporter_kit import an_event, every_event
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otlp_kit import decoded, metrics_in, plain, records_in, spans_in
from sink_kit import Sink

from vidobs import EventName, ExportError
from vidobs_exporters.otlp import OtlpExporter

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json; charset=utf-8"}


@pytest.fixture
def sink():
    """A receiver that takes everything."""
    with Sink() as running:
        yield running


@pytest.fixture
def connect(sink):
    """Make exporters to it."""
    made = []

    def open_one(**options):
        exporter = OtlpExporter(endpoint=sink.url, **options)
        made.append(exporter)
        return exporter

    yield open_one
    for exporter in made:
        exporter.close()


def partly(response, **said):
    """Return the body of an answer that takes a part."""
    answer = response()
    for name, value in said.items():
        setattr(answer.partial_success, name, value)
    return answer.SerializeToString()


def test_a_batch_is_three_requests(sink, connect):
    """Spans, records and metrics of every event, packed, each to its path, metrics last."""
    events = every_event()

    connect(headers={"x-api-key": "k"}, resource={"team": "film"}).export(events)

    traces, logs, metrics = sink.requests
    assert [request.path for request in sink.requests] == ["/v1/traces", "/v1/logs", "/v1/metrics"]
    for request in sink.requests:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/x-protobuf"
        assert request.headers["content-encoding"] == "gzip"
        assert request.headers["x-api-key"] == "k"
        assert request.raw != request.body
        [(_, [of])] = plain(decoded(request)).items()
        assert of["resource"]["attributes"]["team"] == "film"
    assert len(spans_in(decoded(traces))) == len(events)
    assert len(records_in(decoded(logs))) == len(events)
    points = metrics_in(decoded(metrics))["vidobs.jobs"]["sum"]["dataPoints"]
    assert sum(int(point["asInt"]) for point in points) == len(events)


def test_a_body_may_go_unpacked(sink, connect):
    """For a receiver that does not know gzip."""
    connect(compression="none").export([an_event()])

    assert all("content-encoding" not in request.headers for request in sink.requests)
    assert all(decoded(request) for request in sink.requests)


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"signals": ["metrics", "traces"]}, ["/v1/traces", "/v1/metrics"]),
        ({"signals": "logs"}, ["/v1/logs"]),
        ({"signals": "logs, traces"}, ["/v1/traces", "/v1/logs"]),
        ({"dialect": "langfuse"}, ["/v1/traces"]),
        ({"dialect": "openinference", "signals": ["logs"]}, ["/v1/logs"]),
    ],
)
def test_only_what_is_wanted_is_sent(sink, connect, options, paths):
    """Signals that were named, else those that the receivers of the dialect take."""
    exporter = connect(**options)

    exporter.export([an_event()])

    assert [request.path for request in sink.requests] == paths
    assert exporter.otlp_urls == {path.removeprefix("/v1/"): sink.url + path for path in paths}


def test_events_without_spans_are_no_empty_request(sink, connect):
    """An event of no call has a record and counts, and there is no request for its spans."""
    exporter = connect()

    exporter.export([msgspec.structs.replace(an_event(EventName.STUCK), spans=())])

    assert [request.path for request in sink.requests] == ["/v1/logs", "/v1/metrics"]


def test_metrics_go_on_where_the_batch_before_ended(sink, connect):
    """The second batch starts at the last event of the first, however often it is tried."""
    exporter = connect(signals=["metrics"])
    early = an_event(EventName.SUBMITTED)
    late = msgspec.structs.replace(
        an_event(EventName.SUBMITTED, 2), at=early.at + timedelta(seconds=30)
    )

    exporter.export([early])
    sink.answers(503)
    with pytest.raises(ExportError):
        exporter.export([late])
    sink.answers(200)
    exporter.export([late])

    points = [
        metrics_in(decoded(request))["vidobs.jobs"]["sum"]["dataPoints"][0]
        for request in sink.requests
    ]
    assert [int(point["startTimeUnixNano"]) for point in points[1:]] == [
        int(points[0]["timeUnixNano"])
    ] * 2


REFUSALS = [
    ("traces", PROTOBUF, partly(ExportTraceServiceResponse, rejected_spans=2, error_message="old")),
    (
        "logs",
        PROTOBUF,
        partly(ExportLogsServiceResponse, rejected_log_records=2, error_message="old"),
    ),
    ("traces", JSON, b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"old","new":1}}'),
    ("logs", JSON, b'{"partialSuccess":{"rejectedLogRecords":2,"errorMessage":"old"}}'),
]


@pytest.mark.parametrize(("signal", "headers", "body"), REFUSALS)
def test_a_part_that_is_rejected_is_refused(sink, connect, signal, headers, body):
    """The relay then halves the batch until it has the events to blame, with what was said."""
    sink.answers(200, headers, body=body)

    with pytest.raises(ExportError) as caught:
        connect(signals=[signal]).export([an_event(), an_event(number=2)])

    assert caught.value.retryable is False
    assert str(caught.value) == f"exporter 'otlp': {sink.url} rejected 2 of the {signal}: old"


REMARKS = [
    (
        "metrics",
        (PROTOBUF, partly(ExportMetricsServiceResponse, rejected_data_points=3)),
        "rejected 3 of the metrics: no reason",
    ),
    (
        "metrics",
        (JSON, b'{"partialSuccess":{"rejectedDataPoints":"1","errorMessage":"too old"}}'),
        "rejected 1 of the metrics: too old",
    ),
    (
        "traces",
        (JSON, b'{"partialSuccess":{"errorMessage":"use v2"}}'),
        "took traces: use v2",
    ),
]


@pytest.mark.parametrize(("signal", "answer", "said"), REMARKS)
def test_what_cannot_be_sent_again_is_said_once(sink, connect, caplog, signal, answer, said):  # noqa: PLR0917 - fixtures and a case
    """Points that were taken would count twice; and a warning of the receiver is just that."""
    headers, body = answer
    sink.answers(200, headers, body=body)
    exporter = connect(signals=[signal])

    with caplog.at_level(logging.WARNING, "vidobs"):
        for number in (1, 2):
            exporter.export([an_event(number=number)])

    assert caplog.messages == [f"exporter 'otlp': {sink.url} {said}"]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b""),
        (PROTOBUF, b""),
        (PROTOBUF, b"\xff\xff"),
        (JSON, b""),
        (JSON, b"{}"),
        (JSON, b"\xff"),
        (JSON, b"not json"),
        (JSON, b'{"partialSuccess":{}}'),
        ({"Content-Type": "text/plain"}, b"ok"),
    ],
)
def test_any_other_success_is_one(sink, connect, caplog, headers, body):
    """Receivers answer 200 in many ways."""
    sink.answers(200, headers, body=body)

    connect().export([an_event()])

    assert len(sink.requests) == 3
    assert caplog.messages == []


def test_what_a_receiver_says_holds_no_secret(sink, connect):
    """Its text goes into an error that is stored and shown."""
    said = {
        "partialSuccess": {"rejectedSpans": 1, "errorMessage": "bad key sk-canary0123456789abcd"}
    }
    sink.answers(200, JSON, body=json.dumps(said).encode())

    with pytest.raises(ExportError) as caught:
        connect().export([an_event()])

    assert "canary" not in str(caught.value)


def test_after_a_failure_all_of_a_batch_comes_again(sink, connect):
    """What was taken before has the same ids; metrics, which have none, were not sent yet."""
    exporter = connect()
    sink.answers_next(200)
    sink.answers(503)
    with pytest.raises(ExportError) as caught:
        exporter.export([an_event()])
    sink.answers(200)
    exporter.export([an_event()])

    paths = [request.path for request in sink.requests]
    assert caught.value.delivered == 0
    assert paths == ["/v1/traces", "/v1/logs", "/v1/traces", "/v1/logs", "/v1/metrics"]
    assert [sink.requests[place].body for place in (0, 1)] == [
        sink.requests[place].body for place in (2, 3)
    ]


def test_a_check_says_which_signals_were_taken(sink, connect):
    """One event is sent, and the answer is one line."""
    assert connect().check(an_event()) == f"{sink.url} took traces, logs, metrics"
    assert connect(dialect="langfuse").check(an_event()) == f"{sink.url} took traces"
    assert len(sink.requests) == 4


def test_a_check_fails_as_an_export_does(sink, connect):
    """The error is that of the answer."""
    sink.answers(401)

    with pytest.raises(ExportError, match=r"answered 401; check its key"):
        connect().check(an_event())


WITHOUT = """
import sys
sys.modules["opentelemetry.proto"] = None
from vidobs import MissingExtraError
from vidobs_exporters.otlp import OtlpExporter
try:
    OtlpExporter(endpoint="http://localhost:4318")
except MissingExtraError as error:
    print(error)
"""


def test_without_the_protocol_the_error_says_what_to_install():
    """The messages come with an extra."""
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )

    assert ran.stdout == (
        "exporter 'otlp' needs packages that are not installed; "
        "install them with: pip install 'vidobs[otlp]'\n"
    )
