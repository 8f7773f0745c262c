"""Writes what changed into the cache: rows, and the sums that they move."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.dashboard.index import facts as facts_
from vidobs.dashboard.index.deltas import Deltas
from vidobs.dashboard.index.facts import Facts, Row
from vidobs.dashboard.index.statements import queries
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TypeAlias

    import apsw

    Rows: TypeAlias = list[tuple[Any, ...]]


class Change(msgspec.Struct, frozen=True):
    """How a job stands now: its row, or what remains of one that was deleted, or nothing."""

    seq: int
    row: Row | None = None
    remains: Facts | None = None


class Kept(msgspec.Struct, frozen=True):
    """What the cache has of some places."""

    jobs: Mapping[int, Facts]
    gone: Mapping[int, Facts]

    def of(self, seq: int) -> Facts | None:
        """Return what a place added to the sums."""
        return self.jobs.get(seq) or self.gone.get(seq)


class Left(IntEnum):
    """What may be left in the file of what a batch took out."""

    NOTHING = 0
    LOG = 1  # names and texts, in older pages of the write-ahead log
    WORDS = 2  # words in the index of prompts as well


class Written(msgspec.Struct, frozen=True):
    """What a batch came to."""

    jobs: int  # by how many there are more
    left: Left


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Write all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def kept(connection: apsw.Connection, places: Iterable[int]) -> Kept:
    """Return what the cache has of some places."""
    listed = codec.places(places)

    def found(query: str) -> dict[int, Facts]:
        rows: Rows = connection.execute(queries()[query], (listed,)).fetchall()
        return {seq: facts_.load(stored) for seq, stored in rows}

    return Kept(found("kept_jobs"), found("kept_gone"))


def write(connection: apsw.Connection, changes: Sequence[Change], before: Kept) -> Written:
    """Write some changes, inside a transaction."""
    deltas = Deltas()
    for change in changes:
        new = change.row.facts if change.row is not None else change.remains
        deltas.change(before.of(change.seq), new)
    _write_jobs(connection, changes, before)
    _write_tags(connection, changes, before)
    prompts_gone = _write_prompts(connection, changes, before)
    _write_sums(connection, deltas)
    more = sum(change.row is not None for change in changes)
    names_gone = any(map(_loses, changes, (before.of(change.seq) for change in changes)))
    left = Left.WORDS if prompts_gone else Left.LOG if names_gone else Left.NOTHING
    return Written(more - len(before.jobs), left)


def _loses(change: Change, old: Facts | None) -> bool:
    """Tell whether something that was said of a job or of a person is said no more."""
    if old is None:
        return False
    new = change.row.facts if change.row is not None else change.remains
    if new is None:
        return True
    texts = ((old.user, new.user), (old.failing, new.failing), (old.tags or None, new.tags))
    return any(before is not None and before != after for before, after in texts)


def _write_jobs(connection: apsw.Connection, changes: Sequence[Change], before: Kept) -> None:
    """Write the rows of jobs."""
    sql = queries()
    rows = [change.row for change in changes if change.row is not None]
    connection.executemany(sql["put_job"], map(_columns, rows))
    absent = [(c.seq,) for c in changes if c.row is None and c.seq in before.jobs]
    connection.executemany(sql["drop_job"], absent)
    remains = [(c.seq, facts_.dump(c.remains)) for c in changes if c.remains is not None]
    connection.executemany(sql["put_gone"], remains)
    back = [(c.seq,) for c in changes if c.remains is None and c.seq in before.gone]
    connection.executemany(sql["drop_gone"], back)


def _columns(row: Row) -> tuple[Any, ...]:
    facts = row.facts
    failing = facts.failing
    return (
        row.seq,
        row.version,
        row.state,
        facts.provider,
        facts.model,
        facts.user,
        row.reason,
        None if failing is None else failing.fingerprint,
        row.flags,
        facts.usd,
        row.expiring_us,
        row.expires_us,
        facts_.dump(facts),
    )


def _write_tags(connection: apsw.Connection, changes: Sequence[Change], before: Kept) -> None:
    put: Rows = []
    drop: Rows = []
    for change in changes:
        old = before.jobs.get(change.seq)
        had = old.tags if old is not None else ()
        has = change.row.facts.tags if change.row is not None else ()
        if had != has:
            put += [(tag, change.seq) for tag in has]
            drop += [(tag, change.seq) for tag in had if tag not in has]
    connection.executemany(queries()["drop_tag"], drop)
    connection.executemany(queries()["put_tag"], put)


def _write_prompts(connection: apsw.Connection, changes: Sequence[Change], before: Kept) -> bool:
    put: Rows = []
    drop: Rows = []
    for change in changes:
        old = before.jobs.get(change.seq)
        row = change.row
        had = old.prompt if old is not None else 0
        has = row.facts.prompt if row is not None else 0
        if had and had != has:
            drop.append((change.seq,))
        if row is not None and has and had != has:
            put.append((change.seq, row.prompt))
    connection.executemany(queries()["drop_prompt"], drop)
    connection.executemany(queries()["put_prompt"], put)
    return bool(drop)


def _write_sums(connection: apsw.Connection, deltas: Deltas) -> None:
    deltas.roll()
    _add(connection, "sums", deltas.sums)
    _add(connection, "shares", deltas.shares)
    _add(connection, "phases", deltas.phases)
    _add(connection, "failed", deltas.failed)
    sql = queries()
    groups = [
        (one.fingerprint, *msgspec.structs.astuple(one), jobs)
        for one, jobs in deltas.groups.items()
        if jobs
    ]
    connection.executemany(sql["add_group"], groups)
    connection.executemany(sql["clear_group"], [group[:1] for group in groups if group[-1] < 0])


def _add(
    connection: apsw.Connection, table: str, sums: Mapping[tuple[Any, ...], Sequence[int]]
) -> None:
    """Add to the sums of a table, and clear those that came to nothing."""
    sql = queries()
    moved = {key: values for key, values in sums.items() if any(values)}
    connection.executemany(sql[f"add_{table}"], ((*key, *moved[key]) for key in sorted(moved)))
    less = [key for key, values in moved.items() if any(value < 0 for value in values)]
    connection.executemany(sql[f"clear_{table}"], less)
