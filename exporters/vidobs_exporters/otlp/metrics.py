"""What events add to the metrics, as an OTLP request with delta temporality.

Every event is an increment, and any process may bring any of them to the receiver. None of them
could keep a total, so what leaves is what was added since the point before:
https://opentelemetry.io/docs/specs/otel/metrics/data-model/#temporality
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

from vidobs import SCHEMA_URL, Instrument, InstrumentKind, measurements
from vidobs_exporters.otlp.values import SCOPE, key_values, resource_of, time_ns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs import VideoEvent
    from vidobs_exporters.otlp.values import Values

SECOND_NS = 1_000_000_000


class _Point(NamedTuple):
    """The values of one stream in one second."""

    start_ns: int
    end_ns: int
    values: list[int | float]


class _Stream:
    """Everything some events say to one instrument under one set of attributes."""

    def __init__(self, instrument: Instrument, attributes: Values) -> None:
        self.instrument = instrument
        self.attributes = attributes
        self.said: list[tuple[int, int | float]] = []

    def points(self, since_ns: int | None) -> Iterator[_Point]:
        """Yield one point per second: stores that keep whole seconds would drop a second one.

        A point starts where the one before it ended. `since_ns` is the end of the last one of an
        earlier batch; where that is not known or not before this one, it starts a second before.
        """
        end_ns = since_ns
        for _, group in groupby(sorted(self.said, key=_time), key=_second):
            said = list(group)
            start_ns, end_ns = end_ns, said[-1][0]
            if start_ns is None or start_ns >= end_ns:
                start_ns = max(0, end_ns - SECOND_NS)
            yield _Point(start_ns, end_ns, [value for _, value in said])


def metric_request(
    events: Sequence[VideoEvent], *, resource: Values, since_ns: int | None = None
) -> ExportMetricsServiceRequest | None:
    """Return the request with what some events add to the metrics; `None` when that is nothing.

    `since_ns` is the time of the newest event that was reported before these.
    """
    streams: dict[tuple[object, ...], _Stream] = {}
    for event in events:
        at = time_ns(event.at)
        for one in measurements(event):
            key = (one.instrument.name, *sorted(one.attributes.items()))
            stream = streams.setdefault(key, _Stream(one.instrument, one.attributes))
            stream.said.append((at, one.value))
    if not streams:
        return None
    scoped = ScopeMetrics(
        scope=SCOPE, metrics=_metrics(list(streams.values()), since_ns), schema_url=SCHEMA_URL
    )
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=resource_of(resource), scope_metrics=[scoped])]
    )


def _metrics(streams: list[_Stream], since_ns: int | None) -> list[Metric]:
    by_name: dict[str, list[_Stream]] = {}
    for stream in streams:
        by_name.setdefault(stream.instrument.name, []).append(stream)
    return [_metric(group[0].instrument, group, since_ns) for group in by_name.values()]


def _metric(instrument: Instrument, streams: list[_Stream], since_ns: int | None) -> Metric:
    metric = Metric(name=instrument.name, unit=instrument.unit, description=instrument.description)
    if instrument.kind is InstrumentKind.HISTOGRAM:
        metric.histogram.CopyFrom(_histogram(streams, since_ns))
    else:
        metric.sum.CopyFrom(_sum(instrument, streams, since_ns))
    return metric


def _sum(instrument: Instrument, streams: list[_Stream], since_ns: int | None) -> Sum:
    return Sum(
        aggregation_temporality=AGGREGATION_TEMPORALITY_DELTA,
        is_monotonic=instrument.kind is InstrumentKind.COUNTER,
        data_points=[
            _number(stream, point) for stream in streams for point in stream.points(since_ns)
        ],
    )


def _number(stream: _Stream, point: _Point) -> NumberDataPoint:
    total = sum(point.values)
    number = NumberDataPoint(
        attributes=key_values(stream.attributes),
        start_time_unix_nano=point.start_ns,
        time_unix_nano=point.end_ns,
    )
    if isinstance(total, int):
        number.as_int = total
    else:
        number.as_double = total
    return number


def _histogram(streams: list[_Stream], since_ns: int | None) -> Histogram:
    return Histogram(
        aggregation_temporality=AGGREGATION_TEMPORALITY_DELTA,
        data_points=[
            _distribution(stream, point) for stream in streams for point in stream.points(since_ns)
        ],
    )


def _distribution(stream: _Stream, point: _Point) -> HistogramDataPoint:
    bounds = stream.instrument.buckets
    counts = [0] * (len(bounds) + 1)
    for value in point.values:
        counts[bisect_left(bounds, value)] += 1  # a bound belongs to the bucket below it
    return HistogramDataPoint(
        attributes=key_values(stream.attributes),
        start_time_unix_nano=point.start_ns,
        time_unix_nano=point.end_ns,
        count=len(point.values),
        sum=sum(point.values),
        bucket_counts=counts,
        explicit_bounds=bounds,
        min=min(point.values),
        max=max(point.values),
    )


def _time(said: tuple[int, int | float]) -> int:
    return said[0]


def _second(said: tuple[int, int | float]) -> int:
    return said[0] // SECOND_NS
