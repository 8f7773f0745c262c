"""The days that the costs are asked of: a preset, or from one date to another."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.dashboard.chart import floor
from vidobs.dashboard.index.answers import Step
from vidobs.dashboard.page import BadQueryError

if TYPE_CHECKING:
    from vidobs.dashboard.page import Asked

DAY = timedelta(days=1)
_YEARS = range(1970, 3000)


class Preset(StrEnum):
    """Periods that have a name, in days of UTC; all but `last_month` go on until now."""

    TODAY = "today"
    WEEK = "7d"
    DAYS_30 = "30d"
    DAYS_90 = "90d"
    MONTH = "month"  # so far
    LAST_MONTH = "last_month"
    YEAR = "year"  # so far
    ALL = "all"


_BACK = {Preset.TODAY: 1, Preset.WEEK: 7, Preset.DAYS_30: 30, Preset.DAYS_90: 90}


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """Whole days in UTC. `None` is open: from the first job on, or until now."""

    preset: Preset | None  # None: the dates were given
    since: datetime | None
    until: datetime | None  # the first moment that does not belong to it

    @property
    def first(self) -> date | None:
        """The first day."""
        return None if self.since is None else self.since.date()

    @property
    def last(self) -> date | None:
        """The last day."""
        return None if self.until is None else (self.until - DAY).date()


def days_of(asked: Asked, now: datetime) -> Days:
    """Return what an address asks for: `from` and `to`, else a `window`, else the last 30 days.

    Raises:
        BadQueryError: a date or a period is none, or they are the wrong way round.
    """
    first, last = _date(asked, "from"), _date(asked, "to")
    if first is None and last is None:
        return of_preset(_preset(asked), now)
    until = None if last is None else last + DAY
    if first is not None and until is not None and first >= until:
        raise BadQueryError(f"from={first:%Y-%m-%d} is after to={last:%Y-%m-%d}")
    return Days(preset=None, since=first, until=until)


def of_preset(preset: Preset, now: datetime) -> Days:
    """Return the days of a preset.

    >>> of_preset(Preset.LAST_MONTH, datetime(2026, 3, 8, tzinfo=UTC)).last
    datetime.date(2026, 2, 28)
    """
    today = floor(now, Step.DAY)
    month = today.replace(day=1)
    if preset is Preset.ALL:
        return Days(preset=preset, since=None, until=None)
    if preset is Preset.LAST_MONTH:
        return Days(preset=preset, since=(month - DAY).replace(day=1), until=month)
    starts = {Preset.MONTH: month, Preset.YEAR: month.replace(month=1)}
    since = starts.get(preset) or today - (_BACK[preset] - 1) * DAY
    return Days(preset=preset, since=since, until=None)


def _preset(asked: Asked) -> Preset:
    given = asked.one("window") or Preset.DAYS_30
    try:
        return Preset(given)
    except ValueError:
        raise BadQueryError(f"window={given[:50]!r} is none of {', '.join(Preset)}") from None


def _date(asked: Asked, name: str) -> datetime | None:
    given = asked.one(name)
    if given is None:
        return None
    try:
        found = datetime.combine(date.fromisoformat(given), time(), UTC)
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise BadQueryError(f"{name}={given[:50]!r} is no date such as 2026-01-31")
    return found
