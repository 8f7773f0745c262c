"""The relay of one exporter: from the outbox to it, at least once."""

from __future__ import annotations

import math
import time
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ExportError, LedgerBusyError, LedgerError
from vidobs.core.protocols import BreakerState
from vidobs.core.scrub import scrub_exception
from vidobs.delivery import breaker
from vidobs.delivery.batches import Asked, Batch, Behind, Source
from vidobs.delivery.drains import Drain
from vidobs.delivery.leases import Lease
from vidobs.delivery.listening import Nobody, Teller
from vidobs.delivery.rests import Rests
from vidobs.delivery.retries import BATCH, MOST, Verdict, wait_s
from vidobs.delivery.worker import AGAIN, Complaints, Rest, contained

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from vidobs.core.protocols import Exporter, Outbox, RelayListener
    from vidobs.delivery.worker import Report

HELD_S = 1.0  # between two looks at an exporter that somebody else holds
BUSY_S = 0.25  # before another try on a ledger that another process is writing to
GATHER = Rest(0.05)  # after the last event there was: one batch of many costs less than many
LINGER_S = 1.0  # for which an exporter is held after nothing came meanwhile
CHECK_S = 30.0  # between two looks at what other processes did or left behind
KEPT_S = 1.0  # an exporter that rests for longer is not held meanwhile
GLANCE = timedelta(seconds=5)  # so long it is enough to glance at the rows, without any lease


_NO_TIME = timedelta(0)
_DOWN = (BreakerState.OPEN, BreakerState.HALF_OPEN)


class Try(msgspec.Struct, frozen=True):
    """A batch on its way: where it is from, and whether anybody would have tried just now."""

    source: Source
    batch: Batch
    last: bool  # there was nothing else to deliver, neither here nor there
    state: BreakerState  # before the try
    forced: bool


class RelayWorker:
    """Takes events from the outbox to one exporter.

    `step` does one piece of work and never waits, but for the exporter. It is called by one
    thread; `renew` may be called by another.
    """

    def __init__(
        self,
        exporter: Exporter,
        *,
        outbox: Outbox,
        now: Callable[[], datetime],
        owner: str,
        report: Report,
        quiet: Callable[[], AbstractContextManager[object]],
        chance: Callable[[], float],
        watch_s: float = CHECK_S,
        tell: RelayListener | None = None,
    ) -> None:
        self.name = exporter.name
        self.delivered = 0  # events
        self.failed = 0  # batches
        self.buried = 0  # events
        self._exporter = exporter
        self._most = most_of(exporter)
        self._outbox = outbox
        self._now = now
        self._report = report
        self._quiet = quiet
        self._chance = chance
        self._watch_s = watch_s
        self._tell = Teller(self.name, tell or Nobody(), report)
        self._drain: Drain | None = None
        self._forget(owner)

    def _forget(self, owner: str) -> None:
        self._complaints = Complaints(f"exporter {self.name}", self._report)
        self._lease = lease = Lease(self.name, self._outbox, owner)
        self._sources: deque[Source] = deque(
            [Asked(self.name, self._outbox, lease), Behind(self.name, self._outbox, lease)]
        )
        self._rests = Rests(partial(self._outbox.behind, self.name))
        self._lingered = True
        self._looked: datetime | None = None  # when the lease was last asked for

    def after_fork(self, owner: str) -> None:
        """Start over as another owner; the parent process keeps its lease."""
        self._forget(owner)

    def step(self, now: datetime) -> Rest:
        """Try one batch; return how long to rest before the next step.

        Raises:
            LedgerError: the outbox cannot be used.
        """
        try:
            rest = self._rests.left(now) if self._heeds_rests else None
            return rest or self._turn(now)
        except LedgerBusyError:
            return Rest(BUSY_S, idle=False)
        except LedgerError:
            # The file may come back as a new one, to which nothing that is known applies.
            self._lease.forget()
            self._looked = None
            raise

    def renew(self, now: datetime) -> None:
        """Keep the lease during a long export."""
        self._lease.renew(now)

    def begin_drain(self) -> None:
        """From now on heed neither rests nor switches, until a try fails."""
        self._drain = Drain()

    def end_drain(self) -> None:
        """Go on as usual."""
        self._drain = None

    def close(self) -> None:
        """Give back the lease, then close the exporter."""
        try:
            self._lease.release()
        finally:
            self._exporter.close()

    # -- one turn ----------------------------------------------------------------------------------

    def _turn(self, now: datetime) -> Rest:
        if self._sees_nothing(now):
            return Rest(self._watch_s)
        self._looked = now
        if not self._lease.hold(now):
            return self._held(now)
        standing = self._lease.standing
        state = breaker.state_now(standing, now)
        self._tell.breaker(state)
        wait = breaker.rest_of(standing, now)
        if wait > 0 and self._heeds_rests:
            return self._leave(wait, now)
        found = self._next(self._most if state is BreakerState.CLOSED else 1)
        if found is None:
            return self._linger()
        self._lingered = False
        return self._deliver(Try(*found, state, forced=wait > 0), now)

    def _next(self, most: int) -> tuple[Source, Batch, bool] | None:
        """Take a batch: in turns, so that neither kind of events keeps the other waiting.

        With it comes whether there was nothing else.
        """
        others = len(self._sources)
        while others:
            others -= 1
            source = self._sources[0]
            self._sources.rotate()
            batch = source.take(most)
            if batch is not None:
                return source, batch, batch.last and not others
        return None

    def _deliver(self, what: Try, now: datetime) -> Rest:
        source, batch = what.source, what.batch
        after = GATHER if what.last else AGAIN
        if not batch.rows:
            source.arrived(batch, 0, now)
            return after
        started = time.perf_counter()
        error = self._export(batch, now)
        seconds = time.perf_counter() - started
        arrived = len(batch.rows) if error is None else arrived_of(error, len(batch.rows))
        if arrived:
            self._note_arrived(arrived, seconds, what.state)
            batch = source.arrived(batch, arrived, self._now())
        if error is None:
            self._complaints.well()
            return after
        self._note_failed(error, seconds)
        return self._failed(error, what, batch) if batch.rows else AGAIN

    def _export(self, batch: Batch, now: datetime) -> BaseException | None:
        with self._lease.exporting(now):
            return contained(self._export_quietly, batch)

    def _export_quietly(self, batch: Batch) -> None:
        with self._quiet():
            self._exporter.export([row.event for row in batch.rows])

    def _note_arrived(self, events: int, seconds: float, state: BreakerState) -> None:
        self.delivered += events
        self._tell.delivered(events, seconds)
        if state in _DOWN:
            self._tell.recovered()

    def _note_failed(self, error: BaseException, seconds: float) -> None:
        self.failed += 1
        self._complaints.say(error)
        self._tell.failed(error, seconds)

    # -- what was not taken ------------------------------------------------------------------------

    def _failed(self, error: BaseException, what: Try, rest: Batch) -> Rest:
        now = self._now()
        if isinstance(error, ExportError) and error.gone:
            return self._gone(error, now)
        verdict = what.source.failed(error, rest)
        if verdict is Verdict.BURY:
            what.source.bury(rest, error, now)
            self.buried += 1
            self._tell.buried()
            return AGAIN
        if verdict is Verdict.SPLIT:
            failures = self._lease.standing.failures
            self._lease.failed(scrub_exception(error), failures=failures, retry_at=now, now=now)
            return AGAIN
        return self._back_off(error, now, forced=what.forced)

    def _back_off(self, error: BaseException, now: datetime, *, forced: bool) -> Rest:
        """Leave the exporter alone for a while, and let every process know."""
        failures = self._lease.standing.failures + 1
        wait = wait_s(failures, error, self._chance())
        retry_at, text = now + timedelta(seconds=wait), scrub_exception(error)
        if failures == breaker.OPENS_AFTER:
            self._tell.down(failures, text, retry_at)
        if self._drain is not None:
            self._drain.failed(hopeless=forced or failures >= breaker.OPENS_AFTER)
        self._lease.failed(text, failures=failures, retry_at=retry_at, now=now)
        self._tell.breaker(breaker.state_now(self._lease.standing, now))
        return self._leave(wait, now)

    def _gone(self, error: ExportError, now: datetime) -> Rest:
        """Switch the exporter off, for every process and until somebody enables it."""
        reason = scrub_exception(error)
        self._tell.down(self._lease.standing.failures + 1, reason, None)
        if self._drain is not None:
            self._drain.failed(hopeless=True)
        self._lease.disable(reason, now)
        self._tell.breaker(BreakerState.DISABLED)
        return self._leave(math.inf, now)

    # -- rests -------------------------------------------------------------------------------------

    def _leave(self, wait: float, now: datetime) -> Rest:
        """Rest before the next try, and let others have the exporter when that takes long."""
        if wait > KEPT_S:
            self._lease.release()
        futile_s = math.inf if self._drain is not None and self._drain.done else wait
        return self._rests.take(Rest(min(wait, CHECK_S), idle=False, futile_s=futile_s), now)

    def _held(self, now: datetime) -> Rest:
        """Wait for somebody else, who may deliver everything."""
        if self._drain is None:
            return self._rests.take(Rest(HELD_S), now)
        self._drain.watch(self._outbox.behind(self.name), now)
        return self._rests.take(Rest(HELD_S, futile_s=math.inf if self._drain.done else 0.0), now)

    def _linger(self) -> Rest:
        """Keep the lease for a moment, since events come in flocks; then let others have it."""
        if self._lingered:
            self._lease.release()
            return Rest(self._watch_s)
        self._lingered = True
        return Rest(LINGER_S)

    def _sees_nothing(self, now: datetime) -> bool:
        """Whether a glance at the rows shows that there is nothing to do, as it mostly does.

        It costs no write, but now and then the cursor has to be asked for: the ledger may have been
        replaced by another one.
        """
        if self._drain is not None or self._looked is None or self._lease.lasts(now):
            return False
        if not _NO_TIME <= now - self._looked < GLANCE:
            return False
        cursor = self._lease.standing.cursor
        return not (self._outbox.read(cursor, 1) or self._outbox.asked_again(self.name, 1))

    @property
    def _heeds_rests(self) -> bool:
        return self._drain is None or self._drain.heeds


def most_of(exporter: Exporter) -> int:
    """Return how many events an exporter takes at once: what it says, and never more than 128."""
    return max(1, min(MOST, int(getattr(exporter, "max_batch", BATCH))))


def arrived_of(error: BaseException, sent: int) -> int:
    """Return how many of the events sent did arrive, in spite of an error."""
    return max(0, min(sent, error.delivered)) if isinstance(error, ExportError) else 0
