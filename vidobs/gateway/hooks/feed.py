"""What ended: the events of the ledger behind a place, whoever wrote them."""

from __future__ import annotations

from typing import Any

import msgspec

from vidobs.core.events import VideoEvent
from vidobs.gateway.ledger_file import LedgerFile
from vidobs.gateway.sqlite_file import queries
from vidobs.ledger import codec, damage
from vidobs.ledger.moments import newest_place

BATCH = 500


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, and where to go on."""

    ledger: str  # a text that no other ledger has
    place: int
    events: tuple[VideoEvent, ...] = ()
    more: bool = False


class LedgerFeed:
    """Reads a ledger in SQLite. Not thread-safe; methods may block and raise `LedgerError`."""

    def __init__(self, path: str) -> None:
        self._file = LedgerFile(path)

    def identity(self) -> str:
        """Return a text that no other ledger has; `-` while there is none."""
        return self._file.identity()

    def newest(self) -> int:
        """Return the place of the newest event."""
        with self._file.reading() as connection:
            return 0 if connection is None else newest_place(connection)

    def read(self, after: int) -> Page:
        """Return the next events behind a place."""
        ledger = self.identity()
        with self._file.reading() as connection:
            if connection is None:
                return Page(ledger=ledger, place=after)
            sql = queries("vidobs.gateway.hooks", "ledger.sql")
            window: Any = connection.execute(sql["window"], (after, BATCH)).fetchall()[0]
            last, count = window
            if not count:
                return Page(ledger=ledger, place=after)
            rows = connection.execute(sql["ended"], (after, last)).fetchall()
        events = [event for event in map(_event, rows) if event is not None]
        return Page(ledger=ledger, place=last, events=tuple(events), more=count == BATCH)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _event(row: tuple[Any, ...]) -> VideoEvent | None:
    """Return the event of a row; a damaged one is nobody's news."""
    try:
        return codec.load_event(row).event
    except damage.UNREADABLE:
        return None
