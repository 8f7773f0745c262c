"""What keeps the outbox bounded: events that wait for too long, or too many of them, are dropped.

An event waits as long as an exporter of its route has its cursor before it. Those that end a job
are worth more than the others, so there are two lines through the outbox: behind each, none of its
kind waits any more. A line is a number kept in the ledger, so that no row is looked at twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core.events import TERMINAL_EVENTS
from vidobs.core.reports import DropReason
from vidobs.ledger import codec
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

WINDOW = 256  # rows that are looked at in one go
WEIGHED = 2048  # the same, where they are only weighed
BATCH = 64  # events that are dropped in one transaction: a few milliseconds
FRONT = "outbox_front"  # note: nothing waits at or before this place
_END = 2**63 - 1
_TERMINAL = frozenset(event.value for event in TERMINAL_EVENTS)


class Line(msgspec.Struct, frozen=True):
    """A kind of events, and the note that says where the line is."""

    terminal: bool
    note: str


PLAIN = Line(terminal=False, note="outbox_plain_line")
ENDS = Line(terminal=True, note="outbox_ends_line")


class Row(msgspec.Struct, frozen=True, array_like=True):
    """An event of the outbox, as far as it matters here."""

    seq: int
    at_us: int
    name: str
    route: str
    bytes: int

    @property
    def terminal(self) -> bool:
        """Whether it says that a job ended."""
        return self.name in _TERMINAL

    def waits_for(self, cursors: Mapping[str, int]) -> list[str]:
        """Return the exporters that have not had it."""
        named = self.route.split(",")
        return [one for one in named if cursors.get(one, self.seq) < self.seq]


class _Whose(msgspec.Struct, frozen=True):
    """What of a job's document leads to its row."""

    job_id: str
    provider: str
    provider_job_id: str | None = None


_whose = msgspec.json.Decoder(_Whose)


class Goal(Protocol):
    """How far dropping goes, and why."""

    @property
    def reason(self) -> DropReason:
        """What is counted as the reason."""
        ...

    def reached(self, row: Row, freed: int) -> bool:
        """Whether this row stays, and all behind it, after so many bytes are free."""
        ...


class OlderThan(msgspec.Struct, frozen=True):
    """Everything from before a time goes."""

    before_us: int
    reason: DropReason = DropReason.AGE

    def reached(self, row: Row, freed: int) -> bool:  # noqa: ARG002 - see `Goal`
        """Whether the row is young enough."""
        return row.at_us >= self.before_us


class Surplus(msgspec.Struct, frozen=True):
    """The oldest go, until so many bytes are free."""

    bytes: int
    reason: DropReason = DropReason.BYTES

    def reached(self, row: Row, freed: int) -> bool:  # noqa: ARG002 - see `Goal`
        """Whether enough is free."""
        return freed >= self.bytes


class Shelf(msgspec.Struct, frozen=True):
    """Where events lie for an exporter beside the outbox; the queries that find and take them."""

    find: str
    drop: str
    reason: DropReason


LETTERS = Shelf("old_letters", "drop_letter", DropReason.DEAD_LETTER)
REPLAYS = Shelf("old_replays", "drop_replay", DropReason.AGE)


class Cut(msgspec.Struct, frozen=True):
    """What one piece of work came to."""

    dropped: Mapping[tuple[str, DropReason], int] = {}  # events, by exporter and reason
    bytes: int = 0  # that these took
    done: bool = True  # the goal is reached


class Weight(msgspec.Struct, frozen=True):
    """What those of the next rows take that wait, and where to go on."""

    bytes: int
    first: int | None  # the place of the first of them
    after: int
    done: bool


def due(connection: apsw.Connection, line: Line, goal: Goal) -> bool:
    """Tell whether there is anything to look at behind a line; reads one row."""
    rows = _rows(connection, _start(connection, line, _cursors(connection)), 1)
    return bool(rows) and not goal.reached(rows[0], 0)


def drop(connection: apsw.Connection, line: Line, goal: Goal) -> Cut:
    """Drop the next events behind a line, as far as the goal, and move it; in a transaction."""
    cursors = _cursors(connection)
    start = after = _start(connection, line, cursors)
    rows = _rows(connection, start, WINDOW)
    found: list[tuple[Row, list[str]]] = []
    freed, done = 0, len(rows) < WINDOW
    for row in rows:
        if len(found) == BATCH or goal.reached(row, freed):
            done = goal.reached(row, freed)
            break
        after = row.seq
        waiting = row.waits_for(cursors) if row.terminal is line.terminal else []
        if waiting:
            found.append((row, waiting))
            freed += row.bytes
    if after > start:
        connection.execute(queries()["keep_note"], (line.note, after))
    return Cut(_drop(connection, found, goal.reason), freed, done)


def expired(connection: apsw.Connection, shelf: Shelf, before_us: int) -> bool:
    """Tell whether a shelf holds anything from before a time."""
    return bool(_all(connection, shelf.find, before_us, 1))


def expire(connection: apsw.Connection, shelf: Shelf, before_us: int) -> Cut:
    """Take the next things from before a time off a shelf; inside a transaction."""
    rows = _all(connection, shelf.find, before_us, BATCH)
    connection.executemany(queries()[shelf.drop], rows)
    dropped = _count(connection, (exporter for exporter, _ in rows), shelf.reason)
    return Cut(dropped, done=len(rows) < BATCH)


def weigh(connection: apsw.Connection, after: int | None) -> Weight:
    """Look at the next rows behind a place; `None` begins where nothing waits yet."""
    if after is None:
        after = _front(connection, _cursors(connection))
    rows, last, taken, first = _all(connection, "weigh", after, WEIGHED)[0]
    return Weight(int(taken or 0), first, last or after, rows < WEIGHED)


def used_bytes(connection: apsw.Connection) -> int:
    """Return what the whole file holds; the events that wait cannot take more."""
    pages, size = _all(connection, "used_bytes")[0]
    return int(pages * size)


def _all(connection: apsw.Connection, query: str, *bindings: str | int) -> list[Any]:
    return connection.execute(queries()[query], bindings).fetchall()


def _cursors(connection: apsw.Connection) -> dict[str, int]:
    return dict(_all(connection, "cursors"))


def _note(connection: apsw.Connection, name: str) -> int:
    return sum(value for (value,) in _all(connection, "note", name))


def _front(connection: apsw.Connection, cursors: Mapping[str, int]) -> int:
    """Return a place before which nothing waits."""
    return max(_note(connection, FRONT), min(cursors.values(), default=_END))


def _start(connection: apsw.Connection, line: Line, cursors: Mapping[str, int]) -> int:
    return max(_note(connection, line.note), _front(connection, cursors))


def _rows(connection: apsw.Connection, after: int, limit: int) -> list[Row]:
    return msgspec.convert(_all(connection, "events_behind", after, limit), list[Row])


def _drop(
    connection: apsw.Connection, found: Sequence[tuple[Row, list[str]]], reason: DropReason
) -> Counter[tuple[str, DropReason]]:
    """Take exporters out of routes, and count; a row that nobody waits for any more goes.

    It stays where it ends a job, and where somebody may still ask for it.
    """
    if not found:
        return Counter()
    gone = _unlist(connection, [row.seq for row, _ in found if not row.terminal])
    connection.execute(queries()["forget_events"], (codec.places(gone),))
    for row, waiting in found:
        if row.seq not in gone:
            left = [one for one in row.route.split(",") if one not in waiting]
            connection.execute(queries()["reroute"], (",".join(left), row.seq))
    return _count(connection, (one for _, waiting in found for one in waiting), reason)


def _unlist(connection: apsw.Connection, places: Sequence[int]) -> set[int]:
    """Take events out of the lists of their jobs, unless they are wanted; return which."""
    listed = codec.places(places)
    wanted = {seq for (seq,) in _all(connection, "wanted_events", listed)}
    return {
        seq
        for seq, doc in _all(connection, "jobs_of_events", listed)
        if seq not in wanted and _unlist_one(connection, seq, _whose.decode(doc))
    }


def _unlist_one(connection: apsw.Connection, seq: int, whose: _Whose) -> bool:
    first = codec.seq_of(whose.job_id)
    connection.execute(queries()["unlist_event"], (seq, first, first + codec.PLACES))
    if connection.changes() == 0:
        folded = (seq, whose.provider, whose.provider_job_id)
        connection.execute(queries()["unlist_folded"], folded)
    return connection.changes() > 0


def _count(
    connection: apsw.Connection, exporters: Iterable[str], reason: DropReason
) -> Counter[tuple[str, DropReason]]:
    counted = Counter((exporter, reason) for exporter in exporters)
    rows = [(exporter, why.value, events) for (exporter, why), events in counted.items()]
    connection.executemany(queries()["count_dropped"], rows)
    return counted
