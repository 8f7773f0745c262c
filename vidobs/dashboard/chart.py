"""What a chart shows: figures step by step, in series; the table beside it shows the same."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.dashboard.index.answers import Point, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_SERIES = 6  # as many colours as can be told apart; what is beyond is one series more
NO_KEY = "(none)"
_STEPS = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}

Figure = Decimal | float


class Unit(StrEnum):
    """What the figures are."""

    USD = "usd"
    COUNT = "count"
    SECONDS = "s"
    SHARE = "share"  # of one


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One line, or one layer of a stack; `None` is a figure that nobody knows."""

    label: str
    values: tuple[Figure | None, ...]
    rest: bool = False  # everything that has no series of its own


class Row(msgspec.Struct, frozen=True):
    """One step of a chart, as a row of its table."""

    start: datetime
    values: tuple[Figure | None, ...]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Series over the same steps, each of which starts at one of `x`, in seconds since 1970."""

    x: tuple[int, ...] = ()
    series: tuple[Series, ...] = ()
    unit: Unit = Unit.USD
    stacked: bool = False
    step_s: int | None = None  # between two of `x`; None: they are not even

    @property
    def blank(self) -> bool:
        """Whether there is nothing to be seen in it."""
        return not any(any(series.values) for series in self.series)

    @property
    def rows(self) -> tuple[Row, ...]:
        """The steps in which something happened, the newest first."""
        columns = zip(*(series.values for series in self.series), strict=True)
        rows = (
            Row(datetime.fromtimestamp(x, UTC), values)
            for x, values in zip(self.x, columns, strict=bool(self.series))
        )
        return tuple(row for row in rows if any(row.values))[::-1]


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """The steps from the one that holds `since` to the one before `until`."""

    since: datetime
    until: datetime
    step: Step = Step.DAY

    @property
    def starts(self) -> tuple[datetime, ...]:
        """When each step starts."""
        found, start = [], floor(self.since, self.step)
        while start < self.until:
            found.append(start)
            start += _STEPS[self.step]
        return tuple(found)


def floor(moment: datetime, step: Step) -> datetime:
    """Return the start of the hour or day of a moment, in UTC."""
    whole = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return whole.replace(hour=0) if step is Step.DAY else whole


def over_time(
    points: Iterable[Point],
    period: Period,
    *,
    measure: Callable[[Point], Figure] = lambda point: point.usd,
    unit: Unit = Unit.USD,
    stacked: bool = True,
    label: str | None = None,
    rest: Iterable[Point] = (),
) -> Chart:
    """Return a chart of points: nothing in a step is zero, what is outside the period left out.

    The six greatest keys are series of their own, the greatest first; one that is zero throughout
    is none, for that may be unknown. With a label, all keys are one series of that name. `rest`
    is what was summed up before, beyond the keys of the points.
    """
    places = {start: place for place, start in enumerate(period.starts)}
    sums: dict[str, dict[int, Figure]] = defaultdict(dict)
    for point in points:
        place = places.get(point.start)
        if place is not None:
            row = sums[label or point.key or NO_KEY]
            row[place] = _plus(row.get(place), measure(point))
    if label is not None:
        sums.setdefault(label, {})
    beyond = {places[one.start]: measure(one) for one in rest if one.start in places}
    return Chart(
        x=tuple(int(start.timestamp()) for start in places),
        series=(*_series(sums, len(places), label), *_rest("others", beyond, len(places))),
        unit=unit,
        stacked=stacked,
        step_s=int(_STEPS[period.step].total_seconds()),
    )


def _series(sums: dict[str, dict[int, Figure]], length: int, label: str | None) -> Iterable[Series]:
    shown = [key for key, row in sums.items() if any(row.values()) or key == label]
    ranked = sorted(shown, key=lambda key: (-_total(sums[key]), key))
    for key in ranked[:MOST_SERIES]:
        yield Series(label=key, values=_filled(sums[key], length))
    others: dict[int, Figure] = {}
    for key in ranked[MOST_SERIES:]:
        for place, value in sums[key].items():
            others[place] = _plus(others.get(place), value)
    yield from _rest(f"{len(ranked) - MOST_SERIES} others", others, length)


def _rest(label: str, row: dict[int, Figure], length: int) -> Iterable[Series]:
    if any(row.values()):
        yield Series(label=label, values=_filled(row, length), rest=True)


def _filled(row: dict[int, Figure], length: int) -> tuple[Figure, ...]:
    return tuple(row.get(place, 0) for place in range(length))


def _total(row: dict[int, Figure]) -> Decimal:
    return sum((Decimal(value) for value in row.values()), Decimal(0))


def _plus(one: Figure | None, other: Figure) -> Figure:
    if one is None:
        return other
    exact = isinstance(one, Decimal) and isinstance(other, Decimal)
    return Decimal(one) + Decimal(other) if exact else float(one) + float(other)
