"""What a ledger holds and who uses it. Reads all of it, and only reads."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.reports import ExporterProgress, LedgerSurvey, ProcessSeen
from vidobs.ledger import codec
from vidobs.ledger.database import open_reader, translated
from vidobs.ledger.processes import Process, alive
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from datetime import datetime

    import apsw


ALL = -1  # however many there are


class _Relay(msgspec.Struct, frozen=True, array_like=True):
    """A row of the table of exporters, and what is counted beside it."""

    exporter: str
    cursor: int
    owner: str | None
    leased_until_us: int
    delivered: int
    retried: int
    failures: int
    retry_at_us: int | None
    disabled: str | None
    error: str | None
    failed_us: int | None
    delivered_us: int | None
    behind: int
    oldest_us: int | None  # of these
    asked_again: int
    asked_us: int | None  # the first of these
    dead_letters: int
    dropped: str  # counts by reason, as JSON
    more: int  # 1: there are events that were not looked at


def survey(path: str, now: datetime) -> LedgerSurvey:
    """Look at a ledger; raise `LedgerError` when it cannot be read."""
    with translated(path), closing(open_reader(path)) as connection:
        connection.execute("BEGIN")  # one moment of the file for all that follows
        oldest, newest = _rows(connection, "span_of_jobs")[0]
        return LedgerSurvey(
            path=path,
            size_bytes=_size(path),
            wal_bytes=_size(path + "-wal"),
            schema=int(str(connection.execute("PRAGMA user_version").get)),
            jobs=dict(_rows(connection, "count_states")),
            events=_rows(connection, "count_events")[0][0],
            oldest=None if oldest is None else codec.created_at(oldest),
            newest=None if newest is None else codec.created_at(newest),
            spend_entries=_rows(connection, "count_spend")[0][0],
            exporters=_exporters(connection, now),
            processes=tuple(_process(row, now) for row in _rows(connection, "processes")),
        )


def exporters(path: str, now: datetime, *, most: int = ALL) -> tuple[ExporterProgress, ...]:
    """Look at how exporters stand, and at `most` of the events behind each.

    Raises `LedgerError` when the ledger cannot be read.
    """
    with translated(path), closing(open_reader(path)) as connection:
        return _exporters(connection, now, most)


def _exporters(
    connection: apsw.Connection, now: datetime, most: int = ALL
) -> tuple[ExporterProgress, ...]:
    return tuple(_exporter(row, now) for row in _rows(connection, "exporters", most))


def _rows(connection: apsw.Connection, query: str, *bindings: int) -> list[Any]:
    return connection.execute(queries()[query], bindings).fetchall()


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except FileNotFoundError:
        return 0


def _exporter(row: tuple[Any, ...], now: datetime) -> ExporterProgress:
    found = msgspec.convert(row, _Relay)
    held = found.owner is not None and found.leased_until_us >= codec.us(now)
    since = [us for us in (found.oldest_us, found.asked_us) if us is not None]
    return ExporterProgress(
        exporter=found.exporter,
        cursor=found.cursor,
        behind=found.behind + found.asked_again,
        complete=not found.more,
        asked_again=found.asked_again,
        waiting_since=_moment(min(since, default=None)),
        delivered=found.delivered,
        retried=found.retried,
        dropped=msgspec.json.decode(found.dropped, type=dict[str, int]),
        dead_letters=found.dead_letters,
        failures=found.failures,
        retry_at=_moment(found.retry_at_us),
        disabled=found.disabled,
        error=found.error,
        failed_at=_moment(found.failed_us),
        delivered_at=_moment(found.delivered_us),
        worker=found.owner if held else None,
    )


def _moment(us: int | None) -> datetime | None:
    return None if us is None else codec.moment(us)


def _process(row: tuple[Any, ...], now: datetime) -> ProcessSeen:
    process = msgspec.convert(row, Process)
    return ProcessSeen(
        host=process.host,
        pid=process.pid,
        seen_at=codec.moment(process.seen_us),
        alive=alive(process, codec.us(now) * 1000),
    )
