"""The chart of the costs: each day of the period, by whatever the rows are grouped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vidobs.dashboard.chart import Chart, Period, floor, over_time
from vidobs.dashboard.index.answers import Point, SeriesBy, SpendBy, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.pages.costs_period import Days

ALL = "all jobs"
_BY = {SpendBy.MODEL: SeriesBy.MODEL, SpendBy.PROVIDER: SeriesBy.PROVIDER}
_MOST_DAYS = 1000  # as many as a series has
_MOST_ASKED = 92  # days that are asked about one by one
_DAY = timedelta(days=1)


def chart_of(desk: Desk, by: SpendBy, days: Days) -> Chart:
    """Return what each day cost. A job with several tags is in several series, so none is a sum."""
    points = desk.index.series(Step.DAY, since=days.since, until=days.until, by=_BY.get(by))
    period = _period(points, days, desk.now())
    if by not in (SpendBy.USER, SpendBy.TAG):
        return over_time(points, period, label=ALL if by is SpendBy.DAY else None)
    if len(period.starts) > _MOST_ASKED:
        return over_time(points, period, label=ALL)
    spent = [point.start for point in points]
    return over_time(_shares(desk, by, spent), period, stacked=by is not SpendBy.TAG)


def _period(points: Sequence[Point], days: Days, now: datetime) -> Period:
    tomorrow = floor(now, Step.DAY) + _DAY
    until = min(days.until or tomorrow, tomorrow)
    since = days.since or min((point.start for point in points), default=until - _DAY)
    return Period(since=max(since, until - _MOST_DAYS * _DAY), until=until)


def _shares(desk: Desk, by: SpendBy, starts: Iterable[datetime]) -> Iterable[Point]:
    for start in starts:
        for row in desk.index.spend(by, start, start + _DAY).rows:
            yield Point(start=start, key=row.key, usd=row.usd)
