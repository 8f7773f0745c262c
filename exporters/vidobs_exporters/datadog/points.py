"""Keeps the points of a metric apart: of two with one second and the same tags Datadog keeps one.

https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/metrics/#issue-missing-datapoints-or-lower-than-expected-metric-values
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from vidobs_exporters.otlp.values import key_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, NumberDataPoint

    Point: TypeAlias = HistogramDataPoint | NumberDataPoint

PART = "vidobs.part"  # which of several points of one second it is; the first has none
MOST_REMEMBERED = 8192

_SECOND_NS = 1_000_000_000


class TakenSeconds:
    """Remembers which seconds of which streams have been sent. For one thread.

    One request has a point per stream and second at most. The next one may have a point of the
    same second: it gets a tag of its own, and sums over tags stay right.
    """

    def __init__(self) -> None:
        self._sent: dict[bytes, int] = {}
        self._sending: dict[bytes, int] = {}

    def tag(self, request: ExportMetricsServiceRequest) -> None:
        """Tag the points of a request that would take the place of earlier ones."""
        self._sending = {}
        for metric, point in _points(request):
            key = _key(metric, point)
            part = self._sent.get(key, 0)
            self._sending[key] = part + 1
            if part:
                point.attributes.extend(key_values({PART: str(part)}))

    def sent(self) -> None:
        """Remember that the last request has arrived; after a failure it is tagged as before."""
        self._sent |= self._sending
        for key in list(self._sent)[: len(self._sent) - MOST_REMEMBERED]:
            del self._sent[key]


def _points(request: ExportMetricsServiceRequest) -> Iterator[tuple[str, Point]]:
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield from ((metric.name, point) for point in metric.sum.data_points)
                yield from ((metric.name, point) for point in metric.histogram.data_points)


def _key(metric: str, point: Point) -> bytes:
    """Return what Datadog tells points by."""
    tags = b"".join(sorted(pair.SerializeToString() for pair in point.attributes))
    return b"%b %d %b" % (metric.encode(), point.time_unix_nano // _SECOND_NS, tags)
