"""The relay of one exporter: from the outbox to it, at least once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerBusyError, LedgerError
from vidobs.core.scrub import scrub_exception
from vidobs.delivery.retries import FRESH, Verdict, wait_s
from vidobs.delivery.worker import AGAIN, Complaints, Rest, contained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from vidobs.core.events import VideoEvent
    from vidobs.core.protocols import Exporter, Outbox, OutboxRow
    from vidobs.delivery.retries import Plan
    from vidobs.delivery.worker import Report

LEASE = timedelta(seconds=30)
RENEW = LEASE / 2  # renewed when no more than this is left
HUNG = timedelta(minutes=5)  # an export that takes longer loses the lease to whoever wants it
HELD_S = 1.0  # between two looks at a lease that somebody else holds
BUSY_S = 0.25  # before another try on a ledger that another process is writing to
LINGER_S = 1.0  # for which the lease is kept after the last event
CHECK_S = 30.0  # between two looks for what processes left behind that are gone


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
    ) -> None:
        self.name = exporter.name
        self.delivered = 0  # events
        self.failed = 0  # batches
        self.buried = 0  # events
        self._exporter = exporter
        self._outbox = outbox
        self._now = now
        self._report = report
        self._quiet = quiet
        self._chance = chance
        self._forget(owner)

    def _forget(self, owner: str) -> None:
        self._owner = owner
        self._leasing = threading.Lock()
        self._complaints = Complaints(f"exporter {self.name}", self._report)
        self._cursor = 0
        self._leased_until: datetime | None = None
        self._unsaved: int | None = None  # delivered up to here, which the outbox does not know yet
        self._plan: Plan = FRESH
        self._exporting_since: datetime | None = None
        self._resting: tuple[datetime, Rest] | None = None
        self._lingered = False

    def after_fork(self, owner: str) -> None:
        """Start over as another owner; the parent process keeps its lease."""
        self._forget(owner)

    def step(self, now: datetime) -> Rest:
        """Try one batch; return how long to rest before the next step.

        Raises:
            LedgerError: the outbox cannot be used.
        """
        try:
            return self._rest(now) or self._turn(now)
        except LedgerBusyError:
            return Rest(BUSY_S, idle=False)
        except LedgerError:
            # The file may come back as a new one, to which this cursor means nothing.
            self._leased_until = self._unsaved = None
            raise

    def renew(self, now: datetime) -> None:
        """Keep the lease during a long export."""
        with self._leasing:
            since = self._exporting_since
            if since is not None and now - since <= HUNG and not self._leased(now, RENEW):
                self._lease(now)

    def close(self) -> None:
        """Give back the lease, then close the exporter."""
        try:
            self._release()
        finally:
            self._exporter.close()

    def _turn(self, now: datetime) -> Rest:
        if not self._claim(now):
            return self._take_rest(Rest(HELD_S), now)  # the holder may deliver everything
        rows = self._outbox.read(self._cursor, self._plan.size)
        if not rows:
            return self._linger()
        self._lingered = False
        mine = [row for row in rows if self.name in row.route.split(",")]
        if mine:
            error = self._export([row.event for row in mine], now)
            if error is not None:
                return self._failed(error, mine)
            self.delivered += len(mine)
            self._complaints.well()
        self._advance(rows[-1].seq, events=len(mine))
        return AGAIN

    def _now_idle(self, rest: Rest) -> Rest:
        return Rest(rest.seconds, idle=rest.idle and self._outbox.behind(self.name) == 0)

    def _rest(self, now: datetime) -> Rest | None:
        """What remains of a rest that waking does not end."""
        if self._resting is None:
            return None
        until, rest = self._resting
        remaining = (until - now).total_seconds()
        length = rest.seconds or 0.0
        if remaining > length:  # the clock was put back
            return self._take_rest(rest, now)
        if remaining > 0:
            return self._now_idle(Rest(remaining, idle=rest.idle))
        self._resting = None
        return None

    def _take_rest(self, rest: Rest, now: datetime) -> Rest:
        self._resting = now + timedelta(seconds=rest.seconds or 0.0), rest
        return self._now_idle(rest)

    def _leased(self, now: datetime, margin: timedelta = timedelta(0)) -> bool:
        """Whether the lease lasts for longer than the margin, on a clock that did not jump."""
        return self._leased_until is not None and margin < self._leased_until - now <= LEASE

    def _claim(self, now: datetime) -> bool:
        """Hold the lease and know the cursor."""
        with self._leasing:
            if not self._leased(now, RENEW) and not self._lease(now):
                return False
        if self._unsaved is not None:
            self._advance(self._unsaved)
        return True

    def _lease(self, now: datetime) -> bool:
        standing = self._outbox.lease(self.name, self._owner, now + LEASE, now)
        if standing is None:
            self._leased_until = None
            return False
        self._leased_until = now + LEASE
        cursor = standing.cursor
        if cursor != self._cursor:
            if self._unsaved is not None and cursor >= self._unsaved:
                self._unsaved = None
            self._cursor = cursor
            self._plan = FRESH
        return True

    def _release(self) -> None:
        with self._leasing:
            if self._leased_until is not None:
                self._outbox.release(self.name, self._owner)
            self._leased_until = None

    def _linger(self) -> Rest:
        """Keep the lease for a moment, since events come in flocks; then let others have it."""
        if self._lingered:
            self._lingered = False
            self._release()
            return Rest(CHECK_S)
        self._lingered = True
        return Rest(LINGER_S)

    def _export(self, batch: Sequence[VideoEvent], now: datetime) -> BaseException | None:
        self._exporting_since = now
        error = contained(self._export_quietly, batch)
        self._exporting_since = None
        return error

    def _export_quietly(self, batch: Sequence[VideoEvent]) -> None:
        with self._quiet():
            self._exporter.export(batch)

    def _failed(self, error: BaseException, rows: Sequence[OutboxRow]) -> Rest:
        self.failed += 1
        self._complaints.say(error)
        self._plan, verdict = self._plan.failed(error, [row.seq for row in rows])
        if verdict is Verdict.BURY:
            self._outbox.bury(self.name, rows[0], scrub_exception(error), self._now())
            self.buried += 1
            self._advance(rows[0].seq)
            return AGAIN
        if verdict is Verdict.SPLIT:
            return AGAIN
        wait = wait_s(self._plan.failures, error, self._chance())
        return self._take_rest(Rest(wait, idle=False), self._now())

    def _advance(self, seq: int, *, events: int = 0) -> None:
        seq = max(seq, self._cursor)  # somebody else may have come further during a long export
        self._unsaved = seq
        self._outbox.delivered(self.name, self._owner, seq, events=events, now=self._now())
        self._cursor, self._unsaved = seq, None
        self._plan = self._plan.moved(seq)
