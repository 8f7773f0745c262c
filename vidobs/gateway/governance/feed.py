"""What the budgets read in the ledger: its outbox behind a cursor, and jobs as they are now."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.gateway.governance.database import HOME
from vidobs.gateway.governance.facts import Document, documents_in
from vidobs.gateway.ledger_file import LedgerFile
from vidobs.gateway.sqlite_file import queries
from vidobs.ledger import codec
from vidobs.ledger.finder import Finder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

# Documents of one text: a longer one would hold the interpreter for too long, and be given its
# memory by the system anew each time.
_AT_ONCE = 96


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Some events of the outbox: the job of each, as it then stood; and where to go on."""

    jobs: tuple[Document, ...] = ()
    last: int
    more: bool = False


class Feed(Protocol):
    """A ledger, for reading. Methods may block and raise `LedgerError`."""

    def identity(self) -> str:
        """Return a text that no other ledger has."""
        ...

    def read(self, after: int, limit: int) -> Page:
        """Return the next events."""
        ...

    def jobs(self, job_ids: Sequence[str]) -> list[Document]:
        """Return jobs as they are now; those that are not there are left out."""
        ...

    def adjusted(self, since_us: int, *, made_since_ms: int) -> list[Document]:
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
        """Return the next events."""
        found: list[Document] = []
        with self._lock, self._file.reading() as connection:
            while connection is not None and len(found) < limit:
                at_once = min(_AT_ONCE, limit - len(found))
                last, docs = self._ask(connection, "events", after, at_once)
                if last is None:
                    break
                found += documents_in(docs)
                after = last
        return Page(jobs=tuple(found), last=after, more=len(found) == limit)

    def jobs(self, job_ids: Sequence[str]) -> list[Document]:
        """Return jobs as they are now; those that are not there are left out."""
        found: list[Document] = []
        with self._lock, self._file.reading() as connection:
            if connection is not None:
                for first in range(0, len(job_ids), _AT_ONCE):
                    found += self._now(connection, job_ids[first : first + _AT_ONCE])
        return found

    def adjusted(self, since_us: int, *, made_since_ms: int) -> list[Document]:
        """Return the jobs made since a time whose final cost was corrected since another."""
        with self._lock, self._file.reading() as connection:
            if connection is None:
                return []
            bindings = (max(0, made_since_ms) << codec.SEQ_RANDOM_BITS, since_us)
            rows: list[Any] = connection.execute(self._sql["adjusted"], bindings).fetchall()
        return [job for (doc,) in rows for job in documents_in(f"[{doc}]")]

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._file.close()

    def _now(self, connection: apsw.Connection, job_ids: Sequence[str]) -> list[Document]:
        places = codec.places(map(codec.seq_of, job_ids))
        docs = self._ask(connection, "jobs_at", places)[0]
        found = {job.job_id: job for job in documents_in(docs)}
        finder = Finder(connection)
        for job_id in set(job_ids).difference(found):
            entry = finder.by_id(job_id)  # two jobs of one place lie side by side
            if entry is not None:
                (found[job_id],) = documents_in(f"[{codec.dump_job(entry.job)}]")
        return [found[job_id] for job_id in job_ids if job_id in found]

    def _ask(self, connection: apsw.Connection, query: str, *bindings: int | str) -> Any:  # noqa: ANN401 - a row of SQLite
        """Return the one row of a query: every row costs a wait for the interpreter."""
        return connection.execute(self._sql[query], bindings).fetchone()
