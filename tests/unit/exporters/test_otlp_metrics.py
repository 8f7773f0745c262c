"""What events add to the metrics, as OTLP."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from exporter_kit import AT, an_event, every_event
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from otlp_kit import metrics_in

from vidobs import Cost, CostBasis, CostStatus, EventName
from vidobs.core.protocols import Happening
from vidobs.telemetry.metrics import Metrics
from vidobs_exporters.otlp.metrics import metric_request

WHO = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "sora-2"}
AT_NS = 1_795_183_401_000_000_000
DELTA = "AGGREGATION_TEMPORALITY_DELTA"
SECOND = 1_000_000_000


def metrics(*events, since_ns=None):
    """Return the metrics of a request by name, as plain data."""
    return metrics_in(metric_request(list(events), resource={}, since_ns=since_ns))


def at(event, seconds):
    """Return an event of another time."""
    return msgspec.structs.replace(event, at=AT + timedelta(seconds=seconds))


def points(metric):
    """Return the points of a metric: start and end in seconds after `AT`, and the value."""
    kind = "sum" if "sum" in metric else "histogram"
    return [
        (
            (int(point["startTimeUnixNano"]) - AT_NS) / SECOND,
            (int(point["timeUnixNano"]) - AT_NS) / SECOND,
            point.get("asDouble", point.get("asInt", point.get("sum"))),
        )
        for point in metric[kind]["dataPoints"]
    ]


def test_a_finished_job_adds_this():
    """Every instrument with its unit, its kind, its attributes and its value."""
    cost = Cost(CostStatus.SETTLED, CostBasis.USAGE, Decimal("0.80"), Decimal("0.10"))
    times = {
        "startTimeUnixNano": str(AT_NS + 59 * SECOND),
        "timeUnixNano": str(AT_NS + 60 * SECOND),
    }
    ended = {**WHO, "vidobs.job.state": "completed"}
    bounds = [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0]

    def duration(name, description, value, bucket):
        counts = ["1" if place == bucket else "0" for place in range(12)]
        point = {"attributes": ended, **times, "count": "1", "sum": value}
        point |= {"bucketCounts": counts, "explicitBounds": bounds, "min": value, "max": value}
        histogram = {"dataPoints": [point], "aggregationTemporality": DELTA}
        return {"name": name, "description": description, "unit": "s", "histogram": histogram}

    def counted(name, unit, description, value, attributes, *, rises=True):
        point = {"attributes": attributes, **times, **value}
        total = {"dataPoints": [point], "aggregationTemporality": DELTA}
        total |= {"isMonotonic": True} if rises else {}
        return {"name": name, "description": description, "unit": unit, "sum": total}

    based = {**WHO, "vidobs.cost.basis": "usage"}
    possible = "Spend that may have happened; never part of the cost"
    sent = list(metrics(an_event(cost=cost)).values())

    assert sent == [
        counted(
            "vidobs.jobs",
            "{job}",
            "Job events, by name",
            {"asInt": "1"},
            {**WHO, "vidobs.event.name": "video.completed"},
        ),
        counted(
            "vidobs.job.active",
            "{job}",
            "Jobs accepted and not ended",
            {"asInt": "-1"},
            WHO,
            rises=False,
        ),
        duration("vidobs.job.duration", "From submit to the end", 60.0, 4),
        duration("vidobs.job.queue.duration", "From submit to rendering", 2.75, 1),
        duration("vidobs.job.render.duration", "From rendering to the end", 57.0, 4),
        counted(
            "vidobs.video.output_seconds", "s", "Length of the videos made", {"asDouble": 8.0}, WHO
        ),
        counted("vidobs.video.cost", "USD", "Settled cost", {"asDouble": 0.8}, based),
        counted("vidobs.video.cost.possible", "USD", possible, {"asDouble": 0.1}, based),
    ]


def test_events_of_one_second_are_one_point():
    """A store that keeps whole seconds would take the second point for a correction."""
    events = [
        at(an_event(EventName.SUBMITTED, n), second) for n, second in enumerate((0.1, 0.9, 1.0))
    ]

    sent = metrics(*events)

    assert points(sent["vidobs.job.active"]) == [(-0.1, 0.9, "2"), (0.9, 1.0, "1")]


def test_points_of_a_stream_follow_on_each_other():
    """Each begins where the one before it ended, over batches too, in whatever order they come."""
    first, second, third = (at(an_event(EventName.SUBMITTED, n), 10 * n) for n in (1, 2, 3))

    before = points(metrics(first)["vidobs.jobs"])
    after = points(metrics(third, second, since_ns=AT_NS + 10 * SECOND)["vidobs.jobs"])

    assert before == [(9.0, 10.0, "1")]
    assert after == [(10.0, 20.0, "1"), (20.0, 30.0, "1")]


def test_what_is_older_than_what_was_sent_has_a_second_of_its_own():
    """A point never ends before it begins, whatever is replayed."""
    old = at(an_event(EventName.SUBMITTED), 5)

    assert points(metrics(old, since_ns=AT_NS + 60 * SECOND)["vidobs.jobs"]) == [(4.0, 5.0, "1")]


def test_streams_are_told_apart_by_their_attributes():
    """Two models are two streams of one metric."""
    sent = metrics(an_event(number=1), an_event(number=2, model="veo-3"), an_event(number=3))

    assert [
        (point["attributes"]["gen_ai.request.model"], point["asDouble"])
        for point in sent["vidobs.video.cost"]["sum"]["dataPoints"]
    ] == [("sora-2", 1.6), ("veo-3", 0.8)]


@pytest.mark.parametrize(("seconds", "bucket"), [(0.5, 0), (1.0, 0), (1.5, 1), (9000, 11)])
def test_a_bound_belongs_to_the_bucket_below(seconds, bucket):
    """As the data model says: a bucket reaches up to its bound, and the last one has none."""
    event = an_event(finished_at=AT + timedelta(seconds=seconds))
    [point] = metrics(event)["vidobs.job.duration"]["histogram"]["dataPoints"]

    assert [place for place, count in enumerate(point["bucketCounts"]) if count == "1"] == [bucket]


def test_they_are_the_metrics_in_process():
    """The SDK, told of the same events, exports the same names, units, attributes and values."""
    delta = dict.fromkeys((Counter, UpDownCounter, Histogram), AggregationTemporality.DELTA)
    reader = InMemoryMetricReader(preferred_temporality=delta)
    in_process = Metrics(MeterProvider([reader]))
    job = an_event().job
    in_process.publish(
        [
            Happening(
                operation=job.operation,
                provider=job.provider,
                model=job.model,
                start_ns=0,
                end_ns=0,
                events=tuple(every_event()),
                late=True,  # so that no call is measured
            )
        ]
    )
    [whole] = reader.get_metrics_data().resource_metrics
    [scoped] = whole.scope_metrics

    sent = metrics(*every_event())

    assert {
        (one.name, one.unit, one.description, *_value(point))
        for one in scoped.metrics
        for point in one.data.data_points
    } == {
        (one["name"], one["unit"], one["description"], *_sent(point))
        for one in sent.values()
        for point in one.get("sum", one.get("histogram"))["dataPoints"]
    }


def _value(point):
    attributes = tuple(sorted(point.attributes.items()))
    if not hasattr(point, "sum"):
        return attributes, float(point.value)
    buckets = tuple(point.bucket_counts)
    return attributes, float(point.sum), point.count, point.min, point.max, buckets


def _sent(point):
    attributes = tuple(sorted(point["attributes"].items()))
    if "count" not in point:
        return attributes, float(point.get("asDouble", point.get("asInt")))
    buckets = tuple(map(int, point["bucketCounts"]))
    return attributes, point["sum"], int(point["count"]), point["min"], point["max"], buckets


def test_no_events_are_no_request():
    """There is nothing to send."""
    assert metric_request([], resource={}) is None
