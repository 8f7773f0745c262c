"""What a person does about an exporter: send the past once more, switch it on again, forget it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.errors import VidobsError
from vidobs.core.reports import Forgotten
from vidobs.ledger import codec
from vidobs.ledger.moments import place_at
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

    from vidobs.ledger.sweeper import Sweeper

WINDOW = 1000  # rows that are looked at in one transaction
_DISORDER = timedelta(hours=1)  # by which an event may lie among older or younger ones
_NEVER_US = 2**63 - 1


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """Events that an exporter is to get once more.

    Those that were for it when they were recorded, or `every` event of the time. What it has not
    had yet is not among them: it comes anyway.
    """

    exporter: str
    since: datetime
    until: datetime | None = None
    every: bool = False


class _Seen(msgspec.Struct, frozen=True):
    """What a look at the next rows came to."""

    wanted: list[int]  # places
    after: int | None  # from where to go on; None: there is nothing left


def replay(sweeper: Sweeper, past: Past, now: datetime) -> int:
    """Have events delivered once more, beside what waits; return how many."""
    return _look_through(sweeper, past, codec.us(now))


def count(sweeper: Sweeper, past: Past) -> int:
    """Return how many events `replay` would have delivered; only reads."""
    return _look_through(sweeper, past, None)


def enable(sweeper: Sweeper, exporter: str) -> bool:
    """Let an exporter try again that was switched off; `False` when it was not."""
    return sweeper.work(partial(_enable, exporter=exporter))


def forget(sweeper: Sweeper, exporter: str, now: datetime) -> Forgotten:
    """Forget an exporter: its cursor, what it is to get once more, its dead letters and counts.

    The events stay in the ledger. They wait for it no longer, and nothing keeps them from being
    deleted when they are old.

    Raises:
        VidobsError: a process delivers to it now.
    """
    return sweeper.work(partial(_forget, exporter=exporter, now_us=codec.us(now)))


def _look_through(sweeper: Sweeper, past: Past, now_us: int | None) -> int:
    """Look at the rows of a time; `now_us` is when somebody asked for them, if anybody did."""
    found = 0
    begin = max(past.since, codec.EPOCH + _DISORDER) - _DISORDER
    after: int | None = sweeper.ask(partial(place_at, wanted=begin))
    while after is not None:
        if now_us is None:
            seen = sweeper.ask(partial(_look, past=past, after=after))
        else:
            seen = sweeper.work(partial(_ask, past=past, after=after, now_us=now_us))
        found += len(seen.wanted)
        after = seen.after
    return found


def _look(connection: apsw.Connection, past: Past, after: int) -> _Seen:
    until_us = _NEVER_US if past.until is None else codec.us(past.until)
    relay = _relay(connection, past.exporter)
    cursor = (
        _NEVER_US if relay is None else relay[0]
    )  # one that begins at the end waits for nothing
    times = codec.us(past.since), until_us
    bindings = (after, WINDOW, *times, past.every, past.exporter, cursor)
    rows: list[Any] = connection.execute(queries()["asked_since"], bindings).fetchall()
    wanted = [seq for seq, _, fits in rows if fits]
    over = len(rows) < WINDOW or rows[-1][1] >= until_us + _DISORDER // codec.MICROSECOND
    return _Seen(wanted, None if over else rows[-1][0])


def _ask(connection: apsw.Connection, past: Past, after: int, now_us: int) -> _Seen:
    sql = queries()
    seen = _look(connection, past, after)
    connection.execute(sql["ensure_relay"], (past.exporter,))
    connection.executemany(sql["ask_again"], [(past.exporter, seq, now_us) for seq in seen.wanted])
    connection.executemany(sql["drop_letter"], [(past.exporter, seq) for seq in seen.wanted])
    return seen


def _enable(connection: apsw.Connection, exporter: str) -> bool:
    connection.execute(queries()["enable"], (exporter,))
    return connection.changes() > 0


def _forget(connection: apsw.Connection, exporter: str, now_us: int) -> Forgotten:
    sql = queries()
    relay = _relay(connection, exporter)
    if relay is not None and relay[1] is not None and relay[2] >= now_us:
        raise VidobsError(
            f"{relay[1]} delivers to {exporter} now; take it out of the settings there, or end "
            "that process, and try again in half a minute"
        )
    behind: Any = 0 if relay is None else connection.execute(sql["count_behind"], (exporter,)).get
    asked, letters = (
        _deleted(connection, query, exporter) for query in ("forget_asked_of", "forget_letters_of")
    )
    for query in ("forget_dropped", "forget_relay"):
        _deleted(connection, query, exporter)
    return Forgotten(
        exporter=exporter, waiting=behind - asked, asked_again=asked, dead_letters=letters
    )


def _relay(connection: apsw.Connection, exporter: str) -> tuple[Any, ...] | None:
    return connection.execute(queries()["relay_of"], (exporter,)).fetchone()


def _deleted(connection: apsw.Connection, query: str, exporter: str) -> int:
    connection.execute(queries()[query], (exporter,))
    return connection.changes()
