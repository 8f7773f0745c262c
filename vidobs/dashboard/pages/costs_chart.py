"""The chart of the costs: each day of the period, by whatever the rows are grouped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vidobs.core.money import ZERO
from vidobs.dashboard.chart import MOST_SERIES, Chart, Period, floor, over_time
from vidobs.dashboard.index.answers import Point, SeriesBy, SpendBy, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.pages.costs_period import Days

ALL = "all jobs"
_BY = {SpendBy.MODEL: SeriesBy.MODEL, SpendBy.PROVIDER: SeriesBy.PROVIDER}
_MOST_DAYS = 1000  # as many as a series has
_DAY = timedelta(days=1)


def chart_of(desk: Desk, by: SpendBy, days: Days, dearest: Sequence[str | None]) -> Chart:
    """Return what each day cost, by the keys that cost most, the dearest first.

    A job with several tags is in several series, so that these are not stacked.
    """
    points = desk.index.series(Step.DAY, since=days.since, until=days.until, by=_BY.get(by))
    period = _period(points, days, desk.now())
    if by not in (SpendBy.USER, SpendBy.TAG):
        return over_time(points, period, label=ALL if by is SpendBy.DAY else None)
    keys = dearest[:MOST_SERIES]
    shares = desk.index.shares(by, keys, since=period.since, until=period.until)
    if by is SpendBy.TAG:
        return over_time(shares, period, stacked=False)
    return over_time(shares, period, rest=_beyond(points, shares))


def _period(points: Sequence[Point], days: Days, now: datetime) -> Period:
    tomorrow = floor(now, Step.DAY) + _DAY
    until = min(days.until or tomorrow, tomorrow)
    since = days.since or min((point.start for point in points), default=until - _DAY)
    return Period(since=max(since, until - _MOST_DAYS * _DAY), until=until)


def _beyond(points: Iterable[Point], shares: Iterable[Point]) -> Iterable[Point]:
    """Yield what each day cost beyond the shares of it."""
    spent: dict[datetime, Decimal] = {}
    for share in shares:
        spent[share.start] = spent.get(share.start, ZERO) + share.usd
    for point in points:
        yield Point(start=point.start, key=None, usd=point.usd - spent.get(point.start, ZERO))
