"""How deliveries to exporters show: in metrics, and in a line when one goes down or comes back."""

import logging
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from vidobs.core.protocols import BreakerState
from vidobs.telemetry.deliveries import ExporterStanding
from vidobs.telemetry.signals import Signals

OTLP = {"vidobs.exporter.id": "otlp/main"}
AT = datetime(2026, 11, 20, 14, 3, 21, 500_000, tzinfo=UTC)


class Kept(logging.Handler):
    """Keeps the records that arrive."""

    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        """Keep one record."""
        self.records.append(record)


@pytest.fixture
def told():
    """Signals with real SDK ends: `read()` collects metrics, `lines` and `records()` hold logs."""
    reader = InMemoryMetricReader()
    logged = InMemoryLogRecordExporter()
    loggers = LoggerProvider()
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logged))
    logger = logging.Logger("vidobs", logging.DEBUG)  # noqa: LOG001 - not the process's own
    handler = Kept()
    logger.addHandler(handler)
    now = SimpleNamespace(standings=[], looks=0)

    def standings():
        now.looks += 1
        return now.standings

    provider = MeterProvider([reader])
    signals = Signals(
        meter_provider=provider, logger_provider=loggers, logger=logger, standings=standings
    )
    return SimpleNamespace(
        to=signals.exporters,
        provider=provider,
        read=lambda: _read(reader),
        lines=handler.records,
        records=lambda: [one.log_record for one in logged.get_finished_logs()],
        now=now,
    )


def _read(reader):
    """Collect: {name: [(attributes, value)]}; of a histogram the sum."""
    data = reader.get_metrics_data()
    found = {}
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found[metric.name] = [
                    (dict(point.attributes), getattr(point, "sum", getattr(point, "value", None)))
                    for point in metric.data.data_points
                ]
    return found


def test_what_becomes_of_events_is_counted(told):
    """Events that arrived, batches that did not, dead letters, and how long exports took."""
    told.to.delivered("otlp/main", events=3, seconds=0.25)
    told.to.delivered("otlp/main", events=1, seconds=0.25)
    told.to.failed("otlp/main", error_type="ExportError", seconds=2.0)
    told.to.buried("otlp/main", events=1)
    told.to.dropped("console", events=5)
    told.to.dropped("otlp/main", events=7, reason="age")

    failed = {**OTLP, "vidobs.exporter.reason": "ExportError"}
    assert told.read() == {
        "vidobs.exporter.delivered": [(OTLP, 4)],
        "vidobs.exporter.duration": [(OTLP, 0.5), (failed, 2.0)],
        "vidobs.exporter.retried": [(failed, 1)],
        "vidobs.exporter.dead": [(OTLP, 1)],
        "vidobs.exporter.dropped": [
            ({"vidobs.exporter.id": "console", "vidobs.exporter.reason": "overflow"}, 5),
            ({**OTLP, "vidobs.exporter.reason": "age"}, 7),
        ],
    }


def test_gauges_show_how_it_stands_when_they_are_read(told):
    """Queue, lag and breaker, of each exporter that is known; what is not known is no zero."""
    told.to.watch()
    told.now.standings = [
        ExporterStanding("otlp/main", 12, 3.5, BreakerState.OPEN),
        ExporterStanding("webhook", 0, None, None),
    ]

    assert told.read() == {
        "vidobs.exporter.queue": [(OTLP, 12), ({"vidobs.exporter.id": "webhook"}, 0)],
        "vidobs.exporter.lag": [(OTLP, 3.5)],
        "vidobs.exporter.breaker": [(OTLP, 2)],
    }
    assert told.now.looks == 1  # for all three


@pytest.mark.parametrize(
    ("state", "value"),
    [
        (BreakerState.CLOSED, 0),
        (BreakerState.HALF_OPEN, 1),
        (BreakerState.OPEN, 2),
        (BreakerState.DISABLED, 3),
    ],
)
def test_a_breaker_is_a_number(told, state, value):
    """The worse, the higher; what was told is kept for whoever reads it."""
    told.to.breaker("otlp/main", state)
    told.now.standings = [ExporterStanding("otlp/main", breaker=told.to.states["otlp/main"])]
    told.to.watch()

    assert told.read() == {"vidobs.exporter.breaker": [(OTLP, value)]}


def test_gauges_are_read_after_anything_was_published(told):
    """Nobody has to ask for them, and the meter provider may come late."""
    signals = Signals(
        meter_provider=told.provider, standings=lambda: [ExporterStanding("otlp/main", 1)]
    )

    assert told.read() == {}
    signals.publish([])

    assert told.read() == {"vidobs.exporter.queue": [(OTLP, 1)]}


def test_an_exporter_that_goes_down_is_a_warning(told):
    """One line and one record, with what it said, scrubbed, and when it is tried again."""
    told.to.down("otlp/main", failures=5, error="no answer; sk-canary0123456789abcdef", retry_at=AT)

    [line] = told.lines
    assert line.levelno == logging.WARNING
    assert line.vidobs == {
        "event": "exporter.down",
        "exporter": "otlp/main",
        "failures": 5,
        "why": "no answer; [secret]",
        "retry_at": "2026-11-20T14:03:21+00:00",
    }
    [record] = told.records()
    assert (record.event_name, record.severity_number) == ("exporter.down", SeverityNumber.WARN)
    assert dict(record.attributes) == {
        **OTLP,
        "vidobs.exporter.failures": 5,
        "vidobs.exporter.reason": "no answer; [secret]",
        "vidobs.exporter.retry_at": "2026-11-20T14:03:21+00:00",
    }


def test_an_exporter_that_is_gone_is_not_tried_again(told):
    """There is no time of the next try."""
    told.to.down("otlp/main", failures=1, error="410", retry_at=None)

    [line] = told.lines
    assert "retry_at" not in line.vidobs


def test_an_exporter_that_is_back_is_said(told):
    """At the usual level."""
    told.to.recovered("otlp/main")

    [line] = told.lines
    assert (line.levelno, line.getMessage()) == (
        logging.INFO,
        "exporter.recovered exporter=otlp/main",
    )
    [record] = told.records()
    assert (record.event_name, dict(record.attributes)) == ("exporter.recovered", OTLP)


def test_without_a_provider_nothing_is_kept():
    """The relay may tell, and nobody listens."""
    exporters = Signals(logger=logging.Logger("vidobs")).exporters  # noqa: LOG001 - of the test
    exporters.watch()
    exporters.delivered("otlp", events=1, seconds=0.1)
    exporters.failed("otlp", error_type="E", seconds=0.1)
    exporters.buried("otlp", events=1)
    exporters.dropped("otlp", events=1)
    exporters.down("otlp", failures=1, error="x", retry_at=None)
    exporters.recovered("otlp")
