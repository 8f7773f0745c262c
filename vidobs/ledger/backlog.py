"""A ledger that never stops the caller: what cannot be written now is kept and tried again.

A busy file holds writes back for moments. One that stays busy, or is broken (full, read-only,
corrupt, gone), is replaced by a ledger in memory, so that traces, logs and callbacks go on, while
every write is kept in order for the day the file works again; only the end of the process loses
them, and that is counted.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerBusyError, LedgerError, LedgerUnusableError
from vidobs.core.jobs import Job
from vidobs.core.protocols import Observed, Recorded
from vidobs.ledger.rows import NotTogetherError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.ledger.finder import Stranger
    from vidobs.ledger.store import Store

MOST_WRITES = 50_000
PATIENCE_S = 1.0  # for which a busy ledger is waited for before memory stands in
RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0
BUSY_S = 0.05


class Deferred(Exception):  # noqa: N818 - not an error: the write is kept and comes later
    """The write is in the backlog; its events come when it goes through."""


class Backlog:
    """Writes to `open_store()`'s ledger in order, through contention and outages. Thread-safe.

    `report(message)` is told once when the ledger breaks and once when it works again, `wake()`
    whenever there is something to `retry`.
    """

    def __init__(
        self,
        open_store: Callable[[], Store],
        open_memory: Callable[[], Store],
        report: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        self._open_store = open_store
        self._open_memory = open_memory
        self._report = report
        self._wake = wake
        self._store: Store | None = None
        self._memory: Store | None = None
        self._waiting: deque[Job | Observed] = deque()
        self._untold: list[tuple[Observed, Recorded]] = []  # happened in memory, nobody was told
        self.opening = Lock()  # held while the store is being opened
        self._lock = Lock()  # the memory, and the order of what waits
        self._retrying = Lock()
        self._busy_since: float | None = None
        self._retry_at = 0.0
        self._retry_after = RETRY_FIRST_S
        self.lost = 0

    # -- what the observer calls -------------------------------------------------------------------

    def intend(self, job: Job) -> None:
        """Store the intent to create a job, now or as soon as it goes."""
        if self._straight:
            store = None
            try:
                store = self._ready()
                store.intend(job)
            except LedgerBusyError:
                pass
            except LedgerUnusableError as error:
                self.broke(store, error)
            else:
                return
        with self._lock:
            if self._memory is not None:
                self._memory.intend(job)
            self._defer(job)
        self._wake()

    def record(self, seen: Observed) -> Recorded | None:
        """Advance a job; raise `Deferred` when that has to wait for the ledger."""
        if self._straight:
            store = None
            try:
                store = self._ready()
                return store.record(seen)
            except LedgerBusyError:
                pass
            except LedgerUnusableError as error:
                self.broke(store, error)
        with self._lock:
            if self._memory is not None:
                recorded = self._memory.record(seen)
                self._defer(seen)
                return recorded
            self._defer(seen)
        self._wake()
        raise Deferred

    def write_together(self, writes: Sequence[Job | Observed]) -> list[Recorded | None]:
        """Do what `intend` and `record` do with each, in one transaction where that goes.

        What has to wait for the ledger gives `None`.
        """
        if self._straight:
            store = None
            try:
                store = self._ready()
                return store.write_together(writes)
            except (LedgerBusyError, NotTogetherError):
                pass
            except LedgerUnusableError as error:
                self.broke(store, error)
        return [self._write(write) for write in writes]

    def known(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job as this process saw it last."""
        store = self._memory or self._store
        return store.known(provider, provider_job_id) if store is not None else None

    def find(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job with the provider's id, `None` also while nobody can say."""
        try:
            return self.find_out(provider, provider_job_id)
        except LedgerBusyError:
            return None

    def find_out(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job with the provider's id, `None` when there is none.

        Raises:
            LedgerBusyError: nobody can say yet: the ledger cannot be read, or the create of the job
                may be among the writes that wait for it.
        """
        unsure = self._memory is None and bool(self._waiting)  # before the file is asked
        job = self._ask(lambda store: store.find(provider, provider_job_id))
        if job is None and unsure:
            raise LedgerBusyError(f"{self.waiting} writes wait for the ledger")
        return job

    def unanswered(self, like: Stranger) -> Job | None:
        """Return the create of unknown outcome that a job seen at the provider may come from."""
        try:
            return self._ask(lambda store: store.unanswered(like))
        except LedgerBusyError:
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
        if not self._retrying.acquire(blocking=False):
            return []
        try:
            done = self._try_again(now_s)
        finally:
            self._retrying.release()
        with self._lock:
            untold, self._untold = self._untold, []
        return untold + done

    def hurry(self) -> None:
        """Let the next `retry` be made at once."""
        self._retry_at = 0.0

    def close(self) -> int:
        """Give the files back; return how many writes are lost with this process."""
        for store in (self._store, self._memory):
            if store is not None:
                store.close()
        self._store = self._memory = None
        lost = self.lost + len(self._waiting)
        self._waiting.clear()
        return lost

    def broke(self, store: Store | None, error: LedgerError) -> None:
        """Give a store up (`None`: it could not be opened), unless there is another one by now."""
        with self.opening:
            current = self._store is store
            if current:
                self._store = None
        if store is not None:
            store.abandon()
        if current:
            self._stand_in(error)

    def rest_s(self, now_s: float) -> float | None:
        """Return in how many seconds to `retry`; `None`: not before something happens."""
        if self._memory is not None:
            return max(self._retry_at - now_s, BUSY_S)
        return BUSY_S if self._waiting else None

    # -- inside ------------------------------------------------------------------------------------

    def _write(self, write: Job | Observed) -> Recorded | None:
        if isinstance(write, Job):
            self.intend(write)
            return None
        try:
            return self.record(write)
        except Deferred:
            return None

    @property
    def _straight(self) -> bool:
        """Whether a write goes to the file at once: nothing is before it in the order."""
        return self._memory is None and not self._waiting

    def _ready(self) -> Store:
        store = self._store
        if store is None:
            with self.opening:
                store = self._store
                if store is None:
                    store = self._store = self._open_store()
        return store

    def _ask(self, question: Callable[[Store], Job | None]) -> Job | None:
        """Ask the ledger, or what stands in for it; raise `LedgerBusyError` when that must wait."""
        if self._memory is None:
            if self._store is None and self._waiting:
                raise LedgerBusyError("the ledger could not be opened a moment ago")
            store = None
            try:
                store = self._ready()
                return question(store)
            except LedgerUnusableError as error:
                self.broke(store, error)
        with self._lock:
            return question(self._memory) if self._memory is not None else None

    def _try_again(self, now_s: float) -> list[tuple[Observed, Recorded]]:
        if self._straight or (self._memory is not None and now_s < self._retry_at):
            return []
        done: list[tuple[Observed, Recorded]] = []
        store = None
        try:
            store = self._ready()
            while self._waiting:
                write = self._waiting[0]
                recorded = self._apply(store, write)
                told = self._written()
                if recorded is not None and isinstance(write, Observed) and not told:
                    done.append((write, recorded))
        except LedgerBusyError as error:
            self._still_busy(error, now_s)
        except LedgerUnusableError as error:
            self.broke(store, error)
            self._put_off(now_s)
        else:
            self._mended()
        return done

    def _apply(self, store: Store, write: Job | Observed) -> Recorded | None:
        try:
            if isinstance(write, Job):
                store.intend(write)
                return None
            return store.record(write)
        except LedgerError:
            raise
        except BaseException:  # it can never be written; what is behind it can
            self._written()
            self.lost += 1
            raise

    def _written(self) -> bool:
        """Take off the first write; tell whether memory has told of it already."""
        with self._lock:
            self._waiting.popleft()
            self._busy_since = None
            self._retry_after = RETRY_FIRST_S
            return self._memory is not None

    def _defer(self, write: Job | Observed) -> None:
        if len(self._waiting) < MOST_WRITES:
            self._waiting.append(write)
            return
        self.lost += 1
        if self.lost == 1:
            self._report(f"{MOST_WRITES} writes wait for the ledger; from now on writes are lost")

    def _still_busy(self, error: LedgerBusyError, now_s: float) -> None:
        """Let memory stand in for a ledger that somebody has locked and does not let go."""
        if self._busy_since is None:
            self._busy_since = now_s
        elif now_s - self._busy_since >= PATIENCE_S:
            self._stand_in(error)
            self._put_off(now_s)

    def _put_off(self, now_s: float) -> None:
        self._retry_at = now_s + self._retry_after
        self._retry_after = min(2 * self._retry_after, RETRY_MOST_S)

    def _stand_in(self, error: LedgerError) -> None:
        """Go on in memory, with what waits already; it still waits for the file as well."""
        with self._lock:
            if self._memory is not None:
                return
            memory = self._open_memory()
            for write in self._waiting:
                if isinstance(write, Job):
                    memory.intend(write)
                    continue
                recorded = memory.record(write)
                if recorded is not None:
                    self._untold.append((write, recorded))
            self._memory = memory
        self._wake()
        self._report(
            f"{error}. Your calls go on; jobs are kept in memory and are lost with this "
            "process unless the ledger works again"
        )

    def _mended(self) -> None:
        with self._lock:
            if self._waiting or self._memory is None:  # a caller was faster: that write goes first
                return
            memory, self._memory = self._memory, None
            self._retry_after = RETRY_FIRST_S
        memory.close()
        self._report("the ledger works again; everything kept in memory is written")
