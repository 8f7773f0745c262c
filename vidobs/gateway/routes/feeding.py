"""Lets a thread look at a file on its way: hashing a large one would keep everybody else waiting.

The start of a file, which is all of a small one, is looked at on the spot.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AT_ONCE_BYTES = 512 << 10  # of the start
TOGETHER_BYTES = 1 << 20  # are hashed in one go
AT_A_TURN_BYTES = 8 << 20  # then others may have the thread
AHEAD_BYTES = 3 << 20  # that may wait for it


class Feeding:
    """Hands the pieces of one file on, in their order. For one task in one event loop.

    `feed` is called by one thread at a time, and by none once `finish` has returned.
    """

    def __init__(self, feed: Callable[[bytes], object], loop: asyncio.AbstractEventLoop) -> None:
        self._feed = feed
        self._loop = loop
        self._waiting: deque[bytes] = deque()
        self._feeding = threading.Lock()
        self._job: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._taken = 0  # bytes
        self._fed = 0  # of them; counted by the thread

    async def take(self, pieces: Sequence[bytes]) -> None:
        """Take pieces; wait while too many wait for the thread."""
        size = sum(map(len, pieces))
        self._taken += size
        self._waiting += pieces
        if self._taken <= AT_ONCE_BYTES:
            self._drain()
            return
        self._start()
        if self._taken - self._fed > AHEAD_BYTES:
            await self._room()

    async def _room(self) -> None:
        """Wait until the thread has caught up by half."""
        self._waiter = waiter = self._loop.create_future()
        try:
            if self._is_far_ahead():  # still, so that the thread will see who waits
                await waiter
        finally:
            self._waiter = None

    async def rest(self) -> None:
        """Wait until everything was looked at."""
        while self._job is not None:
            await asyncio.wait([self._job])

    def finish(self) -> None:
        """Look at what is left, here and now: at once after `rest`, else it may take a moment."""
        self._drain()

    def _start(self) -> None:
        if self._job is None:
            self._job = self._loop.run_in_executor(None, self._drain, AT_A_TURN_BYTES)
            self._job.add_done_callback(self._over)

    def _over(self, job: asyncio.Future[None]) -> None:
        self._job = None
        if not job.cancelled():
            job.exception()
        if self._waiting:  # more than for one turn, or it came when the thread had just looked
            self._start()

    def _drain(self, most_bytes: float = inf) -> None:
        with self._feeding:
            end = self._fed + most_bytes
            while self._waiting and self._fed < end:
                piece = self._next()
                self._feed(piece)
                self._fed += len(piece)
                waiter = self._waiter
                if waiter is not None and not self._is_far_ahead():
                    self._loop.call_soon_threadsafe(_wake, waiter)

    def _next(self) -> bytes:
        """Return what waits, up to a size: for each piece the interpreter is waited for."""
        some = [self._waiting.popleft()]
        size = len(some[0])
        while self._waiting and size < TOGETHER_BYTES:
            some.append(self._waiting.popleft())
            size += len(some[-1])
        return some[0] if len(some) == 1 else b"".join(some)

    def _is_far_ahead(self) -> bool:
        return self._taken - self._fed > AHEAD_BYTES // 2


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
