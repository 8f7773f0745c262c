"""What a process remembers of its jobs besides the ledger; bounded, and lost with it."""

from __future__ import annotations

from threading import Lock
from typing import Any


class PollCounts:
    """What the last poll of each job said, and how many since then said the same."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._last: dict[tuple[str, str], list[Any]] = {}  # [status and progress, count]
        self._lock = Lock()

    def same(self, job: tuple[str, str], key: tuple[str, int | None]) -> bool:
        """Count a poll; tell whether it says what the one before said."""
        last = self._last.get(job)
        if last is None or last[0] != key:
            return False
        last[1] += 1
        return True

    def changed(self, job: tuple[str, str], key: tuple[str, int | None] | None) -> int:
        """Remember what this poll says; return the polls since the last change, this one included.

        Without a `key` the poll said nothing, and what was said before still holds.
        """
        with self._lock:
            said, count = self._last.pop(job, (None, 0))
            if len(self._last) >= self._most:
                self._last.pop(next(iter(self._last)), None)
            self._last[job] = [said if key is None else key, 0]
        return int(count) + 1

    def keep(self, job: tuple[str, str], polls: int) -> None:
        """Take polls back that nobody wrote down: they go with the next change."""
        last = self._last.get(job)
        if last is not None:
            last[1] += polls

    def forget(self, job: tuple[str, str]) -> None:
        """Take the next poll for a change, whatever it says."""
        with self._lock:
            self._last.pop(job, None)


class Prompts:
    """The prompts of the newest jobs, in memory only: to take them out of what a provider says."""

    def __init__(self, most: int = 500) -> None:
        self._most = most
        self._kept: dict[tuple[str, str], str] = {}
        self._lock = Lock()
        self.get = self._kept.get

    def keep(self, job: tuple[str, str], prompt: str) -> None:
        """Keep the prompt of a job; the oldest goes."""
        with self._lock:
            if len(self._kept) >= self._most:
                self._kept.pop(next(iter(self._kept)))
            self._kept[job] = prompt
