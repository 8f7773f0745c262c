"""The outbox: what the relay reads, and how far each exporter has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from vidobs.ledger import codec
from vidobs.ledger.database import translated
from vidobs.ledger.statements import queries
from vidobs.ledger.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from vidobs.core.protocols import OutboxRow


class SqliteOutbox:
    """A cursor for each exporter over the rows of `event`. Thread-safe through `lock`."""

    def __init__(
        self, path: str, connection: apsw.Connection, lock: AbstractContextManager[object]
    ) -> None:
        self._path = path
        self._connection = connection
        self._lock = lock
        self._sql = queries()

    def lease(self, exporter: str, owner: str, until: datetime, now: datetime) -> int | None:
        """Claim an exporter's cursor and return it, or `None` while another process holds it."""
        with self._lock, translated(self._path):
            self._run("take_lease", exporter, owner, codec.us(until), codec.us(now))
            row = self._connection.execute(self._sql["relay_row"], (exporter,)).fetchone()
        if row is None or row[1] != owner:
            return None
        return int(row[0])

    def register(self, exporter: str) -> None:
        """Let an exporter start at the end of the outbox, unless it has a cursor already."""
        with self._lock, translated(self._path):
            self._run("ensure_relay", exporter)

    def read(self, after: int, limit: int) -> Sequence[OutboxRow]:
        """Return up to `limit` events behind a cursor, oldest first."""
        with self._lock, translated(self._path):
            rows = self._connection.execute(self._sql["read_outbox"], (after, limit)).fetchall()
        return [codec.load_event(row) for row in rows]

    def delivered(self, exporter: str, owner: str, cursor: int) -> None:
        """Move the cursor forward; a process that lost its lease moves nothing."""
        with self._lock, translated(self._path):
            self._run("move_cursor", exporter, owner, cursor)

    def bury(self, exporter: str, row: OutboxRow, error: str, now: datetime) -> None:
        """Put an event that can never be delivered among the dead letters."""
        with self._lock, translated(self._path):
            self._run("bury", exporter, row.seq, codec.us(now), error)

    def behind(self, exporter: str) -> int:
        """Count the events for the exporter that it has not had yet."""
        with self._lock, translated(self._path):
            row = self._connection.execute(self._sql["relay_row"], (exporter,)).fetchone()
            cursor = 0 if row is None else row[0]
            return int(self._connection.execute(self._sql["count_behind"], (cursor, exporter)).get)

    def release(self, owner: str) -> None:
        """Give back every lease of a process that ends."""
        with self._lock, translated(self._path):
            self._run("drop_leases", owner)

    def checkpoint(self) -> None:
        """Move what the write-ahead log holds into the file, as far as no reader is in the way."""
        with self._lock, translated(self._path):
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def sweeper(self) -> Sweeper:
        """Return what takes old things out, over the same connection and behind the same lock."""
        return Sweeper(self._path, self._connection, self._lock)

    def _run(self, query: str, *bindings: str | int) -> None:
        self._connection.execute(self._sql[query], bindings)
