"""The maintenance thread: everything that need not happen inside a user's call.

A call leaves a tuple behind and goes on. The thread lingers for a moment, takes what has come, in
batches small enough not to hold the interpreter, and does the ledger's housekeeping in between.
Waking a thread costs the caller more than anything else here, so it is done once for many calls.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs._guard import Guard
    from vidobs.core.protocols import Happening

BATCH = 64
LINGER_S = 0.05
AWAKE_S = 1.0  # after the last call the thread looks by itself, and no caller pays for waking it


class Maintenance:
    """One daemon thread, started at the first happening.

    `begin()` starts the threads that are told of events, because none can start any more while the
    interpreter shuts down. `publish(batch)` tells of what happened; `chores()` does the
    housekeeping and returns in how many seconds it wants to be called again.
    """

    def __init__(
        self,
        *,
        begin: Callable[[], None],
        publish: Callable[[Sequence[Happening]], None],
        chores: Callable[[], float],
        guard: Guard,
    ) -> None:
        self._begin = begin
        self._publish = publish
        self._chores = chores
        self._guard = guard
        self._queue: deque[Happening | threading.Event] = deque()
        self._idle = True  # somebody has to wake the thread
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._start_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def hand_on(self, seen: Happening) -> None:
        """Leave a happening for the thread; never waits."""
        self._queue.append(seen)
        if self._idle:
            self.wake()

    def wake(self) -> None:
        """Ask for the chores soon; never waits."""
        self._wake.set()
        if self._thread is None:
            self.start()

    def start(self) -> None:
        """Start the thread, if it does not run."""
        with self._start_lock:
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(
                    target=self._run, name="vidobs-maintenance", daemon=True
                )
                self._thread.start()

    @property
    def left(self) -> int:
        """Happenings that nobody was told of yet."""
        return sum(not isinstance(item, threading.Event) for item in tuple(self._queue))

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed on so far is published; return whether it is."""
        if self._thread is None and not self._queue:
            return True
        self.start()
        reached = threading.Event()
        self._queue.append(reached)
        self._hurry.set()
        self._wake.set()
        return reached.wait(timeout_s)

    def stop(self, timeout_s: float) -> None:
        """End the thread after what it is doing."""
        self._stopping = True
        self._hurry.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        due = awake_until = 0.0
        self._guard.run("begin", self._begin)
        while not self._stopping:
            if time.monotonic() >= awake_until:
                self._doze(due)
            self._hurry.wait(LINGER_S)
            self._hurry.clear()
            if self._drain():
                awake_until = time.monotonic() + AWAKE_S
            rest = self._guard.run("chores", self._chores)
            due = time.monotonic() + (rest if rest is not None else 1.0)
        self._drain()

    def _doze(self, due: float) -> None:
        """Sleep until somebody wakes the thread, or chores are due."""
        self._idle = True
        if not self._queue:  # looked at after saying so: whoever comes now wakes the thread
            self._wake.wait(max(0.0, due - time.monotonic()))
        self._idle = False
        self._wake.clear()

    def _drain(self) -> bool:
        """Tell of everything that has come; return whether anything had."""
        drained = bool(self._queue)
        while self._queue:
            batch, reached = self._next()
            if batch:
                self._guard.run("publish", self._publish, batch)
            if reached is not None:
                self._guard.run("chores", self._chores)
                reached.set()
        return drained

    def _next(self) -> tuple[list[Happening], threading.Event | None]:
        """Take a batch off the queue, up to where somebody waits for what is before it."""
        batch: list[Happening] = []
        take = self._queue.popleft
        for _ in range(min(BATCH, len(self._queue))):
            item = take()
            if isinstance(item, threading.Event):
                return batch, item
            batch.append(item)
        return batch, None
