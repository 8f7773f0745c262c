"""The claim of one process on one exporter: who holds it delivers, and nobody else."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.protocols import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vidobs.core.protocols import Outbox

LEASE = timedelta(seconds=30)
RENEW = LEASE / 2  # renewed when no more than this is left
HUNG = timedelta(minutes=5)  # an export that takes longer loses the lease to whoever wants it
_NO_TIME = timedelta(0)


class Lease:
    """Holds an exporter, knows how it stands, and writes down what becomes of its events.

    What cannot be written because the ledger is busy is written at the next `hold`, before anything
    else happens: nothing is exported twice for that. One thread uses it; `renew` may be called by
    another.
    """

    def __init__(self, exporter: str, outbox: Outbox, owner: str) -> None:
        self.standing = Standing(0)  # as of the last `hold`, and of what was written since
        self._exporter = exporter
        self._outbox = outbox
        self._owner = owner
        self._lock = threading.Lock()
        self._until: datetime | None = None
        self._exporting_since: datetime | None = None
        self._owed: deque[Callable[[], None]] = deque()

    def lasts(self, now: datetime, margin: timedelta = _NO_TIME) -> bool:
        """Whether it lasts for longer than the margin, on a clock that did not jump."""
        return self._until is not None and margin < self._until - now <= LEASE

    def hold(self, now: datetime) -> bool:
        """Claim the exporter, unless it lasts for a while still; say whether it is held.

        Raises:
            LedgerError: the outbox cannot be used, or not now.
        """
        with self._lock:
            if not self.lasts(now, RENEW) and not self._claim(now):
                return False
        self._pay()
        return True

    @contextmanager
    def exporting(self, now: datetime) -> Iterator[None]:
        """Let `renew` keep it while the body runs."""
        self._exporting_since = now
        try:
            yield
        finally:
            with self._lock:  # a claim in another thread is through, or will not begin
                self._exporting_since = None

    def renew(self, now: datetime) -> None:
        """Prolong it during a long export."""
        with self._lock:
            since = self._exporting_since
            if since is None:
                return
            if now < since:  # the clock was put back
                self._exporting_since = since = now
            if now - since <= HUNG and not self.lasts(now, RENEW):
                self._claim(now)

    def release(self) -> None:
        """Give it back, unless something is still to be written."""
        if self._owed:
            return
        with self._lock:
            if self._until is not None:
                self._outbox.release(self._exporter, self._owner)
            self._until = None

    def forget(self) -> None:
        """Know nothing any more: the outbox broke, and may come back as another one."""
        self._owed.clear()
        self._until = None
        self.standing = Standing(0)

    def advance(self, seq: int, *, events: int, now: datetime) -> None:
        """Move the cursor; `events` were delivered on the way."""
        self._owe(partial(self._advance, seq, events, now))

    def redelivered(self, places: Sequence[int], *, events: int, now: datetime) -> None:
        """Forget that somebody asked for some events; `events` of them were delivered."""
        self._owe(partial(self._redelivered, places, events, now))

    def failed(self, error: str, *, failures: int, retry_at: datetime, now: datetime) -> None:
        """Note a failure for all processes."""
        self._owe(partial(self._failed, error, failures, retry_at, now))

    def disable(self, reason: str, now: datetime) -> None:
        """Switch the exporter off for all processes."""
        self._owe(partial(self._disable, reason, now))

    def _claim(self, now: datetime) -> bool:
        standing = self._outbox.lease(self._exporter, self._owner, now + LEASE, now)
        if standing is None:
            self._until = None
            return False
        self._until = now + LEASE
        self.standing = standing
        return True

    def _owe(self, write: Callable[[], None]) -> None:
        self._owed.append(write)
        self._pay()

    def _pay(self) -> None:
        while self._owed:
            self._owed[0]()
            self._owed.popleft()

    def _advance(self, seq: int, events: int, now: datetime) -> None:
        # Somebody else may have come further during a long export.
        self._stand(cursor=max(seq, self.standing.cursor))
        cursor = self.standing.cursor
        self._outbox.delivered(self._exporter, self._owner, cursor, events=events, now=now)
        self._well(events)

    def _redelivered(self, places: Sequence[int], events: int, now: datetime) -> None:
        self._outbox.redelivered(self._exporter, self._owner, places, events=events, now=now)
        self._well(events)

    def _failed(self, error: str, failures: int, retry_at: datetime, now: datetime) -> None:
        self._stand(failures=failures, retry_at=retry_at, failed_at=now)
        self._outbox.failed(
            self._exporter, self._owner, error, failures=failures, retry_at=retry_at, now=now
        )

    def _disable(self, reason: str, now: datetime) -> None:
        self._stand(disabled=reason)
        self._outbox.disable(self._exporter, self._owner, reason, now)

    def _well(self, events: int) -> None:
        if events:
            self._stand(failures=0, retry_at=None)

    def _stand(self, **changes: int | str | datetime | None) -> None:
        self.standing = msgspec.structs.replace(self.standing, **changes)
