"""Keeps a cache fresh: finds the ledger, follows it in a thread, and says what changed."""

from __future__ import annotations

import time
from collections import deque
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING

import apsw

from vidobs._guard import Guard
from vidobs.core.errors import LedgerBusyError, LedgerError, LedgerMissingError
from vidobs.dashboard.index import following
from vidobs.dashboard.index.answers import Progress, SourceState
from vidobs.dashboard.index.cache import Cache, Claim, discard
from vidobs.dashboard.index.following import Follower, StaleError
from vidobs.dashboard.index.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOK_S = 0.2  # how often the ledger is looked at
CLEAN_S = 5.0
CLEAN_SHARE = 50  # times as long as cleaning took, at least, until the next time
RECHECK_S = 6 * 3600.0
CALM_S = 0.05  # between the parts of a look at everything, for nobody waits for it
_PAUSE_S = 1.0  # after something went wrong
_LEAP = 10_000  # above the versions that were told of and not kept, before the process ended
_REMEMBERED = 5000  # changes of jobs
_FAULT = "the dashboard's index failed inside and is not up to date; its log says where"
BROKEN = (apsw.NotADBError, apsw.CorruptError)
NO_ROOM = (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError)


class Changes:
    """The last changes by version; threads may wait for the next."""

    def __init__(self, version: int) -> None:
        self.version = version
        self._oldest = version  # what came before is not known any more
        self._known: deque[tuple[int, int]] = deque()  # version, place
        self._changed = Condition()

    def add(self, version: int, places: tuple[int, ...] | None) -> None:
        """Remember what a version changed; `None` is anything."""
        with self._changed:
            if places is None or len(places) > _REMEMBERED:
                self._known.clear()
                self._oldest = version
            else:
                self._known.extend((version, place) for place in places)
            while len(self._known) > _REMEMBERED:
                self._oldest, _ = self._known.popleft()
            self.version = version
            self._changed.notify_all()

    def since(self, version: int, limit: int) -> tuple[int, ...]:
        """Return what changed after a version; nothing where that cannot be said."""
        with self._changed:
            if version < self._oldest:
                return ()
            found = dict.fromkeys(place for at, place in self._known if at > version)
        return tuple(found) if len(found) <= limit else ()

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait for a version after this one; return the one there is then."""
        with self._changed:
            self._changed.wait_for(lambda: self.version > version, timeout_s)
            return self.version


class Keeper:
    """The one who writes the cache, in a thread of its own or in the caller's."""

    def __init__(self, ledger: str, folder: Path | None) -> None:
        """Open the cache, and make sure that it is of the ledger that lies there now."""
        self.guard = Guard()
        self._source = Source(ledger)
        self._claim, self.cache = _claimed(ledger, folder)
        self._lock = Lock()  # around everything that writes
        self._stop = Event()
        self._thread: Thread | None = None
        self._broken = False
        self._total = 0
        self._changed: tuple[int, ...] | None = ()
        self._told: tuple[SourceState, str | None, bool] = (SourceState.MISSING, None, False)
        self._clean_due = self._recheck_due = 0.0
        self._follower = self._followed()
        self.counted = self._follower.counted
        self._follower.version += _LEAP
        self.changes = Changes(self._follower.version)
        self.progress = Progress(source=SourceState.MISSING)
        with self._lock:
            self._guarded(self._find)

    def start(self) -> None:
        """Follow in a thread, until `close`."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="vidobs-dashboard-index", daemon=True)
            self._thread.start()

    def catch_up(self) -> None:
        """Do everything there is to do, in the caller's thread."""
        while self.step():
            pass
        with self._lock:
            self._clean()

    def step(self) -> bool:
        """Do a small part of it; return whether there is more to do at once."""
        with self._lock:
            return self._guarded(self._step)

    def recheck(self) -> None:
        """Compare everything with the ledger, as is done every few hours."""
        self._recheck_due = 0.0

    def broke(self) -> None:
        """Have the cache thrown away: somebody could not read it."""
        self._broken = True

    def close(self) -> None:
        """Stop, and give the files back."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._source.close()
            self.cache.close()
            self._claim.close()

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            rest = self.guard.run("dashboard", self._turn)
            if rest is None:
                self.guard.run("dashboard", self._fault)
            self._stop.wait(_PAUSE_S if rest is None else rest)

    def _turn(self) -> float:
        """Do one step; return how long to rest."""
        with self._lock:
            if self._guarded(self._step):
                return CALM_S if self._follower.built and self._follower.checking else 0.0
            started = time.monotonic()
            if started >= self._clean_due:
                self._clean()
                taken = time.monotonic() - started
                self._clean_due = started + max(CLEAN_S, CLEAN_SHARE * taken)
        return LOOK_S

    def _clean(self) -> None:
        try:
            self._follower.clean()
        except BROKEN:
            self._broken = True
        except NO_ROOM:
            pass  # it stays to be done

    def _fault(self) -> None:
        """Say that a fault of ours keeps the answers from being those of now."""
        with self._lock:
            self._follower = Follower(self.cache, self._source)  # without what was rolled back
            self._follower.version = self.changes.version
            self._changed = ()
            self._say(self.progress.source, _FAULT)
            self._tell()

    def _guarded(self, work: Callable[[], bool]) -> bool:
        """Do something that may fail for reasons outside; return whether there is more to do."""
        state, problem, more = SourceState.READY, None, False
        self._changed = ()
        try:
            more = work()
        except LedgerMissingError:
            state = SourceState.MISSING
            self._forget()
        except LedgerBusyError as error:
            state, problem = SourceState.BUSY, str(error)
        except LedgerError as error:
            state, problem = SourceState.UNUSABLE, str(error)
        except StaleError:
            self._reset()
            more = True
        except BROKEN:
            self._reset()
        except NO_ROOM as error:
            problem = f"the dashboard's cache {self.cache.path} cannot be written ({error})"
            self._follower = Follower(self.cache, self._source)  # without what was rolled back
            self._follower.version = self.changes.version
        self._say(state, problem)
        self._tell()
        return more

    def _step(self) -> bool:
        if self._broken:
            self._broken = False
            self._reset()
        self._find()
        follower = self._follower
        was_built = follower.built
        if was_built and time.monotonic() >= self._recheck_due:
            follower.recheck()
            self._recheck_due = time.monotonic() + RECHECK_S
        stepped = follower.step()
        if not was_built and follower.built:
            self._recheck_due = time.monotonic() + RECHECK_S
        self._changed = stepped.places
        return stepped.more

    def _find(self) -> bool:
        """Open the ledger; begin anew where it is not the one that the cache is of."""
        identity = self._source.open()
        if self.cache.note(following.IDENTITY) != identity:
            if self.cache.note(following.IDENTITY) is not None:
                self._reset()
            self._follower.begin(identity)
            self._total = self._source.jobs()
        return False

    def _forget(self) -> None:
        """Be empty, because there is no ledger."""
        self._source.close()
        if self.cache.note(following.IDENTITY) is not None:
            self._reset()

    def _followed(self) -> Follower:
        """Begin with what the cache has, or with nothing where that cannot be read."""
        try:
            return Follower(self.cache, self._source)
        except BROKEN:
            self._empty()
            return Follower(self.cache, self._source)

    def _empty(self) -> None:
        self.cache.close()
        discard(self.cache.path)
        self.cache = Cache(self.cache.path)

    def _reset(self) -> None:
        """Throw everything away."""
        self._empty()
        self._follower = Follower(self.cache, self._source)
        self._follower.version = self.changes.version + 1  # it never falls
        self._changed = None

    def _say(self, state: SourceState, problem: str | None) -> None:
        follower = self._follower
        self.counted = follower.counted
        ready = state is SourceState.READY and problem is None
        self.progress = Progress(
            source=state,
            problem=problem,
            jobs=follower.jobs,
            total=max(follower.jobs, 0 if follower.built else self._total),
            built=follower.built,
            behind=self._behind() if ready else self.progress.behind,
            version=follower.version,
            shared=self._claim.shared,
        )

    def _tell(self) -> None:
        """Say what changed, after the answers and the progress are those of now."""
        standing = self.progress.source, self.progress.problem, self.progress.built
        if standing != self._told:
            self._told, self._changed = standing, None
            if self._follower.version == self.changes.version:
                self._follower.version += 1
        if self._changed is None or self._changed:
            self.changes.add(self._follower.version, self._changed)

    def _behind(self) -> int:
        try:
            return self._follower.behind
        except LedgerError:
            return self.progress.behind


def _claimed(ledger: str, folder: Path | None) -> tuple[Claim, Cache]:
    """Return a place for the cache, and the cache that is there; one of its own where need be."""
    claim = Claim(ledger, folder)
    try:
        return claim, Cache(claim.path)
    except (apsw.Error, OSError):
        claim.close()
        claim = Claim.alone()
        return claim, Cache(claim.path)
