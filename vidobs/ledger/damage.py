"""Rows that cannot be read any more, because something wrote into the file that is not SQLite.

One torn event must not keep an exporter from all the others: it is handed on as a row whose event
nobody can have, so that the relay finds it like any event that a receiver refuses for good, and
puts it among the dead letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, cast

import apsw
import msgspec

from vidobs.core.errors import ExportError
from vidobs.ledger import codec
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import OutboxRow

# A bit may fall anywhere: text that is not UTF-8, JSON that is none, a word or a time that there is
# not, or a value of another type.
UNREADABLE = (AttributeError, OverflowError, TypeError, ValueError, msgspec.DecodeError)


class DamagedRow:
    """Stands for an `OutboxRow` whose event cannot be read."""

    def __init__(self, seq: int, route: str, event_id: str, why: str) -> None:
        self.seq = seq
        self.route = route
        self.event_id = event_id  # as far as that can be read
        self.why = why

    @property
    def event(self) -> NoReturn:
        """Raise what an exporter would raise that does not want the event, now or later."""
        raise ExportError(
            f"the event at place {self.seq} of the ledger cannot be read ({self.why}): the file "
            "was damaged; see vidobs ledger check",
            retryable=False,
        )


def load(connection: apsw.Connection, query: str, *bindings: str | int) -> list[OutboxRow]:
    """Return the rows of a query for events; damaged ones are `DamagedRow`s."""
    statement = queries()[query]
    try:
        rows = connection.execute(statement, bindings).fetchall()
        return [codec.load_event(row) for row in rows]
    except UNREADABLE:
        places: list[Any] = connection.execute(
            f"SELECT seq FROM ({statement})",  # noqa: S608 - a statement of ours
            bindings,
        ).fetchall()
        return [_one(connection, seq) for (seq,) in places]


def readable(connection: apsw.Connection, query: str, *bindings: str | int) -> list[OutboxRow]:
    """Return the rows of a query for events, without those that cannot be read."""
    return [row for row in load(connection, query, *bindings) if event_of(row) is not None]


def event_of(row: OutboxRow | DamagedRow) -> VideoEvent | None:
    """Return the event of a row, if it can be had."""
    return None if isinstance(row, DamagedRow) else row.event


def id_of(row: OutboxRow | DamagedRow) -> str:
    """Return the id of the event of a row, as far as that can be read."""
    return row.event_id if isinstance(row, DamagedRow) else row.event.id


def job_of(doc: bytes) -> Job | None:
    """Return the job of a stored document, `None` where that cannot be read."""
    try:
        return codec.load_job(doc)
    except UNREADABLE:
        return None


def _one(connection: apsw.Connection, seq: int) -> OutboxRow:
    sql = queries()
    for route, event_id in connection.execute(sql["raw_event"], (seq,)).fetchall():
        try:
            return codec.load_event(connection.execute(sql["event_at"], (seq,)).fetchall()[0])
        except UNREADABLE as error:
            why = f"{type(error).__name__}: {error}"
            # The same members, but that one of them raises.
            return cast("OutboxRow", DamagedRow(seq, _text(route), _text(event_id), why))
    raise apsw.CorruptError(f"the event at place {seq} is there when all are read, not by itself")


def _text(raw: object) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
