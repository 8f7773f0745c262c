"""The rows of the costs: what each model, provider, user, tag or day came to, and their order."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import to_nano

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vidobs.core.reports import SpendRow


class Sort(StrEnum):
    """What the rows can be put in order by."""

    KEY = "key"
    SPEND = "spend"
    JOBS = "jobs"
    SECONDS = "seconds"
    RATE = "rate"  # dollars for a second of video
    POSSIBLE = "possible"


class Order(StrEnum):
    """Which end comes first."""

    DOWN = "down"  # the greatest, the last day, z
    UP = "up"


class CostRow(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that share a key. `usd` is `None` where no price is known, and never possible."""

    key: str | None  # None: they have none
    jobs: int
    usd: Decimal | None
    possible_usd: Decimal
    unpriced: int  # jobs in no sum
    seconds: Decimal | None  # of finished video
    usd_per_second: Decimal | None  # at least, where some of the jobs are unpriced


_BY: dict[Sort, Callable[[CostRow], object | None]] = {
    Sort.KEY: lambda row: row.key,
    Sort.SPEND: lambda row: row.usd,
    Sort.JOBS: lambda row: row.jobs,
    Sort.SECONDS: lambda row: row.seconds,
    Sort.RATE: lambda row: row.usd_per_second,
    Sort.POSSIBLE: lambda row: row.possible_usd,
}


def cost_row(row: SpendRow) -> CostRow:
    """Return what `vidobs spend` says of a key, and what a second of its video cost."""
    usd = row.usd if row.priced else None
    rate = to_nano(usd / row.seconds) if usd is not None and row.seconds else None
    return CostRow(
        key=row.key,
        jobs=row.jobs,
        usd=usd,
        possible_usd=row.possible_usd,
        unpriced=row.unknown,
        seconds=row.seconds,
        usd_per_second=rate,
    )


def in_order(rows: Iterable[CostRow], sort: Sort, order: Order) -> tuple[CostRow, ...]:
    """Return rows in an order; what is not known comes last, whichever end is first."""
    value = _BY[sort]
    by_key = sorted(rows, key=lambda row: row.key or "")
    known = [row for row in by_key if value(row) is not None]
    unknown = [row for row in by_key if value(row) is None]
    known.sort(key=value, reverse=order is Order.DOWN)  # type: ignore[arg-type]  # of one kind each
    return (*known, *unknown)
