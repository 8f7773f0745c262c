"""Follows the outbox of a file that other processes write, without ever writing to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerMissingError
from vidobs.ledger import damage
from vidobs.ledger.database import open_reader, translated
from vidobs.ledger.moments import newest_place, place_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import apsw

    from vidobs.core.events import VideoEvent

BATCH = 500
BEGINNING = 0


class Follower:
    """Gives the events of a ledger in the order of their commit.

    It begins with what is written after the first look; `since` and `everything` let it begin
    earlier. A file that is replaced by another one is read from its beginning. Not thread-safe.
    """

    def __init__(
        self, path: str, *, since: datetime | None = None, everything: bool = False
    ) -> None:
        self.path = path
        self._since = since
        self._cursor: int | None = BEGINNING if everything and since is None else None
        self._connection: apsw.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._seen_version: object = None  # of the data, when nothing was left to read

    def read(self) -> Sequence[VideoEvent]:
        """Return the next events, at most `BATCH`; none when there are none now.

        Raises:
            LedgerMissingError: there is no ledger (any more); once there is one it is read from
                its beginning.
            LedgerBusyError: somebody is at work on the file; try again.
            LedgerUnusableError: it cannot be read.
        """
        connection = self._opened()
        with translated(self.path):
            version = connection.execute("PRAGMA data_version").get
            if version == self._seen_version:
                return ()
            after = self._start(connection) if self._cursor is None else self._cursor
            rows = damage.load(connection, "read_outbox", after, BATCH)
        if len(rows) < BATCH:
            self._seen_version = version
        self._cursor = rows[-1].seq if rows else after
        events = [event for event in map(damage.event_of, rows) if event is not None]
        return [event for event in events if self._since is None or event.at >= self._since]

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> apsw.Connection:
        """Return the connection to the file that lies there now."""
        inode = self._find()
        if self._connection is not None and inode == self._inode:
            return self._connection
        if self._connection is not None:
            self.close()
            self._cursor, self._seen_version = BEGINNING, None
        try:
            self._connection = open_reader(self.path)
        except LedgerMissingError:
            self._cursor = BEGINNING
            raise
        self._inode = inode
        return self._connection

    def _find(self) -> tuple[int, int] | None:
        try:
            found = Path(self.path).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _start(self, connection: apsw.Connection) -> int:
        """Return the place behind which to begin."""
        if self._since is None:
            return newest_place(connection)
        return place_at(connection, self._since)
