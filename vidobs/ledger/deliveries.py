"""What each exporter did with the events of one job. Only reads."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.reports import DeliveryState, EventDelivery
from vidobs.ledger import codec
from vidobs.ledger.database import open_reader, reading
from vidobs.ledger.finder import Finder
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

_NOWHERE = 0  # places of events begin at 1


class _Traces(msgspec.Struct, frozen=True):
    """What the ledger knows of some events, by exporter and place."""

    relays: dict[str, tuple[int, bool]]  # how far it came, and whether events of it were dropped
    letters: dict[tuple[str, int], tuple[int, str]]
    asked: dict[tuple[str, int], int]


def deliveries(path: str, job_id: str) -> tuple[EventDelivery, ...]:
    """Return every event of a job with every exporter, the oldest event first.

    Exporters are those that ever worked on this ledger, and those that the events are for.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with reading(path), closing(open_reader(path)) as connection:
        connection.execute("BEGIN")  # one moment of the file for all that follows
        entry = Finder(connection).by_id(job_id)
        return () if entry is None else tuple(_of_job(connection, entry.seq))


def _of_job(connection: apsw.Connection, job_seq: int) -> Iterator[EventDelivery]:
    events = [
        (seq, _text(event_id), _names(_text(route)))
        for seq, event_id, route in _rows(connection, "routes_of", job_seq)
    ]
    traces = _traces(connection, [seq for seq, *_ in events])
    named = {name for _, _, route in events for name in route}
    exporters = sorted(named | set(traces.relays))
    for seq, event_id, route in events:
        for exporter in exporters:
            state, at_us, error = _state(traces, exporter, seq, routed=exporter in route)
            at = None if at_us is None else codec.moment(at_us)
            yield EventDelivery(
                event_id=event_id, exporter=exporter, state=state, at=at, error=error
            )


def _traces(connection: apsw.Connection, seqs: list[int]) -> _Traces:
    places = codec.places(seqs)
    return _Traces(
        {name: (cursor, bool(dropped)) for name, cursor, dropped in _rows(connection, "relays")},
        {
            (name, seq): (at_us, error)
            for name, seq, at_us, error in _rows(connection, "letters_at", places)
        },
        {(name, seq): asked_us for name, seq, asked_us in _rows(connection, "asked_at", places)},
    )


def _state(
    traces: _Traces, exporter: str, seq: int, *, routed: bool
) -> tuple[DeliveryState, int | None, str | None]:
    """Return how an event stands, since when, and what was said of it."""
    letter = traces.letters.get((exporter, seq))
    if letter is not None:
        return DeliveryState.DEAD, letter[0], letter[1] or None
    asked_us = traces.asked.get((exporter, seq))
    if asked_us is not None:
        return DeliveryState.WAITING, asked_us, None
    if not routed:
        return DeliveryState.NOT_FOR_IT, None, None
    cursor, dropped = traces.relays.get(exporter, (_NOWHERE, False))
    if seq > cursor:
        return DeliveryState.WAITING, None, None
    return (DeliveryState.PASSED if dropped else DeliveryState.DELIVERED), None, None


def _rows(connection: apsw.Connection, query: str, *bindings: int | str) -> list[Any]:
    return connection.execute(queries()[query], bindings).fetchall()


def _names(route: str) -> frozenset[str]:
    return frozenset(name for name in route.split(",") if name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
