"""The outbox as the relay sees it: of whichever file the ledger is in at the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vidobs.core.protocols import OutboxRow, Standing
    from vidobs.runtime.store import LedgerStore


class LateOutbox:
    """The outbox as the relay sees it: opened at its first use, in the relay's own threads."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def lease(self, exporter: str, owner: str, until: datetime, now: datetime) -> Standing | None:
        """Claim an exporter."""
        return self._store.outbox().lease(exporter, owner, until, now)

    def release(self, exporter: str, owner: str) -> None:
        """Give a lease back."""
        self._store.outbox().release(exporter, owner)

    def read(self, after: int, limit: int) -> Sequence[OutboxRow]:
        """Return the events behind a cursor."""
        return self._store.outbox().read(after, limit)

    def asked_again(self, exporter: str, limit: int) -> Sequence[OutboxRow]:
        """Return events that somebody asked to deliver once more."""
        return self._store.outbox().asked_again(exporter, limit)

    def delivered(
        self, exporter: str, owner: str, cursor: int, *, events: int, now: datetime
    ) -> None:
        """Move the cursor forward."""
        self._store.outbox().delivered(exporter, owner, cursor, events=events, now=now)

    def redelivered(
        self, exporter: str, owner: str, places: Sequence[int], *, events: int, now: datetime
    ) -> None:
        """Take events out of those that were asked for again."""
        self._store.outbox().redelivered(exporter, owner, places, events=events, now=now)

    def failed(
        self,
        exporter: str,
        owner: str,
        error: str,
        *,
        failures: int,
        retry_at: datetime,
        now: datetime,
    ) -> None:
        """Remember a failure."""
        self._store.outbox().failed(
            exporter, owner, error, failures=failures, retry_at=retry_at, now=now
        )

    def disable(self, exporter: str, owner: str, reason: str, now: datetime) -> None:
        """Switch an exporter off."""
        self._store.outbox().disable(exporter, owner, reason, now)

    def bury(self, exporter: str, row: OutboxRow, error: str, now: datetime) -> None:
        """Put an event among the dead letters."""
        self._store.outbox().bury(exporter, row, error, now)

    def behind(self, exporter: str) -> int:
        """Count the events the exporter has not had yet."""
        return self._store.outbox().behind(exporter)
