"""How events come through to exporters: metrics, and a line when one goes down or comes back.

Counters are told by the relay, in the threads of the exporters. Gauges are read when the meter
provider collects, through a function that answers for whatever runtime the process has by then: an
SDK keeps the callback of the first instrument of a name for ever.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import msgspec
from opentelemetry import metrics as metrics_api
from opentelemetry.metrics import Observation

from vidobs.core import names
from vidobs.core.events import EventName
from vidobs.core.protocols import BreakerState
from vidobs.core.reports import DropReason
from vidobs.core.scrub import scrub
from vidobs.telemetry import attributes, fields
from vidobs.telemetry.exposition import Sample
from vidobs.telemetry.measurements import Instrument, InstrumentKind, Series
from vidobs.telemetry.metrics import Instruments, sinks
from vidobs.telemetry.providers import Current, scope_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider

    from vidobs.telemetry.attributes import Attributes
    from vidobs.telemetry.lines import Lines
    from vidobs.telemetry.records import Records
    from vidobs.telemetry.totals import Totals


class ExporterStanding(msgspec.Struct, frozen=True):
    """How an exporter stands now; `None` where that is not known."""

    exporter: str
    queue: int | None = None  # events that it has not had
    lag_s: float | None = None  # that the oldest of them has waited
    breaker: BreakerState | None = None


def _counter(name: str, unit: str, description: str) -> Instrument:
    return Instrument(name, InstrumentKind.COUNTER, unit, description)


def _gauge(name: str, unit: str, description: str) -> Instrument:
    return Instrument(name, InstrumentKind.GAUGE, unit, description)


DELIVERED = _counter(
    names.METRIC_EXPORTER_DELIVERED, "{event}", "Events that an exporter delivered"
)
RETRIED = _counter(
    names.METRIC_EXPORTER_RETRIED, "{batch}", "Batches that it did not take, or not all of"
)
DROPPED = _counter(
    names.METRIC_EXPORTER_DROPPED, "{event}", "Events that it never gets: too many, or too old"
)
DEAD = _counter(names.METRIC_EXPORTER_DEAD, "{event}", "Events that became dead letters")
DURATION = Instrument(
    names.METRIC_EXPORTER_DURATION,
    InstrumentKind.HISTOGRAM,
    "s",
    "Duration of one export, of a batch",
    names.CALL_DURATION_BUCKETS,
)
QUEUE = _gauge(names.METRIC_EXPORTER_QUEUE, "{event}", "Events in the ledger that wait for it")
LAG = _gauge(names.METRIC_EXPORTER_LAG, "s", "How long the oldest of these has waited")
BREAKER = _gauge(
    names.METRIC_EXPORTER_BREAKER,
    "{state}",
    "0 closed, 1 half open, 2 open (it is down), 3 disabled",
)
COUNTED = (DELIVERED, RETRIED, DROPPED, DEAD, DURATION)
OBSERVED = (QUEUE, LAG, BREAKER)

CACHED_S = 1.0  # for which one look at the standings serves all gauges
OVERFLOW = "overflow"  # why an exporter that is not durable misses events

LEVEL_OF = {
    BreakerState.CLOSED: 0,
    BreakerState.HALF_OPEN: 1,
    BreakerState.OPEN: 2,
    BreakerState.DISABLED: 3,
}
_VALUE_OF: dict[str, Callable[[ExporterStanding], float | None]] = {
    QUEUE.name: lambda standing: standing.queue,
    LAG.name: lambda standing: standing.lag_s,
    BREAKER.name: lambda standing: None if standing.breaker is None else LEVEL_OF[standing.breaker],
}


class Deliveries:
    """A `RelayListener`. `standings()` is called while metrics are collected: it must not block.

    Whatever it is told, it returns at once.
    """

    def __init__(
        self,
        provider: MeterProvider | None,
        *,
        lines: Lines,
        records: Records,
        totals: Totals | None = None,
        standings: Callable[[], Iterable[ExporterStanding]] = tuple,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.states: dict[str, BreakerState] = {}  # of the breakers, as far as they were told
        self._lines = lines
        self._records = records
        self._totals = totals
        self._standings = standings
        self._now_s = now_s
        self._seen: tuple[float, tuple[ExporterStanding, ...]] | None = None
        self._instruments = Current(provider, metrics_api.get_meter_provider, self._made)

    def watch(self) -> None:
        """See to it that the gauges are read, if anybody collects them."""
        self._instruments.get()

    def gauges(self) -> Iterator[Sample]:
        """Yield how exporters stand now, for a scrape; what may be counted of them begins there."""
        for standing in self._current():
            labels: Attributes = {names.EXPORTER_ID: standing.exporter}
            if self._totals is not None:
                self._totals.begin(labels, _expected)
            for gauge in OBSERVED:
                value = _VALUE_OF[gauge.name](standing)
                if value is not None:
                    yield Sample(gauge, labels, value)

    def delivered(self, exporter: str, *, events: int, seconds: float) -> None:
        """Count events that arrived."""
        self._add(DELIVERED, events, exporter)
        self._add(DURATION, seconds, exporter)

    def failed(self, exporter: str, *, error_type: str, seconds: float) -> None:
        """Count a batch that was not taken."""
        self._add(RETRIED, 1, exporter, error_type)
        self._add(DURATION, seconds, exporter, error_type)

    def buried(self, exporter: str, *, events: int) -> None:
        """Count dead letters."""
        self._add(DEAD, events, exporter)

    def dropped(self, exporter: str, *, events: int, reason: str = OVERFLOW) -> None:
        """Count events that an exporter never gets."""
        self._add(DROPPED, events, exporter, reason)

    def breaker(self, exporter: str, state: BreakerState) -> None:
        """Keep how a breaker stands."""
        self.states[exporter] = state

    def down(self, exporter: str, *, failures: int, error: str, retry_at: datetime | None) -> None:
        """Say that an exporter is down."""
        said: Attributes = {
            names.EXPORTER_ID: exporter,
            names.EXPORTER_FAILURES: failures,
            names.EXPORTER_REASON: scrub(error),
        }
        if retry_at is not None:
            said[names.EXPORTER_RETRY_AT] = retry_at.isoformat(timespec="seconds")
        self._say(logging.WARNING, EventName.EXPORTER_DOWN, said)

    def recovered(self, exporter: str) -> None:
        """Say that an exporter is back."""
        self._say(logging.INFO, EventName.EXPORTER_RECOVERED, {names.EXPORTER_ID: exporter})

    def _say(self, level: int, name: EventName, said: Attributes) -> None:
        self._lines.write(level, name.value, lambda: fields.shortened(said))
        bridged = self._lines.leads_to_otel() and self._lines.enabled(level)
        if not bridged:
            self._records.emit(level, name.value, said)

    def _add(
        self, instrument: Instrument, value: float, exporter: str, reason: str | None = None
    ) -> None:
        to = sinks(self._instruments.get(), self._totals)
        if not to:
            return
        labels: Attributes = {names.EXPORTER_ID: exporter}
        if reason is not None:
            labels[names.EXPORTER_REASON] = attributes.text(reason)
        for sink in to:
            sink.record(instrument, value, labels)

    def _made(self, provider: MeterProvider) -> Instruments:
        meter = provider.get_meter(names.SCOPE, scope_version(), names.SCHEMA_URL)
        for gauge in OBSERVED:
            self._observe(meter, gauge)
        return Instruments(meter, COUNTED)

    def _observe(self, meter: Meter, gauge: Instrument) -> None:
        def read(_options: CallbackOptions) -> Iterator[Observation]:
            value_of = _VALUE_OF[gauge.name]
            for standing in self._current():
                value = value_of(standing)
                if value is not None:
                    yield Observation(value, {names.EXPORTER_ID: standing.exporter})

        meter.create_observable_gauge(gauge.name, [read], gauge.unit, gauge.description)

    def _current(self) -> tuple[ExporterStanding, ...]:
        now_s = self._now_s()
        if self._seen is None or now_s - self._seen[0] >= CACHED_S:
            self._seen = (now_s, tuple(self._standings()))
        return self._seen[1]


def _expected(labels: Attributes) -> Iterator[Series]:
    """Yield the counters that an exporter may come to raise."""
    yield Series(DELIVERED, labels)
    yield Series(DEAD, labels)
    for reason in (OVERFLOW, *DropReason):
        yield Series(DROPPED, {**labels, names.EXPORTER_REASON: str(reason)})
