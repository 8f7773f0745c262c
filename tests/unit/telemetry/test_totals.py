"""What a process sums up for whoever scrapes it, beside its meter provider."""

import threading
from types import SimpleNamespace

import pytest
from exporter_kit import an_event, every_event
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.core.events import EventName
from vidobs.core.protocols import BreakerState, Happening
from vidobs.telemetry import measurements as table
from vidobs.telemetry.deliveries import ExporterStanding
from vidobs.telemetry.exposition import HistogramSample
from vidobs.telemetry.measurements import expected
from vidobs.telemetry.signals import Signals
from vidobs.telemetry.totals import Totals

WHO = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "sora-2"}
POLL = Happening(
    operation=Operation.RETRIEVE,
    provider="openai",
    model="sora-2",
    start_ns=0,
    end_ns=250_000_000,
    error_type="RateLimitError",
)


@pytest.fixture
def told():
    """Signals with totals that are on, and a real meter provider beside them."""
    reader = InMemoryMetricReader()
    totals = Totals()
    totals.start()
    now = [ExporterStanding("otlp", 3, 1.5, BreakerState.OPEN)]
    signals = Signals(meter_provider=MeterProvider([reader]), totals=totals, standings=lambda: now)
    return SimpleNamespace(signals=signals, totals=totals, reader=reader)


def raised(samples):
    """Return {(name, attributes): value or (counts, total)} of what is not at zero."""
    found = {}
    for one in samples:
        value = (one.counts, one.total) if isinstance(one, HistogramSample) else one.value
        if value:
            found[one.instrument.name, frozenset(one.attributes.items())] = value
    return found


def collected(reader):
    """Return the same of what an SDK's reader collects."""
    found = {}
    for scoped in reader.get_metrics_data().resource_metrics[0].scope_metrics:
        for metric in scoped.metrics:
            for point in metric.data.data_points:
                histogram = hasattr(point, "bucket_counts")
                value = (tuple(point.bucket_counts), point.sum) if histogram else point.value
                found[metric.name, frozenset(point.attributes.items())] = value
    return found


def test_they_are_what_the_meter_provider_gets(told):
    """Every event, call and delivery: the same names, attributes, buckets and values, once each."""
    events = [event for event in every_event() if event.name is not EventName.COMPLETED]
    calls = [Happening(**{**fields(POLL), "events": (event,)}) for event in events]
    told.signals.publish([*calls, POLL])
    told.signals.lost(2, "disk full")
    told.signals.media_lost(1, "media_disk")
    told.signals.guard_tripped("observer")
    told.signals.exporters.delivered("otlp", events=3, seconds=0.5)
    told.signals.exporters.failed("otlp", error_type="ExportError", seconds=2.0)
    told.signals.exporters.dropped("console", events=5)

    totals = raised([*told.totals.samples(), *told.signals.exporters.gauges()])

    provided = {key: value for key, value in collected(told.reader).items() if value}
    assert totals == provided
    assert len(totals) > 30


def fields(record):
    """Return the fields of a record."""
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_what_alerts_add_up_begins_at_zero(told):
    """A first failure is a rise only where there was a zero before."""
    told.signals.publish(
        [Happening(**{**fields(POLL), "events": (an_event(EventName.SUBMITTED),)})]
    )

    stood = {
        (one.instrument.name, frozenset(one.attributes.items())): getattr(one, "value", None)
        for one in told.totals.samples()
    }
    failed = {
        **WHO,
        "vidobs.event.name": "video.failed",
        "vidobs.job.reason": "moderation_output",
    }
    assert stood["vidobs.jobs", frozenset(failed.items())] == 0
    assert stood["vidobs.video.cost", frozenset({**WHO, "vidobs.cost.basis": "usage"}.items())] == 0


def test_only_counters_begin_at_zero():
    """An empty histogram says nothing, and a gauge at zero would be a claim."""
    assert {one.instrument.kind.value for one in expected(WHO)} == {"counter"}


def test_exporters_that_nothing_was_dropped_for_say_so(told):
    """As soon as they are looked at, with every reason there is."""
    list(told.signals.exporters.gauges())

    found = [
        one.attributes[names.EXPORTER_REASON]
        for one in told.totals.samples()
        if one.instrument.name == "vidobs.exporter.dropped"
    ]
    assert sorted(found) == ["age", "bytes", "dead_letter", "overflow"]


def test_totals_that_nobody_asked_for_stay_empty():
    """They cost a look at a flag."""
    totals = Totals()
    signals = Signals(totals=totals)

    assert not signals.counts_calls
    signals.publish([POLL])
    assert totals.samples() == []

    totals.start()
    assert signals.counts_calls
    signals.publish([POLL])
    assert raised(totals.samples())["vidobs.job.polls", frozenset(WHO.items())] == 1


def test_no_count_is_lost_between_threads():
    """The exporters count in threads of their own."""
    totals = Totals()
    barrier = threading.Barrier(8)

    def add():
        barrier.wait()
        for _ in range(500):
            totals.record(table.JOBS, 1, WHO)
            totals.record(table.JOB_DURATION, 5.0, WHO)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    duration, jobs = totals.samples()
    assert jobs.value == 4000
    assert (duration.counts[1], sum(duration.counts), duration.total) == (4000, 4000, 20000.0)


def test_a_child_begins_at_zero():
    """What its parent counted is scraped from its parent."""
    totals = Totals()
    totals.start()
    totals.record(table.JOBS, 1, WHO)

    totals.after_fork()

    assert (totals.active, totals.samples()) == (True, [])
