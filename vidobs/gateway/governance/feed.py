"""What the budgets read in the ledger: its outbox behind a cursor, and jobs as they are now."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.gateway.governance.database import HOME
from vidobs.gateway.governance.facts import Facts, facts_of
from vidobs.gateway.ledger_file import LedgerFile
from vidobs.gateway.sqlite_file import queries
from vidobs.ledger import codec
from vidobs.ledger.finder import Finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import apsw

    from vidobs.core.jobs import Job

_places = msgspec.json.Decoder(list[tuple[int, str]])


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some events of the outbox: their jobs, as they are now; and where to go on."""

    jobs: tuple[Facts, ...] = ()
    last: int
    more: bool = False


class Feed(Protocol):
    """A ledger, for reading. Methods may block and raise `LedgerError`."""

    def identity(self) -> str:
        """Return a text that no other ledger has."""
        ...

    def read(self, after: int, limit: int) -> Page:
        """Return the jobs of the next events, each once and as it is now."""
        ...

    def jobs(self, job_ids: Iterable[str]) -> list[Job]:
        """Return jobs as they are now; those that are not there are left out."""
        ...

    def adjusted(self, since_us: int, *, made_since_ms: int) -> list[Job]:
        """Return the jobs made since a time whose final cost was corrected since another."""
        ...

    def close(self) -> None:
        """Give the ledger back."""
        ...


class SqliteFeed:
    """Reads a ledger in SQLite, whoever writes it. Thread-safe."""

    def __init__(self, path: str) -> None:
        self._file = LedgerFile(path)
        self._lock = Lock()
        self._sql = queries(HOME, "ledger.sql")

    def identity(self) -> str:
        """Return a text that no other ledger has; `-` while there is none."""
        with self._lock:
            return self._file.identity()

    def read(self, after: int, limit: int) -> Page:
        """Return the jobs of the next events, from one look at the file."""
        with self._lock, self._file.reading() as connection:
            if connection is None:
                return Page(last=after)
            connection.execute("BEGIN")
            try:
                last, count, told = self._ask(connection, "events", after, limit)
                places = {job_id: seq for seq, job_id in _places.decode(told)} if count else {}
                found = self._newest(connection, places) if places else ()
            finally:
                connection.execute("COMMIT")
        return Page(jobs=found, last=last if count else after, more=count == limit)

    def jobs(self, job_ids: Iterable[str]) -> list[Job]:
        """Return jobs as they are now; those that are not there are left out."""
        with self._lock, self._file.reading() as connection:
            if connection is None:
                return []
            finder = Finder(connection)
            entries = [finder.by_id(job_id) for job_id in job_ids]
        return [entry.job for entry in entries if entry is not None]

    def adjusted(self, since_us: int, *, made_since_ms: int) -> list[Job]:
        """Return the jobs made since a time whose final cost was corrected since another."""
        with self._lock, self._file.reading() as connection:
            if connection is None:
                return []
            bindings = (max(0, made_since_ms) << codec.SEQ_RANDOM_BITS, since_us)
            rows: list[Any] = connection.execute(self._sql["adjusted"], bindings).fetchall()
        return [codec.load_job(doc) for (doc,) in rows]

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._file.close()

    def _newest(self, connection: apsw.Connection, places: Mapping[str, int]) -> tuple[Facts, ...]:
        """Return the jobs of some events as they are now; a purged one as it was last."""
        rows = codec.places(map(codec.seq_of, places))
        found = {job.job_id: job for job in facts_of(self._ask(connection, "jobs_at", rows)[0])}
        finder = Finder(connection)
        for job_id in places.keys() - found.keys():
            entry = finder.by_id(job_id)  # two jobs of one place lie side by side
            job = self._event_job(connection, places[job_id]) if entry is None else entry.job
            found[job_id] = facts_of(b"[%b]" % codec.dump_job(job).encode())[0]
        return tuple(found[job_id] for job_id in places)

    def _event_job(self, connection: apsw.Connection, place: int) -> Job:
        return codec.load_job(self._ask(connection, "event_job", place)[0])

    def _ask(self, connection: apsw.Connection, query: str, *bindings: int | str) -> Any:  # noqa: ANN401 - a row of SQLite
        """Return the one row of a query: every row costs a wait for the interpreter."""
        return connection.execute(self._sql[query], bindings).fetchone()
