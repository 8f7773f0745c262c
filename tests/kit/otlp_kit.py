"""OTLP requests as plain data: ids in hex, attributes as mappings, the rest as JSON has it."""

import base64

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
}
_IDS = {"traceId", "spanId", "parentSpanId"}
_KINDS = {"stringValue": str, "boolValue": bool, "intValue": int, "doubleValue": float}


def decoded(request):
    """Decode what arrived at a `Sink`."""
    made = _REQUESTS[request.path]()
    made.ParseFromString(request.body)
    return made


def plain(message):
    """Return a message as plain data."""
    return _plain(MessageToDict(message))


def spans_in(message):
    """Return the spans of a request, as plain data."""
    return plain(message)["resourceSpans"][0]["scopeSpans"][0]["spans"]


def records_in(message):
    """Return the log records of a request, as plain data."""
    return plain(message)["resourceLogs"][0]["scopeLogs"][0]["logRecords"]


def metrics_in(message):
    """Return the metrics of a request by name, as plain data."""
    metrics = plain(message)["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    return {metric["name"]: metric for metric in metrics}


def _plain(value):
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _named(name, one) for name, one in value.items()}


def _named(name, value):
    if name == "attributes":
        return {pair["key"]: _value(pair["value"]) for pair in value}
    if name in _IDS:
        return base64.b64decode(value).hex()
    return _value(value) if name == "body" else _plain(value)


def _value(any_value):
    ((kind, value),) = any_value.items()
    if kind == "arrayValue":
        return [_value(one) for one in value["values"]]
    return _KINDS[kind](value)
