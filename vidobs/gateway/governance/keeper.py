"""The thread that keeps the gateway's memory and its file in step with everybody else."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerError
from vidobs.gateway.governance.database import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.gateway.governance.directory import Directory
    from vidobs.gateway.governance.projection import Projection
    from vidobs.gateway.governance.spend_rows import SpendRows
    from vidobs.gateway.governance.telling import Teller

PAUSE_S = 0.25
_VERIFY_EVERY = 120  # rounds: half a minute


class Keeper:
    """Looks for changed keys and new events four times a second. `report` is told of trouble."""

    def __init__(
        self,
        *,
        directory: Directory,
        projection: Projection,
        rows: SpendRows,
        teller: Teller,
        report: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._projection = projection
        self._rows = rows
        self._teller = teller
        self._report = report
        self._wake = Event()
        self._stopped = False
        self._rounds = 0
        self._trouble: str | None = None
        self._thread = Thread(target=self._run, name="vidobs-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Have the next round now."""
        self._wake.set()

    def close(self) -> None:
        """End, after one last round."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self.round()

    def round(self) -> None:
        """Take in what changed; trouble is reported once, and the next round tries again."""
        try:
            self._directory.refresh()
            while self._projection.step() and not self._stopped:
                pass
            self._teller.keep(self._rows)
            self._rows.check_point()
            self._rounds += 1
            if self._rounds % _VERIFY_EVERY == 0:
                self._projection.verify()
        except (StoreError, LedgerError) as error:
            said = str(error)
            if said != self._trouble:
                self._report(f"keys and budgets are answered from memory: {said}")
            self._trouble = said
        else:
            self._trouble = None

    def _run(self) -> None:
        while not self._stopped:
            self.round()
            self._wake.wait(PAUSE_S)
            self._wake.clear()
