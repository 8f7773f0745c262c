"""How the exporters of this process stand, for whoever collects metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerError
from vidobs.ledger import survey
from vidobs.telemetry.deliveries import ExporterStanding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vidobs.core.protocols import BreakerState
    from vidobs.core.reports import ExporterProgress


def standings_of(
    path: str | None, route: str, states: Mapping[str, BreakerState], now: datetime
) -> list[ExporterStanding]:
    """Return how durable exporters stand in the ledger, and the breakers as far as known.

    Reads on a connection of its own, which waits for no writer. Of a ledger in memory, or one that
    cannot be read now, there is no queue to tell.
    """
    found: dict[str, ExporterProgress] = {}
    if path is not None and route:
        try:
            found = {one.exporter: one for one in survey.exporters(path, now)}
        except LedgerError:
            found = {}
    names = [name for name in route.split(",") if name]
    names += [name for name in states if name not in names]
    return [_standing(name, found.get(name), states.get(name), now) for name in names]


def _standing(
    name: str, found: ExporterProgress | None, state: BreakerState | None, now: datetime
) -> ExporterStanding:
    if found is None:
        return ExporterStanding(name, breaker=state)
    since = found.waiting_since
    lag_s = 0.0 if since is None else max(0.0, (now - since).total_seconds())
    return ExporterStanding(name, found.behind, lag_s, state)
