"""Events as the log records of an OTLP request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import (
    SEVERITY_NUMBER_DEBUG,
    SEVERITY_NUMBER_INFO,
    SEVERITY_NUMBER_WARN,
    LogRecord,
    ResourceLogs,
    ScopeLogs,
)

from vidobs import SCHEMA_URL, event_attributes, event_level
from vidobs_exporters.otlp.values import SCOPE, any_value, key_values, resource_of, time_ns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs import VideoEvent
    from vidobs_exporters.otlp.values import Values

_SEVERITY = {
    logging.DEBUG: (SEVERITY_NUMBER_DEBUG, "DEBUG"),
    logging.INFO: (SEVERITY_NUMBER_INFO, "INFO"),
    logging.WARNING: (SEVERITY_NUMBER_WARN, "WARN"),
}
_SAMPLED = 1  # https://www.w3.org/TR/trace-context-2/#sampled-flag


def log_request(
    events: Sequence[VideoEvent], *, resource: Values
) -> ExportLogsServiceRequest | None:
    """Return the request with one log record per event, or `None` when there are no events."""
    if not events:
        return None
    scoped = ScopeLogs(
        scope=SCOPE, log_records=[_record(event) for event in events], schema_url=SCHEMA_URL
    )
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=resource_of(resource), scope_logs=[scoped])]
    )


def _record(event: VideoEvent) -> LogRecord:
    """The same record as in process: in the trace of the job, under its create span."""
    trace = event.job.trace
    number, text = _SEVERITY[event_level(event)]
    at = time_ns(event.at)
    return LogRecord(
        time_unix_nano=at,
        observed_time_unix_nano=at,
        severity_number=number,
        severity_text=text,
        event_name=event.name.value,
        body=any_value(event.name.value),
        attributes=key_values(event_attributes(event)),
        trace_id=bytes.fromhex(trace.trace_id),
        span_id=bytes.fromhex(trace.span_id),
        flags=_SAMPLED if trace.sampled else 0,
    )
