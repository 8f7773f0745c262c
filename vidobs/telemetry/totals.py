"""What was measured since somebody first asked, summed up for whoever scrapes this process.

Beside OpenTelemetry, and fed with the very same values: a scrape needs no meter provider, and a
meter provider no scrape. Off, and empty, until `start`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING

from vidobs.telemetry.exposition import HistogramSample, Sample
from vidobs.telemetry.measurements import Instrument, InstrumentKind, Series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from vidobs.telemetry.attributes import Attributes

    Labels: TypeAlias = frozenset[tuple[str, object]]


class Totals:
    """Sums by instrument and attributes. For any thread."""

    def __init__(self) -> None:
        self.active = False
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, Labels], _Sum | _Histogram] = {}
        self._begun: set[Labels] = set()

    def start(self) -> None:
        """Count from now on; what is counted already stays."""
        self.active = True

    def stop(self) -> None:
        """Forget everything, and count no more."""
        self.active = False
        self._sums, self._begun = {}, set()

    def after_fork(self) -> None:
        """Begin at zero in a child: what its parent counted is scraped from its parent."""
        self._lock = threading.Lock()
        self._sums, self._begun = {}, set()

    def record(self, instrument: Instrument, value: float, labels: Attributes) -> None:
        """Add a value to an instrument."""
        with self._lock:
            self._at(instrument, labels).add(value)

    def record_all(
        self, instrument: Instrument, values: Sequence[float], labels: Attributes
    ) -> None:
        """Add single values to an instrument."""
        with self._lock:
            add = self._at(instrument, labels).add
            for value in values:
                add(value)

    def begin(self, labels: Attributes, at_zero: Callable[[Attributes], Iterable[Series]]) -> None:
        """Show what may be counted under some labels at zero, when they are first seen.

        A counter that comes into sight at one has not risen, for Prometheus: the first failure of
        a model would be in no rate and raise no alert.
        """
        key = frozenset(labels.items())
        if key in self._begun:
            return
        series = list(at_zero(labels))
        with self._lock:
            self._begun.add(key)
            for one in series:
                self._at(one.instrument, one.attributes)

    def samples(self) -> list[Sample | HistogramSample]:
        """Return how everything stands, an instrument's samples side by side."""
        with self._lock:
            found = [one.sample() for one in self._sums.values()]
        return sorted(found, key=lambda one: one.instrument.name)

    def _at(self, instrument: Instrument, labels: Attributes) -> _Sum | _Histogram:
        key = instrument.name, frozenset(labels.items())
        found = self._sums.get(key)
        if found is None:
            is_histogram = instrument.kind is InstrumentKind.HISTOGRAM
            made = (_Histogram if is_histogram else _Sum)(instrument, dict(labels))
            found = self._sums[key] = made
        return found


class _Sum:
    def __init__(self, instrument: Instrument, labels: Attributes) -> None:
        self._instrument = instrument
        self._labels = labels
        self._value: float = 0

    def add(self, value: float) -> None:
        self._value += value

    def sample(self) -> Sample:
        return Sample(self._instrument, self._labels, self._value)


class _Histogram:
    def __init__(self, instrument: Instrument, labels: Attributes) -> None:
        self._instrument = instrument
        self._labels = labels
        self._counts = [0] * (len(instrument.buckets) + 1)
        self._total: float = 0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._instrument.buckets, value)] += 1  # a bound is in its bucket
        self._total += value

    def sample(self) -> HistogramSample:
        return HistogramSample(self._instrument, self._labels, tuple(self._counts), self._total)
