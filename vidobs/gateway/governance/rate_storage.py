"""Counters in this process's memory.

They have the form of a storage of the `limits` library, whose own goes in the same place. Its
`MemoryStorage` starts a thread to clean up with nearly every hit, which costs more than all the
rest of a request's admission; this one cleans up on its way, and takes its clock from outside.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLEAN_EVERY = 4096  # hits


class LocalStorage:
    """Counts in windows that begin with their first hit. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # and when the window ends
        self._hits = 0

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how many there are in the window."""
        now = self._clock()
        with self._lock:
            found = self._counts.get(key)
            if found is None or not now < found[1] <= now + expiry:  # over, or the clock went back
                found = (0, now + expiry)
            count = max(0, found[0] + amount)
            self._counts[key] = (count, found[1])
            self._hits += 1
            if self._hits % _CLEAN_EVERY == 0:
                self._counts = {k: v for k, v in self._counts.items() if now < v[1]}
        return count

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        now = self._clock()
        return max(now, self._counts.get(key, (0, now))[1])
