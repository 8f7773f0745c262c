"""Questions that sums answer: what a period came to, hour by hour, by model, by user."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.reports import Spend, SpendRow
from vidobs.dashboard.index import periods
from vidobs.dashboard.index.answers import (
    Outcome,
    PhaseName,
    PhaseRow,
    Point,
    Quantiles,
    SeriesBy,
    SpendBy,
    Step,
    Totals,
)
from vidobs.dashboard.index.buckets import quantile
from vidobs.dashboard.index.periods import Grain
from vidobs.dashboard.index.statements import queries
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import apsw

    from vidobs.dashboard.index.periods import Span

MOST_POINTS = 1000  # steps of a series
_MICROS = 1_000_000
_GRAIN_OF = MappingProxyType({Step.HOUR: Grain.HOUR, Step.DAY: Grain.DAY})
_FAILED = frozenset({Outcome.FAILED, Outcome.MODERATED})


def totals(
    connection: apsw.Connection,
    period: Sequence[Span],
    provider: str | None,
    model: str | None,
    outcome: Outcome | None = None,
) -> Totals:
    """Return what a period came to."""
    rows = _all(connection, "totals", listed(period), provider, model, outcome)
    by = {Outcome(row[0]): row[1:] for row in rows}
    _, _, usd, possible, unpriced, video_us, asked_us, compared, quoted, billed, priced_us = (
        sum(row[place] for row in by.values()) for place in range(11)
    )
    return Totals(
        jobs=sum(row[0] for row in by.values()),
        outcomes={outcome: row[0] for outcome, row in by.items() if row[0]},
        settled=sum(row[1] for outcome, row in by.items() if outcome is not Outcome.UNKNOWN),
        usd=codec.dollars(usd),
        possible_usd=codec.dollars(possible),
        unpriced=unpriced,
        seconds=seconds(video_us),
        priced_seconds=seconds(priced_us),
        asked_seconds=seconds(asked_us),
        completed_usd=codec.dollars(by[Outcome.COMPLETED][2] if Outcome.COMPLETED in by else 0),
        failed_usd=codec.dollars(sum(row[2] for one, row in by.items() if one in _FAILED)),
        moderated_usd=codec.dollars(by[Outcome.MODERATED][2] if Outcome.MODERATED in by else 0),
        compared=compared,
        quoted_usd=codec.dollars(quoted),
        billed_usd=codec.dollars(billed),
    )


def series(
    connection: apsw.Connection,
    step: Step,
    since: datetime | None,
    until: datetime | None,
    by: SeriesBy | None,
) -> tuple[Point, ...]:
    """Return the steps of a period in which something happened."""
    grain = _GRAIN_OF[step]
    first, end = periods.hours(since, until)
    if grain is Grain.DAY:
        first, end = periods.day_of(first), -periods.day_of(-end)
    last: int | None = _all(connection, "last_start", grain, end)[0][0]
    if last is None:
        return ()
    first = max(first, last - MOST_POINTS + 1)
    rows = connection.execute(
        queries()["series"].format(key="NULL" if by is None else by.value), (grain, first, end)
    ).fetchall()
    return tuple(_point(grain, row) for row in rows)


def shares(
    connection: apsw.Connection,
    by: SpendBy,
    keys: Sequence[str | None],
    since: datetime | None,
    until: datetime | None,
) -> tuple[Point, ...]:
    """Return day by day what some users or tags cost."""
    first, end = periods.hours(since, until)
    days = periods.day_of(first), -periods.day_of(-end)
    wanted = msgspec.json.encode([key or "" for key in keys]).decode()
    rows = _all(connection, "shares", by.value, *days, wanted)
    return tuple(_point(Grain.DAY, row) for row in rows)


def spend(
    connection: apsw.Connection,
    by: SpendBy,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> Spend:
    """Return what jobs cost by something."""
    shared = by in (SpendBy.USER, SpendBy.TAG)
    period = listed(periods.spans(since, until, Grain.DAY if shared else Grain.HOUR))
    rows: list[Any]
    if shared:
        rows = _all(connection, "spend_shares", period, by.value, limit)
    elif by is SpendBy.DAY:
        rows = _days(connection, since, until, limit)
    else:
        query = queries()["spend_sums"].format(key=by.value)
        rows = connection.execute(query, (period, limit)).fetchall()
    ((usd, possible),) = _all(connection, "spend_total", period)
    return Spend(
        total_usd=codec.dollars(usd),
        possible_usd=codec.dollars(possible),
        rows=tuple(_spend_row(row) for row in rows),
    )


def phases(connection: apsw.Connection, period: Sequence[Span]) -> tuple[PhaseRow, ...]:
    """Return how long the phases of completed jobs took, by model."""
    counts: defaultdict[str, dict[str, dict[int, int]]] = defaultdict(
        lambda: {phase.value: {} for phase in PhaseName}
    )
    for model, phase, bucket, jobs in _all(connection, "phases", listed(period)):
        if jobs:
            counts[model][phase][bucket] = jobs
    rows = [
        PhaseRow(
            model=model or None,
            jobs=sum(found[PhaseName.TOTAL].values()),
            queue=_quantiles(found[PhaseName.QUEUE]),
            render=_quantiles(found[PhaseName.RENDER]),
            total=_quantiles(found[PhaseName.TOTAL]),
        )
        for model, found in counts.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.jobs, row.model or "")))


def listed(period: Sequence[Span]) -> str:
    """Return a period as statements take it."""
    return msgspec.json.encode(period).decode()


def seconds(micros: int) -> Decimal:
    """Return seconds of video without zeros behind them."""
    return (Decimal(micros) / _MICROS).normalize() + 0


def _days(
    connection: apsw.Connection, since: datetime | None, until: datetime | None, limit: int
) -> list[Any]:
    first, end = periods.hours(since, until)
    days = periods.day_of(first), -periods.day_of(-end)
    rows = _all(connection, "spend_days", *days, limit)
    return [
        (periods.start_of(Grain.DAY, start).date().isoformat(), *sums)
        for start, *sums in reversed(rows)
    ]


def _point(grain: Grain, row: Sequence[Any]) -> Point:
    start, key, jobs, settled, usd, possible, video_us = row
    return Point(
        start=periods.start_of(grain, start),
        key=key or None,
        jobs=jobs,
        settled=settled,
        usd=codec.dollars(usd),
        possible_usd=codec.dollars(possible),
        seconds=seconds(video_us),
    )


def _spend_row(row: Sequence[Any]) -> SpendRow:
    key, jobs, usd, possible, unpriced, video_us = row
    return SpendRow(
        key=key or None,
        jobs=jobs,
        usd=codec.dollars(usd),
        possible_usd=codec.dollars(possible),
        unknown=unpriced,
        seconds=seconds(video_us) if video_us else None,
    )


def _quantiles(counts: Mapping[int, int]) -> Quantiles:
    return Quantiles(
        jobs=sum(counts.values()),
        p50_s=quantile(counts, 0.5),
        p95_s=quantile(counts, 0.95),
        p99_s=quantile(counts, 0.99),
    )


def _all(connection: apsw.Connection, query: str, *bindings: str | int | None) -> list[Any]:
    return connection.execute(queries()[query], bindings).fetchall()
