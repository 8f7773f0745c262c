"""A ledger that never stops the caller: what cannot be written now is kept and tried again.

A busy file holds writes back for moments. A broken one (full, read-only, corrupt, gone) is replaced
by a ledger in memory, so that traces, logs and callbacks go on, while every write is kept in order
for the day the file works again; only the end of the process loses them, and that is counted.
"""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from vidobs.core.errors import LedgerBusyError, LedgerUnusableError
from vidobs.core.jobs import Job
from vidobs.core.protocols import Observed, Recorded

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_WRITES = 50_000
_RETRY_FIRST_S = 1.0
_RETRY_MOST_S = 30.0


class Store(Protocol):
    """A ledger as the backlog uses it."""

    def intend(self, job: Job) -> None: ...
    def record(self, seen: Observed) -> Recorded | None: ...
    def find(self, provider: str, provider_job_id: str) -> Job | None: ...
    def known(self, provider: str, provider_job_id: str) -> Job | None: ...
    def close(self) -> None: ...


class Deferred(Exception):  # noqa: N818 - not an error: the write is kept and comes later
    """The write is in the backlog; its events come when it goes through."""


class Backlog:
    """Writes to `open_store()`'s ledger in order, through contention and outages.

    `report(message)` is told once when the ledger breaks and once when it works again.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        open_memory: Callable[[], Store],
        report: Callable[[str], None],
    ) -> None:
        self._open_store = open_store
        self._open_memory = open_memory
        self._report = report
        self._store: Store | None = None
        self._memory: Store | None = None
        self._waiting: deque[Job | Observed] = deque()
        self._lock = Lock()
        self._retry_at = 0.0
        self._retry_after = _RETRY_FIRST_S
        self.lost = 0

    # -- what the observer calls -------------------------------------------------------------------

    def intend(self, job: Job) -> None:
        """Store the intent to create a job, now or as soon as it goes."""
        with self._lock if self._memory is not None else nullcontext():
            if self._memory is not None:
                self._defer(job)
                self._memory.intend(job)
                return
        if self._waiting:
            self._defer(job)
            return
        try:
            self._ready().intend(job)
        except LedgerBusyError:
            self._defer(job)
        except LedgerUnusableError as error:
            self._broken(error)
            self.intend(job)

    def record(self, seen: Observed) -> Recorded | None:
        """Advance a job; raise `Deferred` when that has to wait for the ledger."""
        with self._lock if self._memory is not None else nullcontext():
            if self._memory is not None:
                self._defer(seen)
                return self._memory.record(seen)
        if not self._waiting:
            try:
                return self._ready().record(seen)
            except LedgerBusyError:
                pass
            except LedgerUnusableError as error:
                self._broken(error)
                return self.record(seen)
        self._defer(seen)
        raise Deferred

    def known(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job as this process saw it last."""
        store = self._memory or self._store
        return store.known(provider, provider_job_id) if store is not None else None

    def find(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job with the provider's id, `None` also while the ledger cannot be read."""
        if self._memory is not None:
            return self._memory.find(provider, provider_job_id)
        try:
            return self._ready().find(provider, provider_job_id)
        except LedgerBusyError:
            return None
        except LedgerUnusableError as error:
            self._broken(error)
            return None

    # -- what the maintenance thread calls ---------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Writes that have not reached the file."""
        return len(self._waiting)

    @property
    def broken(self) -> bool:
        """Whether jobs are kept in memory because the ledger cannot be used."""
        return self._memory is not None

    def open(self) -> None:
        """Open the ledger now; raise what opening it raises."""
        if not self.broken:
            self._ready()

    def retry(self, now_s: float) -> list[tuple[Observed, Recorded]]:
        """Write what waits, in order; return what other than the caller caused events.

        While the ledger is broken an attempt is made after 1 s, 2 s, 4 s ... at most 30 s.
        """
        if not self._waiting or (self._memory is not None and now_s < self._retry_at):
            return []
        signalled = self._memory is not None
        done: list[tuple[Observed, Recorded]] = []
        try:
            while self._waiting:
                write = self._waiting[0]
                recorded = self._apply(write)
                self._waiting.popleft()
                if recorded is not None and isinstance(write, Observed) and not signalled:
                    done.append((write, recorded))
        except LedgerBusyError:
            pass
        except LedgerUnusableError as error:
            self._broken(error)
            self._retry_at = now_s + self._retry_after
            self._retry_after = min(2 * self._retry_after, _RETRY_MOST_S)
            return done
        if signalled and not self._waiting:
            self._mended()
        return done

    def close(self) -> int:
        """Give the files back; return how many writes are lost with this process."""
        for store in (self._store, self._memory):
            if store is not None:
                store.close()
        self._store = self._memory = None
        lost = self.lost + len(self._waiting)
        self._waiting.clear()
        return lost

    def reopen(self, error: LedgerUnusableError) -> None:
        """Treat the ledger as broken, because the file under it was taken away."""
        self._broken(error)

    # -- inside ------------------------------------------------------------------------------------

    def _ready(self) -> Store:
        store = self._store
        if store is None:
            with self._lock:
                store = self._store
                if store is None:
                    store = self._store = self._open_store()
        return store

    def _apply(self, write: Job | Observed) -> Recorded | None:
        if isinstance(write, Job):
            self._ready().intend(write)
            return None
        return self._ready().record(write)

    def _defer(self, write: Job | Observed) -> None:
        if len(self._waiting) >= MOST_WRITES:
            self.lost += 1
            return
        self._waiting.append(write)

    def _broken(self, error: LedgerUnusableError) -> None:
        with self._lock:
            broken, self._store = self._store, None
            first = self._memory is None
            if first:
                self._memory = self._open_memory()
        if broken is not None:
            broken.close()
        if first:
            self._report(
                f"{error}. Your calls go on; jobs are kept in memory and are lost with this "
                "process unless the ledger works again"
            )

    def _mended(self) -> None:
        with self._lock:
            if self._waiting:  # a caller was faster: that write goes first
                return
            memory, self._memory = self._memory, None
        self._retry_after = _RETRY_FIRST_S
        if memory is not None:
            memory.close()
        self._report("the ledger works again; everything kept in memory is written")
