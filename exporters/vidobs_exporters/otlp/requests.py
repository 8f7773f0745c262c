"""What one exporter makes of events: the request for each signal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs_exporters.otlp.logs import log_request
from vidobs_exporters.otlp.metrics import metric_request
from vidobs_exporters.otlp.signals import Signal
from vidobs_exporters.otlp.spans import trace_request
from vidobs_exporters.otlp.values import time_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from vidobs import VideoEvent
    from vidobs_exporters.otlp.spans import Dialect
    from vidobs_exporters.otlp.values import Values


class Requests:
    """Makes requests of events, of one resource and in one dialect."""

    def __init__(self, resource: Values, dialect: Dialect) -> None:
        self._resource = resource
        self._dialect = dialect
        self._since_ns: int | None = None  # up to where the metrics were reported

    def of(self, signal: Signal, events: Sequence[VideoEvent]) -> Message | None:
        """Return the request of a signal, or `None` when there is nothing to send."""
        if signal is Signal.TRACES:
            return trace_request(events, resource=self._resource, dialect=self._dialect)
        if signal is Signal.LOGS:
            return log_request(events, resource=self._resource)
        return metric_request(events, resource=self._resource, since_ns=self._since_ns)

    def sent(self, events: Sequence[VideoEvent]) -> None:
        """Remember up to where metrics were reported."""
        if events:
            newest = max(time_ns(event.at) for event in events)
            self._since_ns = newest if self._since_ns is None else max(self._since_ns, newest)
