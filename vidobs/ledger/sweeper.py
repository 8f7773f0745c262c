"""Runs sweeps over a file that others write to: in batches so small that nobody waits for long."""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

import apsw
import msgspec

from vidobs.ledger.database import open_reader, open_writer, translated
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from vidobs.ledger.sweeps import Sweep

T = TypeVar("T")

BATCH = 32  # rows that are looked at, and at most worked on, in one go: a few milliseconds
PASSES = 5
WAIT_MS = 5000  # for a lock, where a person waits and no call does


class Swept(msgspec.Struct, frozen=True):
    """What was done, or would be."""

    job_ids: tuple[str, ...] = ()
    events: int = 0
    missed: int = 0  # changed by another process meanwhile
    after: int | None = None  # from where to go on; None: there is nothing left

    @property
    def jobs(self) -> int:
        """How many jobs."""
        return len(self.job_ids)


def count(connection: apsw.Connection, sweep: Sweep) -> Swept:
    """Count what a whole sweep would do; only reads."""
    job_ids: list[str] = []
    events = 0
    after: int | None = 0
    while after is not None:
        window = sweep.find(connection, after, BATCH)
        job_ids += [one.job_id for one in window.found]
        events += sum(len(one.events) for one in window.found)
        after = window.after
    return Swept(tuple(job_ids), events)


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Take the write lock of the file, and do all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def sweeping(path: str) -> Iterator[Sweeper]:
    """Sweep over a ledger that is there, by hand: another process is waited for, for seconds.

    Raises:
        LedgerMissingError: there is none; none is made.
        LedgerError: it cannot be opened.
    """
    open_reader(path).close()
    with closing(open_writer(path)) as connection:
        connection.set_busy_timeout(WAIT_MS)
        yield Sweeper(path, connection)


class Sweeper:
    """Sweeps over a connection, which `lock` guards; what it deletes is overwritten."""

    def __init__(
        self,
        path: str,
        connection: apsw.Connection,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        self._path = path
        self._connection = connection
        self._lock: AbstractContextManager[object] = lock or nullcontext()
        with self._lock, translated(path):
            connection.execute("PRAGMA secure_delete = ON")

    def step(self, sweep: Sweep, after: int) -> Swept:
        """Do the next batch behind a place, in one transaction."""
        connection = self._connection
        with self._lock, translated(self._path):
            window = sweep.find(connection, after, BATCH)
            if not window.found:
                return Swept(after=window.after)
            with transaction(connection):
                done = [one for one in window.found if sweep.apply(connection, one)]
        return Swept(
            job_ids=tuple(one.job_id for one in done),
            events=sum(len(one.events) for one in done),
            missed=len(window.found) - len(done),
            after=window.after,
        )

    def run(self, sweep: Sweep) -> Swept:
        """Do a whole sweep, and again for what other processes changed meanwhile."""
        job_ids: list[str] = []
        events = missed = 0
        for _ in range(PASSES):
            missed = 0
            after: int | None = 0
            while after is not None:
                swept = self.step(sweep, after)
                job_ids += swept.job_ids
                events += swept.events
                missed += swept.missed
                after = swept.after
            if not missed:
                break
        return Swept(tuple(job_ids), events, missed)

    def ask(self, question: Callable[[apsw.Connection], T]) -> T:
        """Return what a question to the file is answered with; it only reads."""
        with self._lock, translated(self._path):
            return question(self._connection)

    def work(self, piece: Callable[[apsw.Connection], T]) -> T:
        """Do a small piece of work in one transaction."""
        with self._lock, translated(self._path), transaction(self._connection):
            return piece(self._connection)

    def claim(self, task: str, now_us: int, every_us: int) -> bool:
        """Take on a task, unless a process did within the time before; times in microseconds."""
        with self._lock, translated(self._path):
            bindings = (task, now_us, now_us - every_us)
            self._connection.execute(queries()["claim"], bindings)
            return self._connection.changes() > 0

    def note(self, name: str) -> int:
        """Return a number that was kept in the ledger, 0 when there is none."""
        with self._lock, translated(self._path):
            found = self._connection.execute(queries()["note"], (name,)).get
        return 0 if found is None else int(str(found))

    def keep_note(self, name: str, value: int) -> None:
        """Keep a number in the ledger."""
        with self._lock, translated(self._path):
            self._connection.execute(queries()["keep_note"], (name, value))

    def rewrite(self) -> None:
        """Write the whole file anew: it is as small as it can be, and what was deleted is nowhere.

        Nobody can write meanwhile.
        """
        with self._lock, translated(self._path):
            self._connection.execute("VACUUM")

    def cut_log(self) -> bool:
        """Empty the write-ahead log, which holds older pages; `False` while somebody reads."""
        with self._lock, translated(self._path):
            try:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                return False
        return True
