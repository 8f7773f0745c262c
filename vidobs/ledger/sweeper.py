"""Runs sweeps over a file that others write to: in batches so small that nobody waits for long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import apsw
import msgspec

from vidobs.ledger.database import open_writer, translated

if TYPE_CHECKING:
    from vidobs.ledger.sweeps import Sweep

BATCH = 32  # jobs in one transaction: a few milliseconds
PASSES = 5


class Swept(msgspec.Struct, frozen=True):
    """What was done, or would be."""

    jobs: int = 0
    events: int = 0
    missed: int = 0  # changed by another process meanwhile
    after: int | None = None  # from where to go on; None: there is nothing left


def count(connection: apsw.Connection, sweep: Sweep) -> Swept:
    """Count what a whole sweep would do; only reads."""
    jobs = events = after = 0
    while found := sweep.find(connection, after, BATCH):
        jobs += len(found)
        events += sum(len(one.events) for one in found)
        after = found[-1].seq
    return Swept(jobs, events)


class Sweeper:
    """A connection of its own, whose deletions overwrite what they delete."""

    def __init__(self, path: str, *, wait_ms: int | None = None) -> None:
        """Open the file; with `wait_ms` its writes wait for others longer than usual."""
        self._path = path
        self._connection = open_writer(path)
        with translated(path):
            self._connection.execute("PRAGMA secure_delete = ON")
            if wait_ms is not None:
                self._connection.set_busy_timeout(wait_ms)

    @property
    def connection(self) -> apsw.Connection:
        """The connection, for what is not a sweep."""
        return self._connection

    def step(self, sweep: Sweep, after: int) -> Swept:
        """Do the next batch behind a place, in one transaction."""
        connection = self._connection
        with translated(self._path):
            found = sweep.find(connection, after, BATCH)
            if not found:
                return Swept()
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = [one for one in found if sweep.apply(connection, one)]
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        events = sum(len(one.events) for one in done)
        return Swept(len(done), events, len(found) - len(done), found[-1].seq)

    def run(self, sweep: Sweep) -> Swept:
        """Do a whole sweep, and again for what other processes changed meanwhile."""
        jobs = events = missed = 0
        for _ in range(PASSES):
            missed = 0
            after: int | None = 0
            while after is not None:
                swept = self.step(sweep, after)
                jobs, events, after = jobs + swept.jobs, events + swept.events, swept.after
                missed += swept.missed
            if not missed:
                break
        return Swept(jobs, events, missed)

    def rewrite(self) -> None:
        """Write the whole file anew: it is as small as it can be, and what was deleted is nowhere.

        Nobody can write meanwhile.
        """
        with translated(self._path):
            self._connection.execute("VACUUM")

    def cut_log(self) -> bool:
        """Empty the write-ahead log, which holds older pages; `False` while somebody reads."""
        with translated(self._path):
            try:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                return False
        return True

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give the file back."""
        self.close()
