"""How this process keeps its ledger: opened late, looked after, given back."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.core import ids
from vidobs.core.errors import LedgerBusyError, LedgerError, LedgerUnusableError
from vidobs.core.protocols import Happening, Recorded
from vidobs.ledger import codec, filesystems, keys, processes
from vidobs.ledger.backlog import BUSY_S, Backlog
from vidobs.ledger.database import MEMORY, open_reader, open_writer, translated
from vidobs.ledger.lock import WriteLock
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.runtime.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import TypeAlias

    from vidobs.core.machine import Rules
    from vidobs.core.protocols import Clock
    from vidobs.runtime.outbox_limits import OutboxLimits
    from vidobs.runtime.watching import Watch

    Inode: TypeAlias = tuple[int, int]

BEAT_S = 60.0
LOOK_S = 5.0
CHECKPOINT_S = 0.25
CHECKPOINT_BYTES = 1 << 20
FORK_WAIT_S = 1.0


class LedgerStore:
    """The ledger of a process with its backlog, its outbox and its housekeeping."""

    def __init__(
        self,
        path: str,
        rules: Rules,
        *,
        clock: Clock,
        getrandbits: Callable[[int], int],
        report: Callable[[str], None],
        full_sync: bool,
        retention: Retention | None = None,
        limits: OutboxLimits | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.path = path
        self.route = ""  # set before the first write
        self.exporters: tuple[str, ...] = ()
        self.wake: Callable[[], None] = _nobody  # asks for `keep` to be called soon
        self._rules = rules
        self._clock = clock
        self._bits = getrandbits
        self._full_sync = full_sync
        self._report = report
        self._retention = retention or Retention(path, days=None, content_days=None)
        self._limits = limits
        self._watch = watch
        self._place_checked = False
        self._lock = threading.Lock()  # the outbox
        self._ledger: SqliteLedger | None = None
        self._outbox: SqliteOutbox | None = None
        self._outbox_of: SqliteLedger | None = None
        self._side: WriteLock | None = None  # around the outbox's connection
        self._inode: Inode | None = None
        self._beat_due = self._look_due = self._checkpoint_due = 0.0
        self._still = ExitStack()  # locks held over a fork
        self.backlog = Backlog(self._open, self._open_memory, report, self._wake)

    # -- opening -----------------------------------------------------------------------------------

    def _open(self) -> SqliteLedger:
        ledger = SqliteLedger(self.path, self._rules, route=self.route, full_sync=self._full_sync)
        try:
            with ledger.held():
                processes.enter(ledger, self._clock.time_ns())
            self._register(ledger)  # before the first event, which they must not begin behind
        except BaseException:
            ledger.abandon()
            raise
        self._inode = _inode(self.path)
        self._beat_due = self._look_due = 0.0
        self._ledger = ledger
        return ledger

    def _register(self, ledger: SqliteLedger) -> None:
        """Give cursors to exporters that have none yet."""
        outbox = SqliteOutbox(self.path, ledger.connection, ledger.lock)
        for exporter in self.exporters:
            outbox.register(exporter)

    def _open_memory(self) -> SqliteLedger:
        before = None if self._ledger is None else self._ledger.cache
        return SqliteLedger(MEMORY, self._rules, before=before)

    def fingerprint_key(self) -> bytes:
        """Return the key of the fingerprints; a fresh one while the ledger cannot be read."""
        try:
            self.backlog.open()
            ledger = self._ledger
            if ledger is not None and not self.backlog.broken:
                with ledger.held():
                    return keys.fingerprint_key(ledger.connection)
        except LedgerBusyError:
            return self._key_beside()
        except LedgerUnusableError:
            pass  # the next write says so
        return os.urandom(keys.KEY_BYTES)

    def _key_beside(self) -> bytes:
        """Read the key without the write lock that somebody holds."""
        try:
            with translated(self.path), closing(open_reader(self.path)) as connection:
                return keys.fingerprint_key(connection)
        except LedgerError:
            return os.urandom(keys.KEY_BYTES)

    def outbox(self) -> SqliteOutbox:
        """Return the outbox; opens the ledger if nobody has yet."""
        with self._lock:
            self.backlog.open()
            ledger = self._ledger
            if ledger is None or self.backlog.broken:
                msg = f"ledger {self.path} cannot be used now"
                raise LedgerUnusableError(msg)
            if self._outbox is None or self._outbox_of is not ledger:
                self._outbox = self._open_outbox(ledger)
                self._outbox_of = ledger
            return self._outbox

    def _open_outbox(self, ledger: SqliteLedger) -> SqliteOutbox:
        """Open a connection beside the ledger's, so that neither waits for the other's thread."""
        if self._side is not None:
            self._side.abandon()  # of a file that broke
            self._side = None
        if self.path == MEMORY:
            return SqliteOutbox(self.path, ledger.connection, ledger.lock)
        connection = open_writer(self.path, full_sync=self._full_sync)
        self._side = WriteLock(self.path, connection)
        return SqliteOutbox(self.path, connection, self._side)

    def reader(self) -> LedgerReader:
        """Return a reader over what a ledger in memory holds."""
        self.backlog.open()
        assert self._ledger is not None  # noqa: S101 - just opened
        return LedgerReader(self.path, self._ledger)

    def recover(self) -> None:
        """Find the creates of processes that died, at once; raise `LedgerError`.

        `keep` tells of them.
        """
        self.backlog.open()
        ledger = self._ledger
        if ledger is not None and not self.backlog.broken:
            with ledger.held():
                seed = self._bits(ids.SEED_BITS)
                ledger.rescued += processes.recover(ledger, self._clock.time_ns(), seed)
            self._wake()

    def _wake(self) -> None:
        self.wake()

    # -- housekeeping ------------------------------------------------------------------------------

    def keep(self, now_s: float) -> tuple[list[Happening], float]:
        """Do what is due; return late events, and in how many seconds to come again."""
        found = [late(done, seen.now_ns) for seen, done in self.backlog.retry(now_s)]
        ledger = self._ledger
        if ledger is not None and not self.backlog.broken:
            try:
                if self.path != MEMORY:
                    self._look_after(ledger, now_s)
                if self._limits is not None and now_s >= self._limits.due:
                    self._limits.step(self.outbox().sweeper(), now_s, self._now())
                found += self._notices()
            except LedgerBusyError:
                pass
            except LedgerUnusableError as error:
                self.backlog.broke(ledger, error)
            found += self._rescued(ledger)
        return [seen for seen in found if seen.events], self._rest(now_s)

    def _rest(self, now_s: float) -> float:
        rest = self.backlog.rest_s(now_s)
        if rest is not None:
            return rest
        if self._ledger is None:
            return BEAT_S
        due = now_s + BEAT_S if self._limits is None else self._limits.due
        if self.path != MEMORY:
            due = min(due, self._beat_due, self._look_due, self._retention.due)
        rest = due - now_s
        if self._watch is not None:
            rest = min(rest, (self._watch.due - self._now()).total_seconds())
        return max(rest, BUSY_S)

    def _notices(self) -> list[Happening]:
        """Return what there is to say of jobs by the clock alone."""
        now = self._now()
        if self._watch is None or not self._watch.is_due(now):
            return []
        said = self._watch.step(self.outbox().sweeper(), self.backlog.record, now)
        return [late(recorded, codec.us(now) * 1000) for recorded in said]

    def _look_after(self, ledger: SqliteLedger, now_s: float) -> None:
        if now_s >= self._look_due:
            self._look_due = now_s + LOOK_S
            self._check_file()
            self._check_place()
        if now_s >= self._checkpoint_due:
            self._checkpoint_due = now_s + CHECKPOINT_S
            self._checkpoint()
        if now_s >= self._beat_due:
            self._beat_due = now_s + BEAT_S
            now_ns = self._clock.time_ns()
            with ledger.held():
                processes.beat(ledger, now_ns)
                ledger.rescued += processes.recover(ledger, now_ns, self._bits(ids.SEED_BITS))
        if now_s >= self._retention.due:
            self._retention.step(self.outbox().sweeper(), now_s, self._now())

    def _now(self) -> datetime:
        return codec.moment(self._clock.time_ns() // 1000)

    def _rescued(self, ledger: SqliteLedger) -> list[Happening]:
        """Return the events of the creates of dead processes, found since the last time."""
        found: list[Happening] = []
        while ledger.rescued:
            found.append(late(ledger.rescued.popleft(), self._clock.time_ns()))
        return found

    def _check_file(self) -> None:
        if _inode(self.path) != self._inode:
            msg = f"ledger {self.path} was taken away while it was in use"
            raise LedgerUnusableError(msg)

    def _check_place(self) -> None:
        """Say once that a network file system is no place for a ledger."""
        if self._place_checked:
            return
        self._place_checked = True
        kind = filesystems.network_type(self.path)
        if kind is not None:
            self._report(filesystems.warning(self.path, kind))

    def _checkpoint(self) -> None:
        wal = Path(self.path + "-wal")
        try:
            if wal.stat().st_size < CHECKPOINT_BYTES:
                return
        except OSError:
            return
        self.outbox().checkpoint()

    # -- a fork ------------------------------------------------------------------------------------

    def hold_still(self) -> None:
        """Keep other threads out of SQLite until `go_on`, for a second at most: a fork comes."""
        deadline = time.monotonic() + FORK_WAIT_S
        for lock in (self._lock, self.backlog.opening):
            if lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
                self._still.callback(lock.release)
        for held in self._connections():
            if held.try_acquire(max(0.0, deadline - time.monotonic())):
                self._still.callback(held.release)

    def go_on(self) -> None:
        """Let the threads go on, after a fork."""
        self._still.close()

    def forget_connections(self) -> None:
        """Close the parent's connections in its forked child, before that opens any of its own.

        SQLite keeps one record of its locks on a file for each process. The child inherits it, but
        not the locks: with it, a connection of the child's would think that it holds them.
        """
        for held in self._connections():
            held.forget()

    def _connections(self) -> list[WriteLock]:
        ledger = [] if self._ledger is None else [self._ledger.lock]
        return ledger if self._side is None else [*ledger, self._side]

    # -- the end -----------------------------------------------------------------------------------

    def close(self) -> int:
        """Give everything back; return how many writes are lost with this process."""
        with self._lock:
            ledger, self._ledger = self._ledger, None
            try:
                if ledger is not None and not self.backlog.broken:
                    with ledger.held():
                        processes.leave(ledger)
            except LedgerError:
                pass  # the next process finds this one gone
            if self._side is not None:
                self._side.close()
            self._outbox = self._outbox_of = self._side = None
        return self.backlog.close()


def late(done: Recorded, now_ns: int) -> Happening:
    """Events that no call of this moment caused."""
    return Happening(
        operation=done.job.operation,
        provider=done.job.provider,
        model=done.job.model,
        start_ns=now_ns,
        end_ns=now_ns,
        events=done.events,
        settled=done.settled,
        late=True,
    )


def _inode(path: str) -> Inode | None:
    """Return what tells a file from another one; it stays taken as long as the file is open."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _nobody() -> None:
    """Ask nobody to keep the ledger soon."""
