"""What the budgets read in the ledger: its outbox behind a cursor, and jobs as they are now."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core.jobs import Job
from vidobs.gateway.governance.database import HOME
from vidobs.gateway.ledger_file import LedgerFile
from vidobs.gateway.sqlite_file import queries
from vidobs.ledger import codec
from vidobs.ledger.finder import Finder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import apsw


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some events of the outbox: whose jobs, as they are now; and where to go on."""

    jobs: tuple[Job, ...] = ()
    last: int
    more: bool = False


class Feed(Protocol):
    """A ledger, for reading. Methods may block and raise `LedgerError`."""

    def identity(self) -> str:
        """Return a text that no other ledger has."""
        ...

    def read(self, after: int, limit: int) -> Page:
        """Return the gateway's jobs of the next events, each once and as it is now."""
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
        """Return the gateway's jobs of the next events, from one look at the file."""
        with self._lock, self._file.reading() as connection:
            if connection is None:
                return Page(last=after)
            connection.execute("BEGIN")
            try:
                rows: list[Any] = connection.execute(self._sql["events"], (after, limit)).fetchall()
                found = self._newest(connection, {one: seq for seq, one in rows if one is not None})
            finally:
                connection.execute("COMMIT")
        last = int(rows[-1][0]) if rows else after
        return Page(jobs=found, last=last, more=len(rows) == limit)

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

    def _newest(self, connection: apsw.Connection, places: Mapping[str, int]) -> tuple[Job, ...]:
        """Return the jobs of some events as they are now; a purged one as it was last."""
        finder = Finder(connection)
        found: list[Job] = []
        for job_id, seq in places.items():
            entry = finder.by_id(job_id)
            if entry is not None:
                found.append(entry.job)
            else:
                found.append(codec.load_job(connection.execute(self._sql["event_job"], (seq,)).get))
        return tuple(found)
