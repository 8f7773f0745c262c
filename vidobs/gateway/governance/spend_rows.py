"""The projection of the ledger in the gateway's file: one row for each of its jobs."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from vidobs.core.jobs import TERMINAL
from vidobs.gateway.governance.database import HOME, KIND, open_file
from vidobs.gateway.seams import KEY_TAG, MODEL_TAG, TEAM_TAG, USER_TAG
from vidobs.gateway.sqlite_file import queries, transaction
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from vidobs.gateway.governance.durations import Window
    from vidobs.gateway.governance.figures import Figures
    from vidobs.gateway.governance.records import Whose


_LONG_LOG = 4 << 20  # bytes
_AT_ONCE = (64, 8, 1)  # rows of one statement
_ROW = f"({', '.join('?' * 17)})"


class Place(msgspec.Struct, frozen=True):
    """How far the projection is."""

    cursor: int = 0  # in the outbox
    ledger: str = ""  # which one
    read_us: int = 0  # when it was last moved


class Told(msgspec.Struct, frozen=True):
    """A budget that somebody was told of: once for each window."""

    kind: str
    id: str
    start_ms: int
    what: str


class Batch:
    """Rows that are being written; see `SpendRows.batch`."""

    def __init__(self, rows: SpendRows, before: Place, counted: dict[str, int]) -> None:
        self._rows = rows
        self.before = before  # where the projection was, whoever moved it
        self.counted = counted  # against budgets until now, by job, of those that ended

    def commit(self) -> None:
        """Make it last; what is not committed never was."""
        self._rows.commit()


class SpendRows:
    """Writes and reads the projection. Thread-safe; reading never waits for a writer."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._writer = open_file(path, full_sync=False)  # what is lost is read in the ledger again
        self._reader = open_file(path, full_sync=False)
        self._lock = Lock()  # of the reader
        self._questions = open_file(path, full_sync=False)  # of people: a create never waits
        self._asking = Lock()
        self._sql = queries(HOME, "spend.sql")
        put = self._sql["put"]
        self._put_many = {many: put.replace(_ROW, ", ".join([_ROW] * many)) for many in _AT_ONCE}

    def place(self) -> Place:
        """Return how far the projection is."""
        return Place(*self._ask("cursor")[0])

    @contextmanager
    def batch(self, jobs: Collection[Figures], to: Place) -> Iterator[Batch]:
        """Write rows and move the cursor, as one transaction that the caller commits.

        A cursor that another process moved further stays where it is.
        """
        with KIND.translated(self.path), transaction(self._writer):
            before = Place(*self._write("cursor")[0])
            ended = [job.job_id for job in jobs if job.state in TERMINAL]
            counted = dict(self._write("counted", _listed(ended))) if ended else {}
            self._put([_row(job) for job in jobs])
            if to.ledger != before.ledger or to.cursor > before.cursor:
                self._write("keep_place", to.cursor, to.ledger, to.read_us)
            yield Batch(self, before, counted)

    def commit(self) -> None:
        """End the transaction of a batch."""
        self._writer.execute("COMMIT")

    def spent(self, whose: Whose, window: Window, without: Collection[str]) -> int:
        """Sum what the jobs of an account made in a window came to, but for some; see `Spent`."""
        kind, account_id = whose
        bindings = account_id, window.start_ms, window.end_ms, _listed(without)
        return int(self._ask(f"spent_{kind}", *bindings)[0][0])

    def counted(self, job_id: str) -> int:
        """Return what a job came to; see `Spent`."""
        found = self._ask("counted", _listed((job_id,)))
        return int(found[0][1]) if found else 0

    def ended(self, job_ids: Iterable[str]) -> list[str]:
        """Return which of some jobs the projection knows the end of."""
        return [job_id for (job_id,) in self._ask("ended", _listed(job_ids))]

    def open_jobs(self) -> list[str]:
        """Return the jobs that had not ended when the projection saw them last."""
        return [job_id for (job_id,) in self._ask("open")]

    def tags(self, job_ids: Collection[str]) -> dict[str, dict[str, str]]:
        """Return whose money some jobs are, as the tags that they were made with."""
        rows = self._ask("whose", _listed(job_ids)) if job_ids else ()
        names = KEY_TAG, USER_TAG, TEAM_TAG, MODEL_TAG
        return {
            job_id: {name: one for name, one in zip(names, whose, strict=True) if one is not None}
            for job_id, *whose in rows
        }

    def told(self, since_ms: int) -> set[Told]:
        """Return what was told of windows that begin at or after a moment."""
        return {Told(*row) for row in self._ask("told", since_ms)}

    def tell(self, told: Iterable[Told]) -> None:
        """Remember what was told."""
        with KIND.translated(self.path), transaction(self._writer):
            for one in told:
                self._write("tell", one.kind, one.id, one.start_ms, one.what)

    def ask(self, query: str, *bindings: str | int | None) -> list[Any]:
        """Answer one of the questions of `spend.sql`."""
        with self._asking, KIND.translated(self.path):
            return self._questions.execute(self._sql[query], bindings).fetchall()

    def check_point(self) -> None:
        """Bring a long write-ahead log home, as far as that goes without waiting for anybody."""
        with KIND.translated(self.path):
            log = Path(f"{self.path}-wal")
            if log.exists() and log.stat().st_size > _LONG_LOG:
                self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)

    def close(self) -> None:
        """Give the file back."""
        with self._lock, self._asking:
            self._reader.close()
            self._questions.close()
        self._writer.close()

    def _ask(self, query: str, *bindings: str | int | None) -> list[Any]:
        with self._lock, KIND.translated(self.path):
            return self._reader.execute(self._sql[query], bindings).fetchall()

    def _put(self, rows: Sequence[tuple[str | float | None, ...]]) -> None:
        """Write rows, many with each statement: one costs a wait for the interpreter."""
        done = 0
        for many in _AT_ONCE:
            while len(rows) - done >= many:
                self._writer.execute(self._put_many[many], [*chain(*rows[done : done + many])])
                done += many

    def _write(self, query: str, *bindings: str | float | None) -> list[Any]:
        return self._writer.execute(self._sql[query], bindings).fetchall()


def _listed(job_ids: Iterable[str]) -> str:
    return msgspec.json.encode(list(job_ids)).decode()


def _row(job: Figures) -> tuple[str | float | None, ...]:
    return (
        job.job_id,
        job.at_ms,
        job.owner,
        job.user_id,
        job.team_id,
        job.model,
        job.provider,
        job.upstream_model,
        job.operation,
        job.state,
        job.cost_status,
        job.quoted_nano,
        job.usd_nano,
        job.possible_nano,
        job.nano if job.state in TERMINAL else 0,
        None if job.finished_at is None else codec.us(job.finished_at),
        job.seconds,
    )
