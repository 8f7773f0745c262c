"""The metrics: recorded as things happen, never derived from spans, which may be sampled away.

Their attributes never hold ids, users or prompts, and every one of them is bounded: behind the
first `MAX_VALUES` distinct models a value becomes `other`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import metrics as metrics_api

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.telemetry import attributes
from vidobs.telemetry import measurements as table
from vidobs.telemetry.measurements import INSTRUMENTS, InstrumentKind
from vidobs.telemetry.providers import Current, scope_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol, TypeAlias

    from opentelemetry.metrics import Meter, MeterProvider

    from vidobs.core.events import EventName, VideoEvent
    from vidobs.core.protocols import Happening
    from vidobs.telemetry.attributes import Attributes
    from vidobs.telemetry.measurements import Instrument
    from vidobs.telemetry.totals import Totals

    Add: TypeAlias = Callable[[int | float, Attributes], None]
    _Call: TypeAlias = tuple[Operation, str, str | None, str | None]
    _Told: TypeAlias = tuple[EventName, str, str | None]

    class Sink(Protocol):
        """Where values go: the instruments of a meter provider, or the totals of this process."""

        def record(self, instrument: Instrument, value: float, labels: Attributes) -> None:
            """Add a value to an instrument."""
            ...

        def record_all(
            self, instrument: Instrument, values: Sequence[float], labels: Attributes
        ) -> None:
            """Add single values to an instrument."""
            ...


MAX_VALUES = 200
OTHER = "other"


class Bounded:
    """Lets the first values through and calls every later one `other`. For one thread."""

    def __init__(self, limit: int = MAX_VALUES) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """Return the value, or `other` when there are too many already."""
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value


class Instruments:
    """Every instrument of a table, made once per meter provider."""

    def __init__(self, meter: Meter, table: Sequence[Instrument] = INSTRUMENTS) -> None:
        self._add: dict[str, Add] = {one.name: made_by(meter, one) for one in table}

    def record(self, instrument: Instrument, value: float, labels: Attributes) -> None:
        """Add a value to an instrument."""
        self._add[instrument.name](value, labels)

    def record_all(
        self, instrument: Instrument, values: Sequence[float], labels: Attributes
    ) -> None:
        """Add single values to an instrument."""
        add = self._add[instrument.name]
        for value in values:
            add(value, labels)


class Metrics:
    """Records what happened: through the meter provider that is set up now, and in the totals."""

    def __init__(
        self, provider: MeterProvider | None = None, *, totals: Totals | None = None
    ) -> None:
        self._instruments = Current(provider, metrics_api.get_meter_provider, _instruments)
        self._totals = totals
        self._model = Bounded()
        self._error = Bounded()
        self._provider = Bounded()

    @property
    def active(self) -> bool:
        """Whether anybody receives them."""
        return bool(self._sinks())

    def publish(self, batch: Sequence[Happening]) -> None:
        """Record some calls and their events, each kind of them at once."""
        to = self._sinks()
        if not to:
            return
        calls: dict[_Call, list[float]] = {}
        told: dict[_Told, list[VideoEvent]] = {}
        for seen in batch:
            if not seen.late:
                kind = seen.operation, seen.provider, seen.model, seen.error_type
                seconds = max(0, seen.end_ns - seen.start_ns) / 1e9
                calls.setdefault(kind, []).append(seconds)
            for event in seen.events:
                job = event.job
                told.setdefault((event.name, job.provider, job.model), []).append(event)
        for call, durations in calls.items():
            self._calls(to, call, durations)
        for events in told.values():
            self._events(to, events)

    def _calls(self, to: Sequence[Sink], call: _Call, durations: list[float]) -> None:
        """Record calls that were alike."""
        operation, provider, model, error_type = call
        labels = self._labels(provider, model)
        if operation is Operation.RETRIEVE:
            _record(to, table.POLLS, len(durations), labels)
        labels = {**labels, names.OPERATION_NAME: attributes.OPERATION_NAME_OF[operation]}
        if error_type is not None:
            labels[names.ERROR_TYPE] = self._error(attributes.text(error_type))
            failed: Attributes = {**labels, names.OPERATION: operation.value}
            _record(to, table.CALL_ERRORS, len(durations), failed)
        for sink in to:
            sink.record_all(table.CALL_DURATION, durations, labels)

    def _events(self, to: Sequence[Sink], events: Sequence[VideoEvent]) -> None:
        """Record events of one name, of jobs of one model."""
        first = events[0]
        labels = self._labels(first.job.provider, first.job.model)
        if self._totals is not None and self._totals.active:
            self._totals.begin(labels, table.expected)
        if table.only_counts(first.name):
            for one in table.of_event(first, labels):
                _record(to, one.instrument, one.value * len(events), one.attributes)
            return
        for event in events:
            for one in table.of_event(event, labels):
                _record(to, one.instrument, one.value, one.attributes)

    def lost(self, count: int, why: str) -> None:
        """Count writes to the ledger that were given up."""
        self._own(table.LOST, count, {names.LOST_REASON: attributes.text(why)})

    def media_lost(self, count: int, why: str) -> None:
        """Count videos or pictures that could not be kept."""
        self._own(table.MEDIA_LOST, count, {names.LOST_REASON: attributes.text(why)})

    def guard_tripped(self, where: str) -> None:
        """Count a fault of vidobs itself."""
        self._own(table.GUARD_TRIPS, 1, {names.GUARD_WHERE: where})

    def _own(self, instrument: Instrument, count: int, labels: Attributes) -> None:
        _record(self._sinks(), instrument, count, labels)

    def _sinks(self) -> tuple[Sink, ...]:
        return sinks(self._instruments.get(), self._totals)

    def _labels(self, provider: str, model: str | None) -> Attributes:
        labels: Attributes = {names.PROVIDER_NAME: self._provider(attributes.text(provider))}
        if model:
            labels[names.REQUEST_MODEL] = self._model(attributes.text(model))
        return labels


def _instruments(provider: MeterProvider) -> Instruments:
    return Instruments(provider.get_meter(names.SCOPE, scope_version(), names.SCHEMA_URL))


def sinks(made: Instruments | None, totals: Totals | None) -> tuple[Sink, ...]:
    """Return where values go now."""
    told: tuple[Sink, ...] = () if made is None else (made,)
    return told if totals is None or not totals.active else (*told, totals)


def _record(to: Sequence[Sink], instrument: Instrument, value: float, labels: Attributes) -> None:
    for sink in to:
        sink.record(instrument, value, labels)


def made_by(meter: Meter, one: Instrument) -> Add:
    """Make a counter or a histogram; return how to add to it."""
    if one.kind is InstrumentKind.COUNTER:
        return meter.create_counter(one.name, one.unit, one.description).add
    if one.kind is InstrumentKind.UP_DOWN_COUNTER:
        return meter.create_up_down_counter(one.name, one.unit, one.description).add
    return meter.create_histogram(
        one.name, one.unit, one.description, explicit_bucket_boundaries_advisory=one.buckets or None
    ).record
