"""Sends OTLP requests over HTTP as protobuf, and reads what the receiver says of them.

Protocol: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, NamedTuple, Protocol

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from vidobs import scrub
from vidobs_exporters._http import EXCERPT, TIMEOUT_S, Http
from vidobs_exporters.otlp.signals import Compression, Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx
    from google.protobuf.message import Message

    from vidobs_exporters._http import Answer

    class _Partial(Protocol):
        """What the three signals have in common."""

        error_message: str


__all__ = ["Compression", "Rejected", "Sender", "Signal", "rejected"]

_PROTOBUF = "application/x-protobuf"
_JSON = "application/json"


class Rejected(NamedTuple):
    """What a receiver did not take of a request that it answered with success."""

    items: int  # spans, log records or data points; 0: it took all, and says something
    said: str  # in one line, without secrets


class Sender:
    """The connection to one OTLP receiver. For one thread."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        *,
        headers: Mapping[str, str],
        compression: Compression = Compression.GZIP,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Connect to nothing yet. `endpoint` is the part of the URL before `/v1/traces`."""
        self._endpoint = endpoint
        self._compression = compression
        self._headers = {**headers, "content-type": _PROTOBUF}
        if compression is Compression.GZIP:
            self._headers["content-encoding"] = "gzip"
        self._http = Http(name, timeout_s=timeout_s, transport=transport)

    def url(self, signal: Signal) -> str:
        """Return where a signal goes."""
        return f"{self._endpoint}/v1/{signal}"

    def send(self, signal: Signal, request: Message) -> Rejected | None:
        """Send a request; return what a successful answer says against it, if anything.

        Raises:
            ExportError: there was no answer, or it was no success.
        """
        content = request.SerializeToString()
        if self._compression is Compression.GZIP:
            content = gzip.compress(content, mtime=0)
        url = self.url(signal)
        answer = self._http.deliver("POST", url, content=content, headers=self._headers)
        return rejected(signal, answer)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def rejected(signal: Signal, answer: Answer) -> Rejected | None:
    """Read the `partial_success` of an answer; one that is no OTLP at all says nothing.

    https://opentelemetry.io/docs/specs/otlp/#partial-success-1
    """
    if signal is Signal.TRACES:
        traces = ExportTraceServiceResponse()
        _read(answer, traces)
        return _rejected(traces.partial_success.rejected_spans, traces.partial_success)
    if signal is Signal.LOGS:
        logs = ExportLogsServiceResponse()
        _read(answer, logs)
        return _rejected(logs.partial_success.rejected_log_records, logs.partial_success)
    metrics = ExportMetricsServiceResponse()
    _read(answer, metrics)
    return _rejected(metrics.partial_success.rejected_data_points, metrics.partial_success)


def _rejected(items: int, partial: _Partial) -> Rejected | None:
    said = scrub(partial.error_message, EXCERPT)
    return Rejected(items, said) if items or said else None


def _read(answer: Answer, into: Message) -> None:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == _PROTOBUF:
            into.ParseFromString(answer.body)
        elif kind == _JSON and answer.body:
            json_format.Parse(answer.body, into, ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, UnicodeDecodeError):
        into.Clear()  # a receiver that says 200 and something else took it
