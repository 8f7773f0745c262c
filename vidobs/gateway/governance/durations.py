"""Durations as LiteLLM writes them (`24h`, `30d`, `1mo`), and the windows of budgets. Pure.

Windows lie on the calendar in UTC, so that everybody can say when one ends: days begin at midnight,
weeks on Monday, months on the first. `30d` is a month, as it is for LiteLLM. Other numbers of days
count from 1970, other numbers of months from January of the year 0 (`3mo` are quarters).
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from vidobs.core.errors import ConfigError

_WORDS = {"hourly": "1h", "daily": "1d", "weekly": "1w", "monthly": "1mo"}
_DURATION = re.compile(r"([1-9]\d{0,5})(mo|[smhdw])")
_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_WEEK_MS = _MS["w"]
_MONDAY_MS = 4 * _MS["d"]  # 1970-01-05
_MONTH_DAYS = 30  # that mean a month
_YEAR_MONTHS = 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MS = 2**53
_MOST_YEARS = 100


class Span(msgspec.Struct, frozen=True):
    """A length of time on the calendar."""

    number: int
    unit: str  # s, m, h, d, w, mo


class Window(msgspec.Struct, frozen=True):
    """From `start_ms` to before `end_ms`, in milliseconds since 1970."""

    start_ms: int
    end_ms: int

    def __contains__(self, moment_ms: int) -> bool:
        return self.start_ms <= moment_ms < self.end_ms


ALWAYS = Window(0, _LAST_MS)


def read_span(text: str, name: str = "duration") -> Span:
    """Read a duration.

    Raises:
        ConfigError: it is none.
    """
    given = text.strip().lower()
    found = _DURATION.fullmatch(_WORDS.get(given, given))
    if found is None:
        raise ConfigError(f"{name}: got {text[:40]!r}; write 30s, 15m, 24h, 7d, 2w or 1mo")
    span = Span(int(found[1]), found[2])
    after(_EPOCH, span, name)
    return span


def after(moment: datetime, span: Span, name: str = "duration") -> datetime:
    """Return the moment so much later; a month later is the same day, or the month's last one.

    Raises:
        ConfigError: that is more than a hundred years later.
    """
    try:
        later = _later(moment, span)
    except (OverflowError, ValueError):
        later = None
    if later is None or later.year > moment.year + _MOST_YEARS:
        raise ConfigError(f"{name}: got {span.number}{span.unit}, more than a hundred years")
    return later


def _later(moment: datetime, span: Span) -> datetime:
    if span.unit != "mo":
        return moment + timedelta(milliseconds=span.number * _MS[span.unit])
    year, month = divmod(_month_of(moment) + span.number, _YEAR_MONTHS)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def window_at(span: Span | None, moment_ms: int) -> Window:
    """Return the window of a budget that a moment lies in; without a span there is only one."""
    if span is None:
        return ALWAYS
    months = _months(span)
    if months:
        return _month_window(months, moment_ms // _MS["d"])
    length = span.number * _MS[span.unit]
    first = _MONDAY_MS if length % _WEEK_MS == 0 else 0
    start = moment_ms - (moment_ms - first) % length
    return Window(start, start + length)


def _months(span: Span) -> int:
    if span == Span(_MONTH_DAYS, "d"):
        return 1
    return span.number if span.unit == "mo" else 0


@lru_cache(maxsize=64)
def _month_window(months: int, day: int) -> Window:
    index = _month_of(_EPOCH + timedelta(days=day))
    first = index - index % months
    return Window(_month_ms(first), _month_ms(first + months))


def _month_of(moment: datetime) -> int:
    return moment.year * _YEAR_MONTHS + moment.month - 1


def _month_ms(index: int) -> int:
    year, month = divmod(index, _YEAR_MONTHS)
    return ms(datetime(year, month + 1, 1, tzinfo=UTC))


def ms(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(milliseconds: int) -> datetime:
    """Return the aware UTC time of milliseconds since 1970."""
    return _EPOCH + milliseconds * _MILLISECOND
