"""How far what was quoted before the calls is from what was billed in the end."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import ZERO
from vidobs.dashboard.index.answers import Outcome, SpendBy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import Totals
    from vidobs.dashboard.pages.costs_period import Days

MOST_COMPARED = 30  # models that are looked at, the dearest
MOST_SHOWN = 5


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that were quoted and are final by now; the others are in none of these figures."""

    jobs: int = 0
    quoted_usd: Decimal = ZERO
    billed_usd: Decimal = ZERO
    share: float | None = None  # billed beyond the quote, negative below; None: nothing was quoted

    @property
    def usd(self) -> Decimal:
        """What was billed beyond what was quoted."""
        return self.billed_usd - self.quoted_usd


class ModelDrift(msgspec.Struct, frozen=True, kw_only=True):
    """The drift of the jobs of one model that made a video."""

    model: str
    drift: Drift


class Drifts(msgspec.Struct, frozen=True, kw_only=True):
    """How right quotes are: where a video was made, and everywhere, as not all quoted jobs do."""

    made: Drift = Drift()
    all: Drift = Drift()
    worst: tuple[ModelDrift, ...] = ()  # models that are off, the furthest first, by dollars


def drifts_of(desk: Desk, days: Days) -> Drifts:
    """Return the drift of a period."""
    found = sorted(_by_model(desk, days), key=lambda one: (-abs(one.drift.usd), one.model))
    return Drifts(
        made=drift_of(desk.index.totals(days.since, days.until, outcome=Outcome.COMPLETED)),
        all=drift_of(desk.index.totals(days.since, days.until)),
        worst=tuple(one for one in found if one.drift.usd)[:MOST_SHOWN],
    )


def drift_of(totals: Totals) -> Drift:
    """Return how far what was billed is from what was quoted."""
    quoted, billed = totals.quoted_usd, totals.billed_usd
    return Drift(
        jobs=totals.compared,
        quoted_usd=quoted,
        billed_usd=billed,
        share=float((billed - quoted) / quoted) if quoted else None,
    )


def _by_model(desk: Desk, days: Days) -> Iterable[ModelDrift]:
    spend = desk.index.spend(SpendBy.MODEL, days.since, days.until, limit=MOST_COMPARED)
    for row in spend.rows:
        if row.key is not None:
            totals = desk.index.totals(
                days.since, days.until, model=row.key, outcome=Outcome.COMPLETED
            )
            yield ModelDrift(model=row.key, drift=drift_of(totals))
