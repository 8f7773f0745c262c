"""What ended: the events of the ledger behind a place, whoever wrote them."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.errors import LedgerMissingError
from vidobs.core.events import VideoEvent
from vidobs.ledger import codec, damage
from vidobs.ledger.database import open_reader, reading
from vidobs.ledger.keys import fingerprint_key
from vidobs.ledger.moments import newest_place
from vidobs.ledger.statements import named

if TYPE_CHECKING:
    from collections.abc import Mapping

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
            sql = _queries()
            window: Any = connection.execute(sql["window"], (after, BATCH)).fetchall()[0]
            last, count = window
            if not count:
                return Page(ledger=ledger, place=after)
            rows = connection.execute(sql["ended"], (after, last)).fetchall()
        events = [event for event in map(_event, rows) if event is not None]
        return Page(ledger=ledger, place=last, events=tuple(events), more=count == BATCH)

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


def _event(row: tuple[Any, ...]) -> VideoEvent | None:
    """Return the event of a row; a damaged one is nobody's news."""
    try:
        return codec.load_event(row).event
    except damage.UNREADABLE:
        return None


@cache
def _queries() -> Mapping[str, str]:
    return named(files("vidobs.gateway.hooks").joinpath("ledger.sql").read_text("utf-8"))
