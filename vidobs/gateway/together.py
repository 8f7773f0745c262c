"""Writes of many requests in one transaction: each waits for its turn of the loop to be on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from vidobs._guard import Guard
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Observed, Recorded
    from vidobs.ledger.backlog import Backlog

MOST = 64  # writes of one transaction, so that nobody waits for long


class Together:
    """Collects what is to be written in one turn of the loop, and writes it at its end.

    Under load that is one commit for many requests: where several came together the last time,
    another turn is waited for as long as more comes. With one request nothing waits longer than the
    turn. For the loop's thread.
    """

    def __init__(self, backlog: Backlog, loop: asyncio.AbstractEventLoop, guard: Guard) -> None:
        self._backlog = backlog
        self._loop = loop
        self._guard = guard
        self._writes: list[Job | Observed] = []
        self._futures: list[asyncio.Future[Recorded | None]] = []  # of each of them
        self._seen = 0  # how many there were a turn ago
        self._several = False  # there were, the last time

    def write(self, write: Job | Observed) -> asyncio.Future[Recorded | None]:
        """Return what `record` would, once it is on disk; `None` also for what has to wait.

        The future is never cancelled by who waits for it: shield it where that may be.
        """
        if not self._writes:
            self._loop.call_soon(self._gather)
        future: asyncio.Future[Recorded | None] = self._loop.create_future()
        self._writes.append(write)
        self._futures.append(future)
        return future

    def _gather(self) -> None:
        count = len(self._writes)
        if self._several and self._seen < count < MOST:
            self._seen = count
            self._loop.call_soon(self._gather)
            return
        self._seen, self._several = 0, count > 1
        self._flush()

    def _flush(self) -> None:
        writes, self._writes = self._writes, []
        futures, self._futures = self._futures, []
        for first in range(0, len(writes), MOST):
            some = writes[first : first + MOST]
            done = self._guard.run("ledger", self._backlog.write_together, some)
            for future, written in zip(futures[first:], done or [None] * len(some), strict=False):
                if not future.done():
                    future.set_result(written)
