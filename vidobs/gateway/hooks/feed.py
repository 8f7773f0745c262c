"""What ended: the events of the ledger behind a place, whoever wrote them."""

from __future__ import annotations

from typing import Any

import msgspec

from vidobs.core.events import VideoEvent
from vidobs.gateway.ledger_file import LedgerFile
from vidobs.gateway.sqlite_file import queries
from vidobs.ledger import codec, damage
from vidobs.ledger.moments import newest_place

BATCH = 64  # ends


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some ends, and where to go on."""

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
        """Return the next ends behind a place."""
        ledger = self.identity()
        with self._file.reading() as connection:
            if connection is None:
                return Page(ledger=ledger, place=after)
            last = newest_place(connection)
            if last <= after:
                return Page(ledger=ledger, place=after)
            ended = queries("vidobs.gateway.hooks", "ledger.sql")["ended"]
            rows: list[Any] = connection.execute(ended, (after, last, BATCH)).fetchall()
        more = len(rows) == BATCH
        events = [event for event in map(_event, rows) if event is not None]
        return Page(
            ledger=ledger, place=rows[-1][0] if more else last, events=tuple(events), more=more
        )

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def _event(row: tuple[Any, ...]) -> VideoEvent | None:
    """Return the event of a row; a damaged one is nobody's news."""
    try:
        return codec.load_event(row).event
    except damage.UNREADABLE:
        return None
