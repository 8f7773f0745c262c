"""What a panel is, whichever product shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.telemetry.boards.queries import Expression, Match, Over, Quantile, Value

if TYPE_CHECKING:
    from vidobs.telemetry.measurements import Instrument


class Shape(StrEnum):
    """How a panel shows its numbers."""

    NUMBER = "number"  # one figure for the time that is shown
    LINES = "lines"  # over time
    BARS = "bars"  # over time, stacked
    TOP = "top"  # the largest first


class Unit(StrEnum):
    """What the numbers are."""

    USD = "USD"
    SECONDS = "seconds"
    BYTES = "bytes"
    SHARE = "share"  # 1 is all of them
    COUNT = "count"
    LEVEL = "level"  # a number that stands for a state


class Last(StrEnum):
    """A time of its own that a panel shows, whatever the dashboard shows."""

    DAY = "day"
    MONTH = "month"


class Query(msgspec.Struct, frozen=True):
    """What a panel asks, and what its results are called besides the attributes they differ in."""

    ask: Expression
    name: str = ""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """One panel. `about` is said to whoever asks it what it shows."""

    title: str
    about: str
    shape: Shape
    unit: Unit
    queries: tuple[Query, ...]
    last: Last | None = None


class Row(msgspec.Struct, frozen=True):
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


def rate(instrument: Instrument, *by: str, where: tuple[Match, ...] = ()) -> Value:
    """Return how fast a counter rises, per second."""
    return Value(instrument=instrument, over=Over.SECOND, by=by, where=where)


def rise(instrument: Instrument, *by: str, where: tuple[Match, ...] = ()) -> Value:
    """Return how much a counter rose in the time shown."""
    return Value(instrument=instrument, over=Over.PERIOD, by=by, where=where)


def now(instrument: Instrument, *by: str) -> Value:
    """Return how an instrument stands."""
    return Value(instrument=instrument, over=Over.NOW, by=by)


def quantiles(instrument: Instrument, where: tuple[Match, ...] = ()) -> tuple[Query, ...]:
    """Return the usual three quantiles of a histogram."""
    return tuple(
        Query(Quantile(instrument=instrument, quantile=share, where=where), f"p{share * 100:.0f}")
        for share in (0.5, 0.95, 0.99)
    )


def number(
    title: str, unit: Unit, ask: Expression, about: str, *, last: Last | None = None
) -> Panel:
    """Return a panel of one figure."""
    queries = (Query(ask),)
    return Panel(
        title=title, about=about, shape=Shape.NUMBER, unit=unit, queries=queries, last=last
    )


def lines(title: str, unit: Unit, ask: Expression | tuple[Query, ...], about: str) -> Panel:
    """Return a panel of lines over time."""
    queries = ask if isinstance(ask, tuple) else (Query(ask),)
    return Panel(title=title, about=about, shape=Shape.LINES, unit=unit, queries=queries)


def bars(title: str, unit: Unit, ask: Expression, about: str) -> Panel:
    """Return a panel of stacked bars over time."""
    return Panel(title=title, about=about, shape=Shape.BARS, unit=unit, queries=(Query(ask),))


def top(title: str, unit: Unit, ask: Expression, about: str) -> Panel:
    """Return a panel of the largest."""
    return Panel(title=title, about=about, shape=Shape.TOP, unit=unit, queries=(Query(ask),))
