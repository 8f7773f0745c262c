"""OpenTelemetry log records: one per event, with its event name, and one per exception.

Exceptions are log records rather than span events, as the conventions ask since 1.44:
https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-logs/
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry import _logs as logs_api
from opentelemetry import trace as trace_api
from opentelemetry._logs import LogRecord, NoOpLogger, SeverityNumber
from opentelemetry.context import Context

from vidobs.core import names
from vidobs.telemetry import sdk_spans
from vidobs.telemetry.providers import Current, scope_version

if TYPE_CHECKING:
    from opentelemetry._logs import Logger, LoggerProvider

    from vidobs.core.jobs import TraceRef
    from vidobs.telemetry.attributes import Attributes

_SEVERITY = {
    logging.DEBUG: (SeverityNumber.DEBUG, "DEBUG"),
    logging.INFO: (SeverityNumber.INFO, "INFO"),
    logging.WARNING: (SeverityNumber.WARN, "WARN"),
}


class Records:
    """Emits log records through the logger provider that is set up now."""

    def __init__(self, provider: LoggerProvider | None = None) -> None:
        self._loggers = Current(provider, logs_api.get_logger_provider, _logger)

    @property
    def active(self) -> bool:
        """Whether a record would go anywhere."""
        return self._loggers.get() is not None

    def emit(
        self,
        level: int,
        name: str,
        attributes: Attributes,
        *,
        at_ns: int | None = None,
        trace: TraceRef | None = None,
    ) -> None:
        """Emit one record, in the trace it belongs to."""
        logger = self._loggers.get()
        if logger is None:
            return
        number, text = _SEVERITY[level]
        logger.emit(
            LogRecord(
                timestamp=at_ns,
                context=_context(trace),
                severity_number=number,
                severity_text=text,
                body=name,
                attributes=attributes,
                event_name=name,
            )
        )


def _context(trace: TraceRef | None) -> Context:
    """A context of its own: whatever is current on this thread has nothing to do with it."""
    if trace is None:
        return Context()
    return trace_api.set_span_in_context(sdk_spans.silent(sdk_spans.remote(trace)), Context())


def _logger(provider: LoggerProvider) -> Logger | None:
    logger = provider.get_logger(names.SCOPE, scope_version(), names.SCHEMA_URL)
    return None if isinstance(logger, NoOpLogger) else logger
