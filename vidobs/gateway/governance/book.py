"""The budgets, in memory: what is held by running jobs and what was spent, in each open window.

What was spent lies in a projection of the ledger; this is the projection as it was read, plus the
jobs that ended since. Every method is one step under one lock, without waiting for anything, so any
number of threads and tasks may reserve at once.
"""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.gateway.governance.durations import Span, Window, window_at
from vidobs.gateway.governance.holders import Holder
from vidobs.gateway.governance.records import Whose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from vidobs.gateway.governance.figures import Figures

_MOST_WINDOWS = 4  # of an account that are kept; older ones are read again if need be


class Spent(Protocol):
    """What the projection of the ledger says. Both raise `StoreError`."""

    def counted(self, job_id: str) -> int:
        """Return what a job came to; 0 for one that had not ended."""
        ...

    def spent(self, whose: Whose, window: Window, without: Collection[str]) -> int:
        """Sum what the jobs of an account that were made in a window came to, but for some."""
        ...


class Claim(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a create wants to hold."""

    job_id: str
    at_ms: int
    nano: int | None  # None: nobody knows the price
    whose: tuple[Whose, ...]  # everybody it counts against
    party: tuple[Holder, ...]  # those of them that may have budgets and limits
    model: str
    model_jobs: int | None = None  # how many of the model may run


class Standing(msgspec.Struct, frozen=True):
    """How a budget stands."""

    window: Window
    held: int
    spent: int


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """Why a claim was refused, and by whose budget or limit."""

    holder: Holder | None = None  # None: the limit is the model's
    standing: Standing | None = None  # None: there are too many running jobs
    unpriced: bool = False  # nobody knows the price


class Passed(msgspec.Struct, frozen=True):
    """A claim took an account to its soft budget."""

    holder: Holder
    standing: Standing  # with the claim


class _Hold(msgspec.Struct, gc=False):
    """One running job."""

    at_ms: int
    nano: int
    whose: tuple[Whose, ...]
    model: str
    busy: bool  # takes a place among running jobs
    new: bool  # was reserved here, so that the projection cannot have counted it yet


class _Ended(msgspec.Struct, gc=False):
    """One job that ended, and that the projection may not have yet."""

    at_ms: int
    nano: int
    whose: tuple[Whose, ...]
    serial: int


class _Tally:
    """One window of one budget."""

    __slots__ = ("end_ms", "held", "spent", "start_ms")

    def __init__(self, window: Window) -> None:
        self.start_ms = window.start_ms
        self.end_ms = window.end_ms
        self.held = 0
        self.spent = 0

    def standing(self, more_nano: int = 0) -> Standing:
        return Standing(Window(self.start_ms, self.end_ms), self.held + more_nano, self.spent)


class Book:
    """Reserves, settles and releases. `deny_unpriced`: a budget refuses what has no price."""

    def __init__(self, source: Spent, *, deny_unpriced: bool = True) -> None:
        self._source = source
        self._deny_unpriced = deny_unpriced
        self._lock = Lock()
        self._holds: dict[str, _Hold] = {}
        self._ended: dict[str, _Ended] = {}
        self._serial = 0
        self._tallies: dict[Whose, list[tuple[Span | None, _Tally]]] = {}
        self._running: Counter[Whose | str] = Counter()  # by account, and by the name of a model

    # -- on a request's way ------------------------------------------------------------------------

    def reserve(self, claim: Claim) -> Shortfall | tuple[Passed, ...]:
        """Hold a quote in every budget and a place for a job, or nothing; return why not.

        Where all went well: the soft budgets that this reached.
        """
        with self._lock:
            if claim.job_id in self._holds:
                return ()
            full = self._full(claim)
            if full is not None:
                return full
            nano = claim.nano or 0
            passed: tuple[Passed, ...] = ()
            for holder in claim.party:
                if holder.max_nano is None and holder.soft_nano is None:
                    continue
                tally = self._tally(holder.whose, holder.span, claim.at_ms)
                sum_nano = tally.held + tally.spent + nano
                if holder.max_nano is not None:
                    unpriced = claim.nano is None and self._deny_unpriced
                    if unpriced or sum_nano > holder.max_nano:
                        return Shortfall(
                            holder=holder, standing=tally.standing(), unpriced=unpriced
                        )
                if holder.soft_nano is not None and sum_nano >= holder.soft_nano:
                    passed += (Passed(holder, tally.standing(nano)),)
            hold = _Hold(claim.at_ms, nano, claim.whose, claim.model, busy=True, new=True)
            self._hold(claim.job_id, hold)
            return passed

    def holds(self, job_id: str, nano: int, busy: bool) -> bool:  # noqa: FBT001 - a comparison
        """Whether a job holds exactly this already, so that there is nothing to `follow`."""
        hold = self._holds.get(job_id)
        return hold is not None and hold.nano == nano and hold.busy is busy

    def give_back(self, job_id: str) -> None:
        """Free what a job holds; nothing was accepted. Later calls do nothing."""
        with self._lock:
            self._free(job_id)

    def follow(self, job: Figures) -> None:
        """Take in how a job stands now: what it holds, or what it came to. Idempotent."""
        with self._lock:
            if not job.final:
                self._renew(job)
                return
            counted = self._counted(job.job_id)
            self._free(job.job_id)
            self._serial += 1
            self._ended[job.job_id] = _Ended(job.at_ms, job.nano, job.whose, self._serial)
            self._spend(job.whose, job.at_ms, job.nano - counted)

    def standing(self, whose: Whose, span: Span | None, at_ms: int) -> Standing:
        """Return how a budget stands in the window of a moment. May read the projection."""
        with self._lock:
            return self._tally(whose, span, at_ms).standing()

    def running(self, whose: Whose) -> int:
        """Return how many jobs of an account have not ended."""
        return self._running[whose]

    # -- what the projection calls -----------------------------------------------------------------

    def ended(self) -> tuple[int, tuple[str, ...]]:
        """Return the jobs that the projection may not have yet, and a mark for `projected`."""
        with self._lock:
            return self._serial, tuple(self._ended)

    def projected(
        self,
        jobs: Iterable[tuple[Figures, int]],
        mark: int,
        commit: Callable[[], None],
    ) -> None:
        """Commit a batch of the projection, and count by it from now on; one step.

        Each job comes with what the projection counted of it before. What was followed after `mark`
        is newer than the batch and stays.
        """
        with self._lock:
            commit()
            for job, counted_before in jobs:
                known = self._ended.get(job.job_id)
                if known is not None and known.serial > mark:
                    continue
                if not job.final:
                    if known is None:
                        self._renew(job)
                    continue
                self._ended.pop(job.job_id, None)
                self._free(job.job_id)
                counted = counted_before if known is None else known.nano
                self._spend(job.whose, job.at_ms, job.nano - counted)

    def unclaimed(self, before_ms: int) -> tuple[str, ...]:
        """Return the jobs that hold something since before a moment."""
        with self._lock:
            return tuple(one for one, hold in self._holds.items() if hold.at_ms < before_ms)

    def reread(self, ended: Sequence[str]) -> None:
        """Forget what was read: another process moved the projection, and has these jobs' ends."""
        with self._lock:
            for job_id in ended:
                self._free(job_id)
                self._ended.pop(job_id, None)
            self._tallies.clear()

    # -- under the lock ----------------------------------------------------------------------------

    def _full(self, claim: Claim) -> Shortfall | None:
        """Return whose running jobs are too many."""
        running = self._running
        if claim.model_jobs is not None and running[claim.model] >= claim.model_jobs:
            return Shortfall()
        for holder in claim.party:
            if holder.jobs is not None and running[holder.whose] >= holder.jobs:
                return Shortfall(holder=holder)
        return None

    def _renew(self, job: Figures) -> None:
        """Let a job that has not ended hold what it may come to now."""
        hold = self._holds.get(job.job_id)
        if hold is None:
            if job.job_id not in self._ended:
                new = _Hold(job.at_ms, job.nano, job.whose, job.model, busy=job.busy, new=False)
                self._hold(job.job_id, new)
            return
        if hold.nano != job.nano:
            self._reserve(hold.whose, hold.at_ms, job.nano - hold.nano)
            hold.nano = job.nano
        if hold.busy and not job.busy:
            hold.busy = False
            self._count(hold, -1)

    def _hold(self, job_id: str, hold: _Hold) -> None:
        self._holds[job_id] = hold
        self._reserve(hold.whose, hold.at_ms, hold.nano)
        if hold.busy:
            self._count(hold, 1)

    def _free(self, job_id: str) -> _Hold | None:
        hold = self._holds.pop(job_id, None)
        if hold is not None:
            self._reserve(hold.whose, hold.at_ms, -hold.nano)
            if hold.busy:
                self._count(hold, -1)
        return hold

    def _count(self, hold: _Hold, jobs: int) -> None:
        names: tuple[Whose | str, ...] = (*hold.whose, hold.model)
        for name in names:
            self._running[name] += jobs
            if not self._running[name]:
                del self._running[name]

    def _reserve(self, whose: tuple[Whose, ...], at_ms: int, nano: int) -> None:
        for one in whose:
            for _, tally in self._tallies.get(one, ()):
                if tally.start_ms <= at_ms < tally.end_ms:
                    tally.held += nano

    def _spend(self, whose: tuple[Whose, ...], at_ms: int, nano: int) -> None:
        for one in whose:
            for _, tally in self._tallies.get(one, ()):
                if tally.start_ms <= at_ms < tally.end_ms:
                    tally.spent += nano

    def _counted(self, job_id: str) -> int:
        """Return what is counted of a job until now."""
        known = self._ended.get(job_id)
        if known is not None:
            return known.nano
        hold = self._holds.get(job_id)
        if hold is not None and hold.new:
            return 0
        return self._source.counted(job_id)

    def _tally(self, whose: Whose, span: Span | None, at_ms: int) -> _Tally:
        """Return the tally of the window that a moment lies in; the first time it is summed up."""
        tallies = self._tallies.setdefault(whose, [])
        for of_span, tally in tallies:
            if tally.start_ms <= at_ms < tally.end_ms and of_span == span:
                return tally
        window = window_at(span, at_ms)
        tally = _Tally(window)
        tally.spent = self._source.spent(whose, window, self._ended)
        for ended in self._ended.values():
            if ended.at_ms in window and whose in ended.whose:
                tally.spent += ended.nano
        for hold in self._holds.values():
            if hold.at_ms in window and whose in hold.whose:
                tally.held += hold.nano
        del tallies[: max(0, len(tallies) + 1 - _MOST_WINDOWS)]
        tallies.append((span, tally))
        return tally
