"""The read model: jobs, events, spend and the state of the file, over a connection of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.core.errors import ConfigError, LedgerMissingError, unknown_name
from vidobs.core.money import ZERO
from vidobs.core.reports import Children, LedgerInfo, Spend, SpendRow
from vidobs.ledger import codec, damage
from vidobs.ledger.database import MEMORY, open_reader, open_writer, reading, translated
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from decimal import Decimal

    import apsw

    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job, JobState
    from vidobs.ledger.sqlite import SqliteLedger

GROUPINGS = ("model", "provider", "day", "user", "tag")
_END = 2**63 - 1
_HEX = 32
_CHILDREN_AMONG = 20_000  # jobs that are looked through, about 50 ms


class LedgerReader:
    """Answers questions about a ledger without ever writing to it."""

    def __init__(self, path: str, ledger: SqliteLedger | None = None) -> None:
        """Open the file, or read through the connection of a ledger in memory, or read nothing."""
        self.path = path
        self._own = ledger is None
        self._lock: AbstractContextManager[object] = Lock() if ledger is None else ledger.lock
        if ledger is not None:
            self._connection = ledger.connection
        else:
            self._connection = open_writer(path) if path == MEMORY else open_reader(path)
        self._sql = queries()

    def jobs(
        self,
        *,
        state: JobState | None = None,
        model: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """Return jobs, the newest first."""
        first = 0 if since is None else codec.seq_at(since)
        return self._jobs("jobs", _END, first, state, model, limit)

    def job(self, id_or_prefix: str) -> list[Job]:
        """Return the jobs that have this id, a longer one, or this id at the provider."""
        return self._jobs("jobs_by_provider_id", id_or_prefix) or self._by_prefix(id_or_prefix)

    def events(self, job_id: str) -> list[VideoEvent]:
        """Return a job's events, the oldest first."""
        first = codec.seq_of(job_id)
        with self._lock, reading(self.path):
            for seq, _, doc in self._found("load_near", first, first + codec.PLACES):
                if codec.load_job(doc).job_id == job_id:
                    rows = damage.readable(self._connection, "events_of", seq)
                    return [row.event for row in rows]
        return []

    def downloads(self, job_id: str) -> list[SpanRecord]:
        """Return the spans of the downloads of a job's video, without reading its other events."""
        first = codec.seq_of(job_id)
        with self._lock, reading(self.path):
            for seq, _, doc in self._found("load_near", first, first + codec.PLACES):
                if codec.load_job(doc).job_id == job_id:
                    found = self._found("downloads_of", seq)
                    return [span for (spans,) in found for span in codec.load_spans(spans)]
        return []

    def children(self, job: Job) -> Children:
        """Return the jobs that were made from a job's video, of the next 20,000 jobs."""
        wanted = job.provider_job_id
        if wanted is None:
            return Children()
        seq = codec.seq_of(job.job_id)
        needle = f'"parent_id":{msgspec.json.encode(wanted).decode()}'
        found = self._jobs("children", seq, _CHILDREN_AMONG, needle)
        return Children(
            tuple(c for c in found if (c.provider, c.parent_id) == (job.provider, wanted)),
            complete=not self._all("job_after", seq, _CHILDREN_AMONG),
        )

    def spend(self, by: str, since: datetime | None = None) -> Spend:
        """Return what the jobs cost, by model, provider, day, user or tag; the days in order.

        Creates with an unknown outcome count as possible spend; running jobs do not count yet.
        """
        if by not in GROUPINGS:
            raise ConfigError(unknown_name("grouping", by, GROUPINGS))
        since_us = 0 if since is None else codec.us(since)
        rows = {row.key: row for row in map(_spend_row, self._all(f"spend_by_{by}", since_us))}
        (total, possible) = self._all("spend_total", since_us)[0]
        unknown = self._unknown(since)
        for job in unknown:
            for key in _keys(by, job):
                rows[key] = _with_unknown(rows.get(key) or SpendRow(key=key), job)
        return Spend(
            total_usd=codec.dollars(total),
            possible_usd=codec.dollars(possible) + sum(map(_possible, unknown), ZERO),
            rows=_ordered(by, rows.values()),
        )

    def info(self) -> LedgerInfo:
        """Return the state of the file; reads all of it."""
        problem = self._pragma("quick_check")
        return LedgerInfo(
            path=None if self.path == MEMORY else self.path,
            schema=int(str(self._pragma("user_version"))),
            jobs=int(self._all("count_jobs")[0][0]),
            events=int(self._all("count_events")[0][0]),
            journal_mode=str(self._pragma("journal_mode")),
            problem=None if problem == "ok" else str(problem),
        )

    def close(self) -> None:
        """Give the file back."""
        if self._own:
            self._connection.close()

    def _all(self, query: str, *bindings: apsw.SQLiteValue) -> list[Any]:
        with self._lock, reading(self.path):
            return self._found(query, *bindings)

    def _jobs(self, query: str, *bindings: apsw.SQLiteValue) -> list[Job]:
        with self._lock, reading(self.path):
            return [codec.load_job(doc) for (doc,) in self._found(query, *bindings)]

    def _found(self, query: str, *bindings: apsw.SQLiteValue) -> list[Any]:
        return self._connection.execute(self._sql[query], bindings).fetchall()

    def _pragma(self, name: str) -> apsw.SQLiteValue:
        with self._lock, translated(self.path):
            return self._connection.execute(f"PRAGMA {name}").get

    def _by_prefix(self, given: str) -> list[Job]:
        digits = given.removeprefix("job_")
        if not digits or len(digits) > _HEX or set(digits) - set("0123456789abcdef"):
            return []
        millisecond = 1 << codec.SEQ_RANDOM_BITS
        first = codec.seq_of("job_" + digits.ljust(_HEX, "0")) & -millisecond
        last = codec.seq_of("job_" + digits.ljust(_HEX, "f")) | (millisecond - 1)
        end = min(last + codec.PLACES, _END)
        return self._jobs("jobs_between", first, end, "job_" + digits)

    def _unknown(self, since: datetime | None) -> list[Job]:
        first = 0 if since is None else codec.seq_at(since)
        return self._jobs("unknown_spend", first)


def open_ledger(path: str | None) -> LedgerReader:
    """Open a file for reading. Where there is none yet, nothing has been observed: an empty one.

    A file without tables is one that is just being made.
    """
    if path is None:
        return LedgerReader(MEMORY)
    try:
        return LedgerReader(path)
    except LedgerMissingError:
        return LedgerReader(MEMORY)


def _ordered(by: str, rows: Iterable[SpendRow]) -> tuple[SpendRow, ...]:
    """Return the rows as they came, but days by date: those of open creates came last."""
    if by != "day":
        return tuple(rows)
    return tuple(sorted(rows, key=lambda row: row.key or ""))


def _spend_row(row: tuple[Any, ...]) -> SpendRow:
    key, jobs, usd, possible, unknown, seconds = row
    return SpendRow(
        key=key,
        jobs=jobs,
        usd=codec.dollars(usd),
        possible_usd=codec.dollars(possible),
        unknown=unknown or 0,
        seconds=None if seconds is None else codec.decimal(seconds),
    )


def _keys(by: str, job: Job) -> list[str | None]:
    if by == "tag":
        return [f"{name}={value}" for name, value in job.tags.items()] or [None]
    if by == "day":
        return [job.created_at.astimezone(UTC).date().isoformat()]
    return [{"model": job.model, "provider": job.provider, "user": job.user}[by]]


def _with_unknown(row: SpendRow, job: Job) -> SpendRow:
    """Add a create with an unknown outcome: what it cost is not known, only what it may have."""
    return SpendRow(
        key=row.key,
        jobs=row.jobs + 1,
        usd=row.usd,
        possible_usd=row.possible_usd + _possible(job),
        unknown=row.unknown + 1,
        seconds=row.seconds,
    )


def _possible(job: Job) -> Decimal:
    return job.cost.possible_usd or ZERO
