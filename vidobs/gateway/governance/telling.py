"""Tells people of budgets that run low or out: once for each window, over restarts too."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from vidobs.core.money import plain
from vidobs.gateway.governance.durations import ALWAYS, moment_of
from vidobs.gateway.governance.holders import dollars
from vidobs.gateway.governance.spend_rows import Told

if TYPE_CHECKING:
    from vidobs.gateway.governance.book import Passed, Shortfall, Standing
    from vidobs.gateway.governance.holders import Holder
    from vidobs.gateway.governance.spend_rows import SpendRows
    from vidobs.gateway.seams import Alerts

WARNING = "budget_warning"
EXCEEDED = "budget_exceeded"


class Teller:
    """Listens to admission. Thread-safe; `keep` writes down what was told."""

    def __init__(self, alerts: Alerts, told: set[Told]) -> None:
        self._alerts = alerts
        self._told = told
        self._unkept: list[Told] = []
        self._lock = Lock()

    def soft(self, passed: Passed) -> None:
        """A claim took an account to its soft budget."""
        if self._first(passed.holder, passed.standing, WARNING):
            limit = passed.holder.soft_nano or 0
            self._tell(
                WARNING, passed.holder, passed.standing, f"reached {_usd(limit)}, its soft budget"
            )

    def exceeded(self, short: Shortfall) -> None:
        """A claim was refused by a budget; one without a price says nothing of the budget."""
        holder, standing = short.holder, short.standing
        if holder is None or standing is None or short.unpriced:
            return
        if self._first(holder, standing, EXCEEDED):
            limit = holder.max_nano or 0
            self._tell(EXCEEDED, holder, standing, f"used up its budget of {_usd(limit)}")

    def keep(self, rows: SpendRows) -> None:
        """Write down what was told. May block."""
        with self._lock:
            unkept, self._unkept = self._unkept, []
        if unkept:
            rows.tell(unkept)

    def _first(self, holder: Holder, standing: Standing, what: str) -> bool:
        kind, account_id = holder.whose
        told = Told(kind, account_id, standing.window.start_ms, what)
        with self._lock:
            if told in self._told:
                return False
            self._told.add(told)
            self._unkept.append(told)
            return True

    def _tell(self, what: str, holder: Holder, standing: Standing, happened: str) -> None:
        kind, account_id = holder.whose
        window = standing.window
        until = {} if window == ALWAYS else {"until": moment_of(window.end_ms).isoformat()}
        self._alerts.raise_alert(
            what,
            f"{holder.name} {happened}",
            key=f"{what}:{kind}:{account_id}:{window.start_ms}",
            facts={
                "spent_usd": plain(dollars(standing.spent)),
                "held_usd": plain(dollars(standing.held)),
                **until,
            },
        )


def _usd(nanos: int) -> str:
    return f"${plain(dollars(nanos))}"
