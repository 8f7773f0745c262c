"""Counters of the `limits` library in this process's memory.

The library's own `MemoryStorage` starts a thread to clean up with nearly every hit, which costs
more than all the rest of a request's admission; this one cleans up on its way, and takes its clock
from outside. Its Redis storage goes in the same place.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING

from limits.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

_CLEAN_EVERY = 4096  # hits


class LocalStorage(Storage):
    """Counts in windows that begin with their first hit. Thread-safe."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._counts: dict[str, tuple[int, float]] = {}  # and when the window ends
        self._hits = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """The errors of the storage: there are none."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
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

    def get(self, key: str) -> int:
        """Return how many there are in the window."""
        count, until = self._counts.get(key, (0, 0.0))
        return count if self._clock() < until else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        now = self._clock()
        return max(now, self._counts.get(key, (0, now))[1])

    def check(self) -> bool:
        """Whether the storage can be reached."""
        return True

    def reset(self) -> int:
        """Forget all; return how many counters there were."""
        with self._lock:
            found = len(self._counts)
            self._counts.clear()
        return found

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with self._lock:
            self._counts.pop(key, None)
