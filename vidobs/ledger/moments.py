"""Where in the outbox a time is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.ledger import codec
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from datetime import datetime

    import apsw


def newest_place(connection: apsw.Connection) -> int:
    """Return the place of the newest event, 0 where there is none."""
    found: Any = connection.execute(queries()["newest_event"]).get
    return int(found)


def place_at(connection: apsw.Connection, wanted: datetime) -> int:
    """Return the place behind which the events are not older than a time.

    They lie in the order of their commit; one that had to wait for a busy file may be older.
    """
    wanted_us = codec.us(wanted)
    low, high = 0, newest_place(connection) + 1  # of all places, the first that is not too old
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(queries()["event_from"], (middle,)).fetchone()
        if row is None or row[1] >= wanted_us:
            high = middle
        else:
            low = row[0] + 1
    return low - 1
