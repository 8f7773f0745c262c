"""What ended: the events of the ledger behind a place, whoever wrote them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import LedgerMissingError
from vidobs.core.events import VideoEvent
from vidobs.ledger import damage
from vidobs.ledger.database import open_reader, reading
from vidobs.ledger.keys import fingerprint_key
from vidobs.ledger.moments import newest_place

if TYPE_CHECKING:
    import apsw

BATCH = 500
NO_LEDGER = "-"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some events, and where to go on."""

    ledger: str  # a text that no other ledger has
    place: int
    events: tuple[VideoEvent, ...] = ()
    more: bool = False


class LedgerFeed:
    """Reads a ledger in SQLite. Not thread-safe; methods may block and raise `LedgerError`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._connection: apsw.Connection | None = None

    def identity(self) -> str:
        """Return a text that no other ledger has; `-` while there is none."""
        with reading(self.path):
            connection = self._opened()
            if connection is None:
                return NO_LEDGER
            return sha256(fingerprint_key(connection)).hexdigest()[:16]

    def newest(self) -> int:
        """Return the place of the newest event."""
        with reading(self.path):
            connection = self._opened()
            return 0 if connection is None else newest_place(connection)

    def read(self, after: int) -> Page:
        """Return the next events behind a place."""
        ledger = self.identity()
        with reading(self.path):
            connection = self._opened()
            if connection is None:
                return Page(ledger=ledger, place=after)
            rows = damage.load(connection, "read_outbox", after, BATCH)
        events = [event for event in map(damage.event_of, rows) if event is not None]
        place = rows[-1].seq if rows else after
        return Page(ledger=ledger, place=place, events=tuple(events), more=len(rows) == BATCH)

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> apsw.Connection | None:
        """Return the connection; `None` while nothing was ever written."""
        if self._connection is None:
            try:
                self._connection = open_reader(self.path)
            except LedgerMissingError:
                return None
        return self._connection
