"""The outbox: what the relay reads, and how far each exporter has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import apsw

from vidobs.core.protocols import Standing
from vidobs.ledger import codec, damage, pages, processes
from vidobs.ledger.database import translated
from vidobs.ledger.statements import queries
from vidobs.ledger.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from vidobs.core.protocols import OutboxRow

_MOST_MOVES = 8  # of what is added to the log while it is moved
_FAR_US = 60_000_000  # behind the end of the lease that is asked for


class SqliteOutbox:
    """A cursor for each exporter over the rows of `event`. Thread-safe through `lock`."""

    def __init__(
        self, path: str, connection: apsw.Connection, lock: AbstractContextManager[object]
    ) -> None:
        self._path = path
        self._connection = connection
        self._lock = lock
        self._sql = queries()

    def lease(self, exporter: str, owner: str, until: datetime, now: datetime) -> Standing | None:
        """Claim an exporter, or return `None` while another living process holds it."""
        until_us = codec.us(until)
        row = self._ask(exporter, "take_lease", owner, until_us, codec.us(now))
        if row is not None and row[0] is not None and row[0] != owner and _free(row, until_us):
            row = self._ask(exporter, "take_over", owner, until_us, row[0])
        if row is None or row[0] != owner:
            return None
        return _standing(*row[2:])

    def _ask(self, exporter: str, claim: str, *bindings: str | int) -> tuple[Any, ...] | None:
        """Try to claim an exporter; return its row."""
        with self._lock, translated(self._path):
            self._run(claim, exporter, *bindings)
            row = self._connection.execute(self._sql["standing"], (exporter,)).fetchone()
            return cast("tuple[Any, ...] | None", row)

    def release(self, exporter: str, owner: str) -> None:
        """Give a lease back."""
        with self._lock, translated(self._path):
            self._run("drop_lease", exporter, owner)

    def register(self, exporter: str) -> None:
        """Let an exporter start at the end of the outbox, unless it has a cursor already."""
        with self._lock, translated(self._path):
            self._run("ensure_relay", exporter)

    def read(self, after: int, limit: int) -> Sequence[OutboxRow]:
        """Return up to `limit` events behind a cursor, oldest first."""
        with self._lock, translated(self._path):
            return pages.load(self._connection, after, limit)

    def asked_again(self, exporter: str, limit: int) -> Sequence[OutboxRow]:
        """Return events that somebody asked to deliver once more, oldest first."""
        with self._lock, translated(self._path):
            return damage.load(self._connection, "asked_again", exporter, limit)

    def delivered(
        self, exporter: str, owner: str, cursor: int, *, events: int, now: datetime
    ) -> None:
        """Move the cursor forward; a process that lost its lease moves nothing."""
        with self._lock, translated(self._path):
            self._run("move_cursor", exporter, owner, cursor, events, codec.us(now))

    def redelivered(
        self, exporter: str, owner: str, places: Sequence[int], *, events: int, now: datetime
    ) -> None:
        """Take events out of those that were asked for again."""
        asked = f"[{','.join(map(str, places))}]"
        with self._lock, translated(self._path), self._connection:
            self._run("count_redelivered", exporter, owner, events, codec.us(now))
            if self._connection.changes():
                self._run("forget_asked", exporter, asked)

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
        """Remember a failure, for whoever tries next."""
        times = codec.us(retry_at), codec.us(now)
        with self._lock, translated(self._path):
            self._run("note_failure", exporter, owner, error, failures, *times)

    def disable(self, exporter: str, owner: str, reason: str, now: datetime) -> None:
        """Switch an exporter off for every process."""
        with self._lock, translated(self._path):
            self._run("disable", exporter, owner, reason, codec.us(now))

    def bury(self, exporter: str, row: OutboxRow, error: str, now: datetime) -> None:
        """Put an event that cannot be delivered among the dead letters."""
        with self._lock, translated(self._path), self._connection:
            self._run("bury", exporter, row.seq, codec.us(now), error)
            self._run("forget_asked", exporter, f"[{row.seq}]")

    def behind(self, exporter: str) -> int:
        """Count the events for the exporter that it has not had yet."""
        with self._lock, translated(self._path):
            return int(self._connection.execute(self._sql["count_behind"], (exporter,)).get)

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, as far as no reader is in the way.

        The log starts over only when all of it was moved and nothing was added meanwhile; else it
        grows. What is added is moved in turn, and that takes less time each time.
        """
        moved = None
        with self._lock, translated(self._path):
            for _ in range(_MOST_MOVES):
                held, now = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                if now < held or held == moved:
                    return
                moved = held

    def sweeper(self) -> Sweeper:
        """Return what takes old things out, over the same connection and behind the same lock."""
        return Sweeper(self._path, self._connection, self._lock)

    def _run(self, query: str, *bindings: str | int) -> None:
        self._connection.execute(self._sql[query], bindings)


def _free(row: Sequence[Any], until_us: int) -> bool:
    """Tell whether a lease counts for nothing, although it has not run out.

    Its process is gone, or it lasts for longer than any: then the clock was put back since.
    """
    owner, held_until_us = row[:2]
    return processes.gone(owner) or held_until_us - until_us > _FAR_US


def _standing(
    cursor: int, failures: int, retry_at_us: int | None, disabled: str | None, failed_us: int | None
) -> Standing:
    if retry_at_us is None or failed_us is None:
        return Standing(cursor, failures, None, disabled)
    return Standing(cursor, failures, codec.moment(retry_at_us), disabled, codec.moment(failed_us))
