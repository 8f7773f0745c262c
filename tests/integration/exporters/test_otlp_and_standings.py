"""The exporter otlp in a whole process, and how deliveries show in the metrics of that process."""

import json
import subprocess
import sys
from contextlib import closing

import openai
import pytest
from opentelemetry import metrics
from opentelemetry.metrics import _internal as metrics_internal
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from otlp_kit import decoded, metrics_in, plain, records_in, spans_in
from sink_kit import Sink

import vidobs
from vidobs.ledger.dead_letters import dead_letters
from vidobs.ledger.reader import open_ledger
from vidobs.testing import Sandbox

ASKED = {"prompt": "a cat", "model": "sora-2", "seconds": "4", "size": "160x96"}


@pytest.fixture(scope="module")
def sandbox():
    """Videos in no time."""
    with Sandbox(time_scale=0.01) as running:
        yield running


@pytest.fixture
def sink():
    """A receiver of OTLP."""
    with Sink() as running:
        yield running


@pytest.fixture
def film(sandbox):
    """Make a video, with what vidobs is set up to."""

    def made():
        with openai.OpenAI(base_url=sandbox.base_url, api_key="sk-test-0123456789") as client:
            return vidobs.wrap(client).videos.create_and_poll(**ASKED)

    return made


@pytest.fixture
def meter():
    """Set a global meter provider for one test; `read()` returns {name: {exporter: value}}."""
    before = metrics_internal._METER_PROVIDER
    reader = InMemoryMetricReader()
    metrics_internal._METER_PROVIDER = MeterProvider([reader])
    assert metrics.get_meter_provider() is metrics_internal._METER_PROVIDER
    yield lambda: _read(reader)
    metrics_internal._METER_PROVIDER.shutdown()
    metrics_internal._METER_PROVIDER = before


def _read(reader):
    found = {}
    for resource in reader.get_metrics_data().resource_metrics:
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            for point in metric.data.data_points:
                exporter = point.attributes.get("vidobs.exporter.id")
                if exporter is not None:
                    value = getattr(point, "count", None) or point.value
                    found.setdefault(metric.name, {})[exporter] = value
    return found


def configure(sink, tmp_path, **settings):
    """Set vidobs up to send to the sink."""
    ledger = f"sqlite:///{tmp_path}/ledger.db"
    exporters = {"otlp": {"endpoint": sink.url}}
    vidobs.configure(ledger=ledger, callbacks=["otlp"], exporters=exporters, **settings)


def test_a_job_arrives_whole(sink, film, tmp_path):
    """Its spans in one trace, a record and counts for each event, under the service's name."""
    configure(sink, tmp_path, service_name="clips")
    video = film()
    assert vidobs.flush(30) == 0

    requests = {}
    for request in sink.requests:
        requests.setdefault(request.path, []).append(decoded(request))
    spans = [span for request in requests["/v1/traces"] for span in spans_in(request)]
    records = [record for request in requests["/v1/logs"] for record in records_in(request)]
    counted = [
        point
        for request in requests["/v1/metrics"]
        for point in metrics_in(request)["vidobs.jobs"]["sum"]["dataPoints"]
    ]

    assert {span["traceId"] for span in spans} == {record["traceId"] for record in records}
    assert {"generate_content sora-2", "video_job sora-2"} <= {span["name"] for span in spans}
    assert all(record["attributes"]["gen_ai.response.id"] == video.id for record in records)
    assert sum(int(point["asInt"]) for point in counted) == len(records)
    services = {
        of["resource"]["attributes"]["service.name"]
        for group in requests.values()
        for request in group
        for of in next(iter(plain(request).values()))
    }
    assert services == {"clips"}


def test_the_standard_variable_comes_before_the_setting(sink, film, tmp_path, monkeypatch):
    """In process it does, too."""
    monkeypatch.setenv("OTEL_SERVICE_NAME", "otel")
    configure(sink, tmp_path, service_name="clips")
    film()
    assert vidobs.flush(30) == 0

    [of] = plain(decoded(sink.requests[0]))["resourceSpans"]
    assert of["resource"]["attributes"]["service.name"] == "otel"


def test_deliveries_are_counted(sink, film, tmp_path, meter):
    """What arrived, how often, that nothing waits any more, and that the way is free."""
    configure(sink, tmp_path)
    film()
    assert vidobs.flush(30) == 0

    read = meter()
    events = sum(request.path == "/v1/logs" for request in sink.requests)
    assert read["vidobs.exporter.duration"]["otlp"] == events  # one export, one request for logs
    assert read["vidobs.exporter.delivered"]["otlp"] >= events
    assert read["vidobs.exporter.queue"] == {"otlp": 0}
    assert read["vidobs.exporter.lag"] == {"otlp": 0.0}
    assert read["vidobs.exporter.breaker"] == {"otlp": 0}
    assert "vidobs.exporter.retried" not in read


def test_what_is_refused_is_counted(sink, film, tmp_path, meter):
    """Batches that were not taken, and the events that nobody will ever take."""
    configure(sink, tmp_path)
    sink.answers(400)
    film()
    assert vidobs.flush(30) == 0

    read = meter()
    assert read["vidobs.exporter.dead"]["otlp"] >= 2  # submitted and completed, at least
    assert read["vidobs.exporter.retried"]["otlp"] >= read["vidobs.exporter.dead"]["otlp"]
    assert "vidobs.exporter.delivered" not in read


class Choosy(Sink):
    """Takes everything but the records of one event, and keeps what it took."""

    def __init__(self, refused):
        super().__init__()
        self.refused = refused
        self.took_records = []

    def took(self, request):
        """Answer as OTLP has it: what was taken stays, and the rest is counted."""
        reply = super().took(request)
        if request.path != "/v1/logs" or reply.status != 200:
            return reply
        names = [record["eventName"] for record in records_in(decoded(request))]
        self.took_records += [name for name in names if name != self.refused]
        if self.refused not in names:
            return reply
        said = {"rejectedLogRecords": names.count(self.refused), "errorMessage": "no such thing"}
        body = json.dumps({"partialSuccess": said}).encode()
        return reply._replace(headers=(("Content-Type", "application/json"),), body=body)


def test_what_a_receiver_rejects_of_a_batch_is_found(film, tmp_path, meter):
    """The one event becomes a dead letter with what was said of it; all others arrive."""
    with Choosy("video.completed") as sink:
        sink.answers_next(503)  # so that there is more than one event in the next batch
        configure(sink, tmp_path)
        film()
        assert vidobs.flush(30) == 0
        read = meter()
        with closing(open_ledger(f"{tmp_path}/ledger.db")) as reader:
            [job] = reader.jobs()
            recorded = {event.name.value for event in reader.events(job.job_id)}
        [letter] = dead_letters(f"{tmp_path}/ledger.db")

    assert read["vidobs.exporter.dead"] == {"otlp": 1}
    assert (letter.event.name, letter.error) == (
        "video.completed",
        f"ExportError: exporter 'otlp': {sink.url} rejected 1 of the logs: no such thing",
    )
    assert set(sink.took_records) == recorded - {"video.completed"}


def test_a_queue_is_seen_while_a_receiver_hangs(sink, film, tmp_path, meter):
    """Its length and its age; a vidobs that is set up anew goes on with the same gauges."""
    configure(sink, tmp_path)
    sink.hangs()
    film()
    sink.wait()
    first = meter()
    sink.stop()
    configure(sink, tmp_path)
    second = meter()

    for read in (first, second):
        assert read["vidobs.exporter.queue"]["otlp"] > 0
        assert read["vidobs.exporter.lag"]["otlp"] > 0


TWICE = """
import sys, vidobs
try:
    vidobs.configure(ledger="memory:", otel="otlp", callbacks=["otlp"])
except vidobs.ConfigError as error:
    print(error)
"""


def test_sending_twice_to_one_place_is_refused(sink, tmp_path):
    """With the endpoint of the standard variable for both ways, at the start."""
    ran = subprocess.run(
        [sys.executable, "-c", TWICE],
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.startswith(
        "exporter 'otlp' sends traces to where this process sends them already, by 'otel: otlp';"
    ), ran.stderr
