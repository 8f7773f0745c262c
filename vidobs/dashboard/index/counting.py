"""What events add to the metrics, counted for good: the totals of a page for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core import names
from vidobs.core.events import EventName, VideoEvent
from vidobs.dashboard.index.statements import queries
from vidobs.ledger import codec, damage
from vidobs.telemetry import attributes
from vidobs.telemetry.measurements import INSTRUMENTS, Instrument, InstrumentKind, of_event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import apsw

    from vidobs.core.jobs import Job
    from vidobs.dashboard.index.source import Event
    from vidobs.telemetry.attributes import Attributes
    from vidobs.telemetry.measurements import Measurement

MOST_MODELS = 200  # that are counted apart; a server's clients may name as many as they like
OTHER = "other"
_BY_NAME = MappingProxyType({instrument.name: instrument for instrument in INSTRUMENTS})
_TOTALS = frozenset({InstrumentKind.COUNTER, InstrumentKind.HISTOGRAM})


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """What the events added to one instrument under one set of attributes.

    `value` is the total, for a histogram the sum of what was measured; `counts` has the values up
    to each bound of `instrument.buckets` that are above the one before, and last those above all.
    """

    instrument: Instrument
    attributes: Mapping[str, str]
    value: float
    count: int = 0  # of measurements
    counts: tuple[int, ...] = ()


class Tally:
    """Counts events in the order in which they come, and adds them to the cache."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Know the models that are counted already."""
        self._connection = connection
        self._models = {
            (str(one.attributes.get(names.PROVIDER_NAME)), one.attributes.get(names.REQUEST_MODEL))
            for one in counters(connection)
        }

    def count(self, events: Iterable[tuple[Event, Job]]) -> None:
        """Add what some events add, inside a transaction."""
        sums: dict[tuple[str, str], _Sum] = {}
        for event, job in events:
            for measured in self._measured(event, job):
                if measured.instrument.kind in _TOTALS:
                    key = measured.instrument.name, _text(measured.attributes)
                    sums.setdefault(key, _Sum(measured.instrument.buckets)).add(measured.value)
        self._connection.executemany(
            queries()["add_counter"],
            [(*key, one.value, one.count, _encoded(one.counts)) for key, one in sums.items()],
        )

    def _measured(self, event: Event, job: Job) -> Iterator[Measurement]:
        told = VideoEvent(id="", name=EventName(event.name), at=codec.moment(event.at_us), job=job)
        return of_event(told, self._labels(job))

    def _labels(self, job: Job) -> Attributes:
        """Return the labels of a job; of too many models the later ones share theirs."""
        provider = attributes.text(job.provider)
        model = attributes.text(job.model) if job.model else None
        if (provider, model) not in self._models:
            if len(self._models) >= MOST_MODELS:
                return {names.PROVIDER_NAME: OTHER, names.REQUEST_MODEL: OTHER}
            self._models.add((provider, model))
        labels: Attributes = {names.PROVIDER_NAME: provider}
        return labels if model is None else labels | {names.REQUEST_MODEL: model}


class _Sum:
    """What some events add to one counter."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.value = 0.0
        self.count = 0
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1 if bounds else 0)

    def add(self, value: float) -> None:
        self.value += value
        self.count += 1
        if self._bounds:
            self.counts[bisect_left(self._bounds, value)] += 1


def decoded(events: Iterable[Event]) -> list[tuple[Event, Job]]:
    """Return events with their jobs; those that cannot be read any more are left out."""
    known = frozenset(name.value for name in EventName)
    return [
        (event, job)
        for event in events
        if event.name in known and (job := damage.job_of(event.job)) is not None
    ]


def counters(connection: apsw.Connection) -> tuple[Counter, ...]:
    """Return the totals as the cache has them."""
    rows: list[Any] = connection.execute(queries()["counters"]).fetchall()
    return tuple(
        Counter(
            instrument=_BY_NAME[name],
            attributes=msgspec.json.decode(labels, type=dict[str, str]),
            value=value,
            count=count,
            counts=tuple(msgspec.json.decode(counts, type=list[int])),
        )
        for name, labels, value, count, counts in rows
        if name in _BY_NAME
    )


def _text(labels: Mapping[str, object]) -> str:
    return _encoded({name: str(labels[name]) for name in sorted(labels)})


def _encoded(value: object) -> str:
    return msgspec.json.encode(value).decode()
