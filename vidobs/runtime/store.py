"""How this process keeps its ledger: opened late, looked after, given back."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from vidobs.core.errors import LedgerBusyError, LedgerError, LedgerUnusableError
from vidobs.core.protocols import Happening, Recorded
from vidobs.ledger import keys, processes
from vidobs.ledger.backlog import Backlog
from vidobs.ledger.database import MEMORY, open_writer
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from vidobs.core.machine import Rules
    from vidobs.core.protocols import Clock, OutboxRow

BEAT_S = 60.0
LOOK_S = 5.0
BUSY_S = 0.05
BROKEN_S = 1.0
CHECKPOINT_BYTES = 1 << 20


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
    ) -> None:
        self.path = path
        self.route = ""  # set before the first write
        self.exporters: tuple[str, ...] = ()
        self._rules = rules
        self._clock = clock
        self._bits = getrandbits
        self._full_sync = full_sync
        self._lock = threading.Lock()
        self._ledger: SqliteLedger | None = None
        self._outbox: SqliteOutbox | None = None
        self._side: apsw.Connection | None = None  # for the outbox and checkpoints
        self._inode: int | None = None
        self._beat_due = self._look_due = 0.0
        self.backlog = Backlog(self._open, self._open_memory, report)

    # -- opening -----------------------------------------------------------------------------------

    def _open(self) -> SqliteLedger:
        ledger = SqliteLedger(self.path, self._rules, route=self.route, full_sync=self._full_sync)
        processes.enter(ledger, self._clock.time_ns())
        self._register(ledger)  # before the first event, so that it is behind every cursor
        self._ledger = ledger
        self._inode = _inode(self.path)
        self._beat_due = self._look_due = 0.0
        return ledger

    def _open_memory(self) -> SqliteLedger:
        return SqliteLedger(MEMORY, self._rules, route="")

    def fingerprint_key(self) -> bytes:
        """Return the key of the fingerprints; a fresh one while the ledger cannot be used."""
        try:
            self.backlog.open()
            if self._ledger is not None:
                return keys.fingerprint_key(self._ledger)
        except LedgerBusyError:
            pass
        except LedgerUnusableError as error:
            self.backlog.reopen(error)
        return os.urandom(keys.KEY_BYTES)

    def outbox(self) -> SqliteOutbox:
        """Return the outbox; opens the ledger if nobody has yet."""
        with self._lock:
            if self._outbox is None:
                self.backlog.open()
                ledger = self._ledger
                if ledger is None or self.backlog.broken:
                    msg = f"ledger {self.path} cannot be used now"
                    raise LedgerUnusableError(msg)
                if self.path == MEMORY:
                    self._outbox = SqliteOutbox(self.path, ledger.connection, ledger.lock)
                else:
                    self._side = open_writer(self.path, full_sync=self._full_sync)
                    self._outbox = SqliteOutbox(self.path, self._side, threading.Lock())
            return self._outbox

    def _register(self, ledger: SqliteLedger) -> None:
        """Give each exporter that has none a cursor at the end of the outbox."""
        outbox = SqliteOutbox(ledger.path, ledger.connection, ledger.lock)
        for exporter in self.exporters:
            outbox.register(exporter)

    def reader(self) -> LedgerReader:
        """Return a reader over what a ledger in memory holds."""
        self.backlog.open()
        assert self._ledger is not None  # noqa: S101 - just opened
        return LedgerReader(self.path, self._ledger.connection)

    # -- housekeeping ------------------------------------------------------------------------------

    def keep(self, now_s: float) -> tuple[list[Happening], float]:
        """Do what is due; return late events, and in how many seconds to come again."""
        late = [_late(done, seen.now_ns) for seen, done in self.backlog.retry(now_s)]
        ledger = self._ledger
        if ledger is not None and not self.backlog.broken and self.path != MEMORY:
            try:
                late += self._look_after(ledger, now_s)
            except LedgerBusyError:
                pass
            except LedgerUnusableError as error:
                self.backlog.reopen(error)
        return late, self._rest(now_s)

    def _rest(self, now_s: float) -> float:
        if self.backlog.broken:
            return BROKEN_S
        if self.backlog.waiting:
            return BUSY_S
        if self._ledger is None:
            return BEAT_S
        return max(min(self._beat_due, self._look_due) - now_s, BUSY_S)

    def _look_after(self, ledger: SqliteLedger, now_s: float) -> list[Happening]:
        found: list[Happening] = []
        if now_s >= self._look_due:
            self._look_due = now_s + LOOK_S
            self._check_file()
            self._checkpoint()
        if now_s >= self._beat_due:
            self._beat_due = now_s + BEAT_S
            now_ns = self._clock.time_ns()
            processes.beat(ledger, now_ns)
            found = [_late(done, now_ns) for done in self.recover(now_ns)]
        return found

    def recover(self, now_ns: int) -> list[Recorded]:
        """Turn the unanswered creates of dead processes into `unknown`."""
        if self._ledger is None:
            return []
        return processes.recover(self._ledger, now_ns, self._bits)

    def _check_file(self) -> None:
        if _inode(self.path) != self._inode:
            msg = f"ledger {self.path} was taken away while it was in use"
            raise LedgerUnusableError(msg)

    def _checkpoint(self) -> None:
        wal = Path(self.path + "-wal")
        try:
            if wal.stat().st_size < CHECKPOINT_BYTES:
                return
        except OSError:
            return
        self.outbox().checkpoint()

    # -- the end -----------------------------------------------------------------------------------

    def close(self) -> int:
        """Give everything back; return how many writes are lost with this process."""
        with self._lock:
            try:
                if self._ledger is not None and not self.backlog.broken:
                    processes.leave(self._ledger)
            except LedgerError:
                pass  # the next process finds this one gone
            if self._side is not None:
                self._side.close()
            self._outbox = self._side = None
            self._ledger = None
        return self.backlog.close()


class LateOutbox:
    """The outbox as the relay sees it: opened at its first use, in the relay's own threads."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store

    def lease(self, exporter: str, owner: str, until: datetime, now: datetime) -> int | None:
        return self._store.outbox().lease(exporter, owner, until, now)

    def read(self, after: int, limit: int) -> Sequence[OutboxRow]:
        return self._store.outbox().read(after, limit)

    def delivered(self, exporter: str, owner: str, cursor: int) -> None:
        self._store.outbox().delivered(exporter, owner, cursor)

    def bury(self, exporter: str, row: OutboxRow, error: str, now: datetime) -> None:
        self._store.outbox().bury(exporter, row, error, now)

    def behind(self, exporter: str) -> int:
        return self._store.outbox().behind(exporter)


def _late(done: Recorded, now_ns: int) -> Happening:
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


def _inode(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except OSError:
        return None
