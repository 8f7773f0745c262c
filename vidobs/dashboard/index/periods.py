"""Hours, days and months in UTC as numbers, and a period as a few whole ones of these. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import IntEnum

import msgspec

from vidobs.ledger.codec import EPOCH

HOUR_US = 3_600_000_000
DAY_HOURS = 24
_MONTHS = 12
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 1, 1, tzinfo=UTC)


class Grain(IntEnum):
    """How long the parts are that sums are kept by."""

    HOUR = 0
    DAY = 1
    MONTH = 2


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Some hours, days or months in a row: from the first to before the last."""

    grain: int
    first: int
    end: int


def day_of(hour: int) -> int:
    """Return the day of an hour."""
    return hour // DAY_HOURS


def month_of(day: int) -> int:
    """Return the month of a day."""
    date = EPOCH + timedelta(days=day)
    return date.year * _MONTHS + date.month - 1


def start_of(grain: Grain, number: int) -> datetime:
    """Return when an hour, day or month begins."""
    if grain is Grain.MONTH:
        return datetime(number // _MONTHS, number % _MONTHS + 1, 1, tzinfo=UTC)
    return EPOCH + (timedelta(hours=number) if grain is Grain.HOUR else timedelta(days=number))


def hour_at(moment: datetime) -> int:
    """Return the hour of a time."""
    return (moment - EPOCH) // timedelta(hours=1)


def spans(
    since: datetime | None, until: datetime | None, finest: Grain = Grain.HOUR
) -> tuple[Span, ...]:
    """Return a period in as few parts as there are, widened to whole parts of the finest grain."""
    first, end = hours(since, until)
    if finest is Grain.DAY:
        first, end = day_of(first) * DAY_HOURS, -day_of(-end) * DAY_HOURS
    days = Span(Grain.DAY, -day_of(-first), day_of(end))
    if days.first >= days.end:
        return (Span(Grain.HOUR, first, end),) if first < end else ()
    around = (
        Span(Grain.HOUR, first, days.first * DAY_HOURS),
        Span(Grain.HOUR, days.end * DAY_HOURS, end),
    )
    return tuple(span for span in (*around, *_months(days)) if span.first < span.end)


def hours(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """Return the first hour of a period, and the one behind its last."""
    return hour_at(since or _FIRST), -((EPOCH - (until or _LAST)) // timedelta(hours=1))


def _months(days: Span) -> tuple[Span, ...]:
    first, end = month_of(days.first), month_of(days.end)
    if _first_day(first) < days.first:
        first += 1
    if first >= end:
        return (days,)
    return (
        Span(Grain.DAY, days.first, _first_day(first)),
        Span(Grain.MONTH, first, end),
        Span(Grain.DAY, _first_day(end), days.end),
    )


def _first_day(month: int) -> int:
    return (start_of(Grain.MONTH, month) - EPOCH).days
