"""Questions about jobs that need somebody's care: unfinished, hanging, not downloaded, paid twice.

Each is a function of a connection, for `Sweeper.ask`; none of them writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.jobs import Job, JobState
from vidobs.ledger import codec, damage
from vidobs.ledger.finder import Finder, entry_of
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    import apsw

    from vidobs.ledger.cache import Entry

PAST_AMONG = 5000  # rows, of which there is no index by model
PAST_JOBS = 50


class Watched(msgspec.Struct, frozen=True):
    """A row as it was looked at; without a job nothing can be said of it now."""

    seq: int
    version: int
    state: JobState
    events: str  # their places
    job: Job | None = None


class Place(msgspec.Struct, frozen=True):
    """A server that jobs were made at, as the jobs have it."""

    provider: str
    dialect: str
    address: str | None = None
    port: int | None = None


def unfinished(connection: apsw.Connection, since: datetime) -> list[Entry]:
    """Return the jobs created since a time that have not ended, oldest first."""
    return [entry_of(row) for row in _rows(connection, "unfinished", codec.seq_at(since))]


def by_id(connection: apsw.Connection, job_id: str) -> Entry | None:
    """Return a job as it is now, with its version."""
    return Finder(connection).by_id(job_id)


def to_watch(connection: apsw.Connection, after: int, limit: int) -> list[Watched]:
    """Return the next rows behind a place."""
    return [
        Watched(seq, version, JobState(state), events, damage.job_of(doc) if doc else None)
        for seq, version, state, events, doc in _rows(connection, "to_watch", after, limit)
    ]


def last_change(connection: apsw.Connection, row: Watched) -> datetime | None:
    """Return when the last event of a job was; `None` when there is none any more."""
    found: Any = connection.execute(queries()["last_change"], (f"[0{row.events}]",)).get
    return None if found is None else codec.moment(found)


def past_times_s(connection: apsw.Connection, provider: str, model: str | None) -> list[float]:
    """Return how long the last jobs of a model took, from acceptance to the end."""
    rows = _rows(connection, "past_jobs", provider, model, PAST_AMONG, PAST_JOBS)
    jobs = [job for (doc,) in rows if (job := damage.job_of(doc)) is not None]
    return [
        (job.finished_at - job.submitted_at).total_seconds()
        for job in jobs
        if job.finished_at is not None and job.submitted_at is not None and not job.adopted
    ]


def places(connection: apsw.Connection, since: datetime) -> list[Place]:
    """Return the servers that jobs were made at since a time."""
    return [Place(*row) for row in _rows(connection, "servers", codec.seq_at(since))]


def known_ids(connection: apsw.Connection, ids: Iterable[str]) -> list[Job]:
    """Return the jobs that have one of the provider's ids."""
    rows = _rows(connection, "known_ids", msgspec.json.encode(list(ids)).decode())
    return [codec.load_job(doc) for (doc,) in rows]


def asked_twice(connection: apsw.Connection, since: datetime) -> list[Job]:
    """Return the jobs, created since a time, whose request the provider accepted repeatedly."""
    return [codec.load_job(doc) for (doc,) in _rows(connection, "asked_twice", codec.seq_at(since))]


def same_prompt(
    connection: apsw.Connection, prompt_hash: str, moment: datetime, within: timedelta
) -> list[Job]:
    """Return the jobs that were made from a prompt about a time."""
    first, last = (codec.seq_at(max(codec.EPOCH, moment + way * within)) for way in (-1, 1))
    rows = _rows(connection, "same_prompt", first, last, prompt_hash)
    return [codec.load_job(doc) for (doc,) in rows]


def _rows(
    connection: apsw.Connection, query: str, *bindings: str | int | None
) -> list[tuple[Any, ...]]:
    return connection.execute(queries()[query], bindings).fetchall()
