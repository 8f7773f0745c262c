"""A bounded queue with a worker behind it: for callbacks and for exporters that are not durable."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from vidobs.core.errors import ExportError
from vidobs.delivery.worker import AGAIN, UNTIL_WOKEN, Complaints, Rest, Worker, contained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs.core.events import VideoEvent
    from vidobs.delivery.worker import Report

CAPACITY = 10_000  # events


def _nobody(_events: int) -> None:
    """Tell nobody."""


class Inbox:
    """Hands events to `handle` in its own thread, in order, up to `batch` at once.

    When it falls `capacity` events behind, the oldest are dropped and counted, and `dropped` is
    told of them. What `handle` raises is counted, and reported once; those events are gone.
    """

    def __init__(
        self,
        name: str,
        handle: Callable[[Sequence[VideoEvent]], None],
        *,
        report: Report,
        finish: Callable[[], None],
        batch: int,
        capacity: int = CAPACITY,
        dropped: Callable[[int], None] = _nobody,
    ) -> None:
        self.dropped = 0  # events
        self.failed = 0  # calls of `handle` that raised
        self._name = name
        self._handle = handle
        self._batch = batch
        self._capacity = capacity
        self._say_dropped = dropped
        self._worker = Worker(name, self._turn, report=report, finish=finish)
        self._faults = Complaints(name, report)
        self._overflow = Complaints(name, report)
        self._forget()

    def _forget(self) -> None:
        self._lock = threading.RLock()
        self._queue: deque[VideoEvent] = deque()
        self._busy = 0  # events that `handle` has in hand

    def after_fork(self) -> None:
        """Forget what the parent process has queued, and its thread and locks."""
        self._forget()
        self._worker.after_fork()

    @property
    def left(self) -> int:
        """How many events `handle` has not finished with."""
        with self._lock:
            return len(self._queue) + self._busy

    def put(self, events: Sequence[VideoEvent]) -> None:
        """Queue some events; never waits for the receiver."""
        if not events:
            return
        with self._lock:
            self._queue.extend(events)
            surplus = max(0, len(self._queue) - self._capacity)
            for _ in range(surplus):
                self._queue.popleft()
            self.dropped += surplus
        if surplus:
            self._say_dropped(surplus)
            self._overflow.say(
                ExportError(
                    f"more than {self._capacity} events are waiting; the oldest are dropped, "
                    "because the receiver is too slow or hangs",
                    retryable=False,
                )
            )
        self._worker.wake()

    def wake(self) -> None:
        """Start the thread, if it is not running."""
        self._worker.wake()

    def settle(self, deadline: float) -> bool:
        """Wait until everything was handled, until the deadline at most."""
        return self.left == 0 or self._worker.settle(deadline)

    def stop(self) -> None:
        """Ask the thread to end after what it has in hand; what is queued is not handled."""
        self._worker.stop()

    def join(self, deadline: float) -> None:
        """Wait for the thread to end, until the deadline at most."""
        self._worker.join(deadline)

    def _turn(self) -> Rest:
        with self._lock:
            taken = min(len(self._queue), self._batch)
            events = [self._queue.popleft() for _ in range(taken)]
            self._busy = taken
        if not events:
            return UNTIL_WOKEN
        error = contained(self._handle, events)
        with self._lock:
            self._busy = 0
        if error is not None:
            self.failed += 1
            self._faults.say(error)
        return AGAIN
