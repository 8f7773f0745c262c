"""Everything that is told about a call after it ended, besides its span.

Runs on the maintenance thread, in batches: metrics, one log line and one OpenTelemetry log record
per event, and a line and a record for a call that raised.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from vidobs.core import names
from vidobs.core.events import EventName, VideoEvent
from vidobs.telemetry import fields
from vidobs.telemetry.deliveries import Deliveries
from vidobs.telemetry.lines import Lines
from vidobs.telemetry.metrics import Metrics
from vidobs.telemetry.records import Records
from vidobs.telemetry.times import ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider

    from vidobs.core.jobs import TraceRef
    from vidobs.core.protocols import Happening
    from vidobs.telemetry.deliveries import ExporterStanding
    from vidobs.telemetry.totals import Totals


_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING)


class _Wanted(NamedTuple):
    """What somebody listens to."""

    line: bool
    record: bool


_NOBODY = _Wanted(line=False, record=False)


class Signals:
    """Publishes what happened. Providers that are not given are the global ones, as they come.

    `exporters` is what the relay tells of deliveries; `standings` says how exporters stand. What is
    measured goes to the `totals`, too, while somebody scrapes them.
    """

    def __init__(
        self,
        *,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
        logger: logging.Logger | None = None,
        totals: Totals | None = None,
        standings: Callable[[], Iterable[ExporterStanding]] = tuple,
    ) -> None:
        self._metrics = Metrics(meter_provider, totals=totals)
        self._records = Records(logger_provider)
        self._lines = Lines(logger)
        self.exporters = Deliveries(
            meter_provider,
            lines=self._lines,
            records=self._records,
            totals=totals,
            standings=standings,
        )

    @property
    def counts_calls(self) -> bool:
        """Whether single calls are measured, those included that bring nothing new."""
        return self._metrics.active

    def publish(self, batch: Sequence[Happening]) -> None:
        """Tell metrics and logs of some calls, oldest first."""
        self.exporters.watch()
        self._metrics.publish(batch)
        wanted = self._wanted()
        for seen in batch:
            for event in seen.events:
                level = fields.level_of(event.name)
                if wanted[level] is not _NOBODY:
                    self._event(level, event, wanted[level])
            if seen.error_type is not None:
                self._failure(seen, wanted[logging.WARNING])

    def lost(self, count: int, why: str) -> None:
        """Count and say that writes to the ledger were given up."""
        self._metrics.lost(count, why)
        self._lines.write(
            logging.WARNING,
            names.LEDGER_LOST,
            lambda: {names.LOG_COUNT: count, names.LOG_FIELD_OF[names.LOST_REASON]: why},
        )

    def media_lost(self, count: int, why: str) -> None:
        """Count videos or pictures that could not be kept."""
        self._metrics.media_lost(count, why)

    def guard_tripped(self, where: str) -> None:
        """Count a fault of vidobs itself. May be called from any thread."""
        self._metrics.guard_tripped(where)

    def _wanted(self) -> dict[int, _Wanted]:
        """Return what is to be told of events now, by level."""
        active, bridged = self._records.active, self._lines.leads_to_otel()
        wanted = {}
        for level in _LEVELS:
            line = self._lines.enabled(level)
            record = active and not (bridged and line)  # or a handler makes one from the line
            wanted[level] = _Wanted(line, record) if line or record else _NOBODY
        return wanted

    def _event(self, level: int, event: VideoEvent, wanted: _Wanted) -> None:
        if wanted.line:
            self._lines.write(level, event.name.value, partial(fields.line_of, event))
        if wanted.record:
            self._records.emit(
                level,
                event.name.value,
                fields.of_event(event),
                at_ns=ns(event.at),
                trace=event.job.trace,
            )

    def _failure(self, seen: Happening, wanted: _Wanted) -> None:
        """Tell of a call that raised; where an event tells of it too, only as an exception."""
        level = logging.WARNING
        told = _failed_event(seen)
        if told is None:
            self._lines.write(
                level, EventName.CALL_FAILED.value, partial(fields.line_of_failure, seen)
            )
        if wanted.record:
            trace: TraceRef | None = None if told is None else told.job.trace
            attributes = fields.of_failure(seen)
            if told is not None:
                attributes |= fields.identity(told.job)
            self._records.emit(
                level, names.EXCEPTION_EVENT, attributes, at_ns=seen.end_ns, trace=trace
            )


def _failed_event(seen: Happening) -> VideoEvent | None:
    """Return the event that tells what the call raised: `call.failed`, or a create's outcome."""
    return next((event for event in seen.events if event.detail is not None), None)
