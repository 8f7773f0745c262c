"""Failures that are alike: how many, since when, with examples."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from vidobs.core.jobs import Reason
from vidobs.dashboard.index import periods
from vidobs.dashboard.index.answers import Failure, Failures, Point
from vidobs.dashboard.index.periods import Grain
from vidobs.dashboard.index.statements import queries
from vidobs.dashboard.index.sums import listed
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

EXAMPLES = 3  # of each group in a list
_SHORT = timedelta(days=3)  # a period whose trend goes by the hour
_TREND_DAYS = 30  # of one that is open
_TOP = 2**63 - 1


class Period:
    """A period, and the part of it that a trend shows."""

    def __init__(self, since: datetime | None, until: datetime | None, now: datetime) -> None:
        self.spans = listed(periods.spans(since, until))
        self.first = 0 if since is None else codec.seq_at(max(since, codec.EPOCH))
        self.end = _TOP if until is None else codec.seq_at(max(until, codec.EPOCH))
        start = max(since or codec.EPOCH, (until or now) - timedelta(days=_TREND_DAYS))
        first, end = periods.hours(start, until or now)
        self.grain = Grain.HOUR if (until or now) - start <= _SHORT else Grain.DAY
        if self.grain is Grain.DAY:
            first, end = periods.day_of(first), -periods.day_of(-end)
        self.trend = first, end


def failures(connection: apsw.Connection, period: Period, limit: int) -> Failures:
    """Return the most frequent failures of jobs created in a period."""
    rows = _all(connection, "failures", period.spans, limit)
    if not rows:
        return Failures()
    found = [
        _failure(connection, period, fingerprint, sums, EXAMPLES)
        for fingerprint, *sums, _, _ in rows
    ]
    return Failures(
        rows=tuple(one for one in found if one is not None), groups=rows[0][-2], jobs=rows[0][-1]
    )


def failure(
    connection: apsw.Connection, period: Period, fingerprint: str, examples: int
) -> Failure | None:
    """Return one group of failures, `None` where there is none in the period."""
    (sums,) = _all(connection, "failure_sum", period.spans, fingerprint)
    return _failure(connection, period, fingerprint, sums, examples) if sums[0] else None


def _failure(
    connection: apsw.Connection,
    period: Period,
    fingerprint: str,
    sums: Sequence[int],
    examples: int,
) -> Failure | None:
    found = _all(connection, "failure", fingerprint)
    if not found or found[0][5] is None:
        return None  # its jobs are being deleted just now
    provider, model, reason, code, message, first, last = found[0]
    jobs, usd, possible = sums
    places = _all(connection, "failure_examples", fingerprint, period.first, period.end, examples)
    return Failure(
        fingerprint=fingerprint,
        provider=provider,
        model=model,
        reason=None if reason is None else Reason(reason),
        code=code,
        message=message,
        jobs=jobs,
        usd=codec.dollars(usd),
        possible_usd=codec.dollars(possible),
        first_at=codec.created_at(first),
        last_at=codec.created_at(last),
        examples=tuple(place for (place,) in places),
        trend=_trend(connection, period, fingerprint),
    )


def _trend(connection: apsw.Connection, period: Period, fingerprint: str) -> tuple[Point, ...]:
    rows = _all(connection, "failure_trend", fingerprint, period.grain, *period.trend)
    return tuple(
        Point(
            start=periods.start_of(period.grain, start),
            key=None,
            jobs=jobs,
            usd=codec.dollars(usd),
        )
        for start, jobs, usd in rows
    )


def _all(connection: apsw.Connection, query: str, *bindings: str | int) -> list[Any]:
    return connection.execute(queries()[query], bindings).fetchall()
