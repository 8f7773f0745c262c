"""The roads by OTLP: spans, log records and metrics to an Agent, a Collector or the intake."""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from vidobs import ExportError
from vidobs_exporters._http import origin
from vidobs_exporters.datadog.dialect import converted, correlate, unconverted
from vidobs_exporters.datadog.points import TakenSeconds
from vidobs_exporters.datadog.settings import LlmObs, Settings
from vidobs_exporters.otlp.logs import log_request
from vidobs_exporters.otlp.metrics import metric_request
from vidobs_exporters.otlp.options import Options
from vidobs_exporters.otlp.sender import Sender
from vidobs_exporters.otlp.signals import Signal
from vidobs_exporters.otlp.spans import trace_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from google.protobuf.message import Message

    from vidobs import VideoEvent
    from vidobs_exporters.otlp.values import Values

    Encode: TypeAlias = Callable[[Sequence[VideoEvent]], Message | None]

_CARRIES = {Signal.TRACES: "spans", Signal.LOGS: "logs", Signal.METRICS: "metrics"}
_log = logging.getLogger("vidobs")


class OtlpRoad:
    """One signal, one request per batch."""

    def __init__(self, name: str, signal: Signal, encode: Encode, sender: Sender) -> None:
        self.carries = _CARRIES[signal]
        self.to = origin(sender.url(signal))
        self._name = name
        self._signal = signal
        self._encode = encode
        self._sender = sender

    def send(self, events: Sequence[VideoEvent]) -> Iterator[int]:
        """Send one request, unless the events hold nothing of this signal."""
        request = self._encode(events)
        if request is not None:
            self._send(request)
        yield len(events)

    def close(self) -> None:
        """Close the connection."""
        self._sender.close()

    def _send(self, request: Message) -> None:
        rejected = self._sender.send(self._signal, request)
        if rejected is None:
            return
        said = (
            f"exporter {self._name!r}: {self.to} rejected {rejected.items} of the {self.carries}: "
            f"{rejected.said or 'no reason given'}"
        )
        if rejected.items and self._signal is not Signal.METRICS:
            raise ExportError(said, retryable=False)
        _log.warning("%s", said)


class MetricRoad(OtlpRoad):
    """Metrics, of which no point takes the place of another."""

    def __init__(self, name: str, signal: Signal, encode: Encode, sender: Sender) -> None:
        super().__init__(name, signal, encode, sender)
        self._taken = TakenSeconds()

    def _send(self, request: Message) -> None:
        if isinstance(request, ExportMetricsServiceRequest):
            self._taken.tag(request)
        super()._send(request)
        self._taken.sent()


def otlp_roads(name: str, settings: Settings) -> list[OtlpRoad]:
    """Return the roads to one receiver; metrics last, since they count twice when sent twice."""
    encode = _encoders(name, settings)
    made: list[OtlpRoad] = []
    for signal in map(Signal, settings.otlp_urls):
        headers = _headers(settings, signal)
        sender = Sender(
            name, settings.otlp_url or "", headers=headers, timeout_s=settings.timeout_s
        )
        road = MetricRoad if signal is Signal.METRICS else OtlpRoad
        made.append(road(name, signal, encode[signal], sender))
    return made


def _encoders(name: str, settings: Settings) -> dict[Signal, Encode]:
    resource = Options(name, os.environ).resource(settings.names.resource, None)
    dialect = converted if settings.llmobs is LlmObs.OTLP else unconverted
    return {
        Signal.TRACES: partial(trace_request, resource=resource, dialect=dialect),
        Signal.LOGS: partial(_log_request, resource=resource),
        Signal.METRICS: partial(metric_request, resource=resource),
    }


def _headers(settings: Settings, signal: Signal) -> dict[str, str]:
    """Return what Datadog's intake wants to know; an Agent gets nothing of it.

    https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/
    """
    if settings.key is None or not settings.otlp_key:
        return {}
    key = {"dd-api-key": settings.key.reveal()}
    if signal is Signal.TRACES and settings.llmobs is LlmObs.OTLP:
        return {**key, "dd-otlp-source": "llmobs"}
    return key


def _log_request(events: Sequence[VideoEvent], *, resource: Values) -> Message | None:
    request = log_request(events, resource=resource)
    return None if request is None else correlate(request)
