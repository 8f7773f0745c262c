"""Dead letters: events that an exporter refused for good, and what can be done about them."""

from __future__ import annotations

import re
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.errors import VidobsError
from vidobs.core.reports import DeadLetter
from vidobs.ledger import codec, damage
from vidobs.ledger.database import open_reader, reading, translated
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import apsw

    from vidobs.ledger.sweeper import Sweeper

BATCH = 256  # letters that are worked on in one transaction
MOST = 2**63 - 1
_PREFIX = re.compile(r"[0-9a-f-]{1,36}")
_NAMED = 5  # candidates that an error text lists


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which dead letters are meant; `None` stands for all."""

    exporter: str | None = None
    event_ids: tuple[str, ...] | None = None  # whole ones


def dead_letters(
    path: str, *, exporter: str | None = None, prefix: str | None = None, limit: int = MOST
) -> list[DeadLetter]:
    """Return dead letters, those given up last first; of an exporter, or of ids that begin so.

    Raises `LedgerError` when the ledger cannot be read.
    """
    if prefix is not None and not _PREFIX.fullmatch(prefix):
        return []
    with reading(path), closing(open_reader(path)) as connection:
        rows = connection.execute(queries()["letters"], (exporter, prefix, limit)).fetchall()
        return [_letter(connection, row) for row in rows]


def whole_ids(path: str, prefixes: Sequence[str], *, exporter: str | None) -> tuple[str, ...]:
    """Return the ids of the events that are meant by the beginnings of their ids.

    Raises:
        VidobsError: one is no beginning of any, or of more than one.
    """
    return tuple(_whole_id(path, prefix, exporter) for prefix in prefixes)


def replay(sweeper: Sweeper, chosen: Chosen, now_us: int) -> int:
    """Have letters delivered once more, beside what waits; return how many."""
    return _each(sweeper, chosen, partial(_ask_again, now_us=now_us))


def purge(sweeper: Sweeper, chosen: Chosen) -> int:
    """Forget letters; return how many. The events stay in the ledger."""
    return _each(sweeper, chosen, _bin)


def count(path: str, chosen: Chosen) -> int:
    """Return how many letters are meant; only reads."""
    with translated(path), closing(open_reader(path)) as connection:
        return len(_places(connection, chosen))


def _letter(connection: apsw.Connection, row: tuple[Any, ...]) -> DeadLetter:
    exporter, at_us, error, seq = row
    (found,) = damage.load(connection, "event_at", seq)
    return DeadLetter(
        exporter=exporter,
        at=codec.moment(at_us),
        error=error,
        event_id=damage.id_of(found),
        event=damage.event_of(found),
    )


def _whole_id(path: str, prefix: str, exporter: str | None) -> str:
    found = dead_letters(path, exporter=exporter, prefix=prefix.lower())
    names = sorted({letter.event_id for letter in found})
    if prefix in names or len(names) == 1:
        return prefix if prefix in names else names[0]
    if not names:
        raise VidobsError(f"no dead letter {prefix!r}; `vidobs dead list` lists them")
    more = ", ..." if len(names) > _NAMED else ""
    raise VidobsError(
        f"{prefix!r} fits {len(names)} events: {', '.join(names[:_NAMED])}{more}; "
        "give more of the id"
    )


def _each(
    sweeper: Sweeper, chosen: Chosen, work: Callable[[list[Any], apsw.Connection], None]
) -> int:
    places = sweeper.ask(partial(_places, chosen=chosen))
    for start in range(0, len(places), BATCH):
        sweeper.work(partial(work, places[start : start + BATCH]))
    return len(places)


def _places(connection: apsw.Connection, chosen: Chosen) -> list[Any]:
    wanted = None if chosen.event_ids is None else msgspec.json.encode(chosen.event_ids).decode()
    return connection.execute(queries()["places_of_letters"], (chosen.exporter, wanted)).fetchall()


def _ask_again(places: list[Any], connection: apsw.Connection, *, now_us: int) -> None:
    sql = queries()
    connection.executemany(sql["ensure_relay"], {(exporter,) for exporter, _ in places})
    connection.executemany(sql["ask_again"], [(*place, now_us) for place in places])
    _bin(places, connection)


def _bin(places: list[Any], connection: apsw.Connection) -> None:
    connection.executemany(queries()["drop_letter"], places)
