"""What the month will come to, if the days that are left cost as much as the last ones did."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import ZERO, to_nano
from vidobs.dashboard.chart import floor
from vidobs.dashboard.index.answers import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.dashboard.index.answers import Point

DAYS_USED = 7  # one of each weekday
DAYS_NEEDED = 3
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the month comes to: what was spent so far, and for the time left the mean of some days.

    The days are the last seven full ones, of which those before the first job do not count. With
    fewer than three there is no forecast: `usd` is `None`.
    """

    usd: Decimal | None
    daily_usd: Decimal | None  # mean of these days
    days: int  # how many these are
    days_needed: int
    month_ends: datetime


def forecast_of(month_usd: Decimal, days: Sequence[Point], now: datetime) -> Forecast:
    """Return the forecast at a time, from the days before today on which there was anything."""
    today = floor(now, Step.DAY)
    ends = _next_month(today)
    used = _full_days(days, today)
    if used < DAYS_NEEDED:
        return Forecast(
            usd=None, daily_usd=None, days=used, days_needed=DAYS_NEEDED, month_ends=ends
        )
    first = today - used * _DAY
    spent = sum((point.usd for point in days if first <= point.start < today), ZERO)
    left = Decimal((ends - now) // _SECOND) / (_DAY // _SECOND)
    return Forecast(
        usd=to_nano(month_usd + spent * left / used),
        daily_usd=to_nano(spent / used),
        days=used,
        days_needed=DAYS_NEEDED,
        month_ends=ends,
    )


def _full_days(days: Sequence[Point], today: datetime) -> int:
    """Return how many of the last days can be counted: from the first one that had a job."""
    first = min((point.start for point in days), default=today)
    return min(DAYS_USED, (today - first).days)


def _next_month(today: datetime) -> datetime:
    return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
