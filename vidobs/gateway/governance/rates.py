"""So many a minute: requests, and seconds of video that are asked for."""

from __future__ import annotations

import math
import time
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from limits.storage import Storage

_MINUTE_S = 60


class Limit(msgspec.Struct, frozen=True):
    """One counter and how far it may go in a minute."""

    key: str  # of the counter
    amount: int
    cost: int
    name: str  # whose it is, in messages


class Rate(msgspec.Struct, frozen=True):
    """How a counter stands."""

    limit: Limit
    count: int
    reset_s: int  # whole seconds until the window ends

    @property
    def exceeded(self) -> bool:
        """Whether it went too far."""
        return self.count > self.limit.amount

    @property
    def remaining(self) -> int:
        """How much is left."""
        return max(0, self.limit.amount - self.count)

    def headers(self, what: str) -> dict[str, str]:
        """Return it as OpenAI's headers."""
        return {
            f"x-ratelimit-limit-{what}": str(self.limit.amount),
            f"x-ratelimit-remaining-{what}": str(self.remaining),
            f"x-ratelimit-reset-{what}": f"{self.reset_s}s",
        }


class Counted(msgspec.Struct, frozen=True):
    """What a request was counted as, and when the window ends in which it was."""

    limit: Limit
    until_s: float  # since 1970


class Rates:
    """Counts in a storage of the `limits` library, in windows of a minute from the first hit.

    The storage is opened with the first counter: where nothing is limited, nothing is loaded.
    """

    def __init__(
        self, open_storage: Callable[[], Storage], clock: Callable[[], float] = time.time
    ) -> None:
        self._open_storage = open_storage
        self._clock = clock

    @cached_property
    def _storage(self) -> Storage:
        return self._open_storage()

    def hit(self, limits: Iterable[Limit]) -> Rate | None:
        """Count everywhere, or nowhere; return the counter with least left, or one that is full.

        Each counter is raised in one step and lowered again when another one is full, so that it
        holds with storages that several processes share.
        """
        least: Rate | None = None
        done: list[Limit] = []
        for limit in limits:
            count = self._storage.incr(limit.key, _MINUTE_S, limit.cost)
            done.append(limit)
            rate = Rate(limit, count, self._reset_s(limit))
            if rate.exceeded:
                self.undo(done)
                return rate
            if least is None or rate.remaining < least.remaining:
                least = rate
        return least

    def undo(self, limits: Iterable[Limit]) -> None:
        """Take back what was counted."""
        for limit in limits:
            self._storage.incr(limit.key, _MINUTE_S, -limit.cost)

    def counted(self, limits: Iterable[Limit]) -> tuple[Counted, ...]:
        """Return what was counted just now, so that it can be given back later."""
        return tuple(Counted(limit, self._storage.get_expiry(limit.key)) for limit in limits)

    def give_back(self, counted: Iterable[Counted]) -> None:
        """Take back what was counted, as long as its window lasts; the next one stays as it is.

        Windows follow each other by a minute at least; storages may tell their ends to the second.
        """
        now_s = self._clock()
        self.undo(
            one.limit
            for one in counted
            if now_s < one.until_s
            and abs(self._storage.get_expiry(one.limit.key) - one.until_s) < 1
        )

    def _reset_s(self, limit: Limit) -> int:
        left = self._storage.get_expiry(limit.key) - self._clock()
        return min(_MINUTE_S, max(1, math.ceil(left)))


def local_rates(clock: Callable[[], float] = time.time) -> Rates:
    """Return counters in this process's memory."""

    def storage() -> Storage:
        from vidobs.gateway.governance.rate_storage import LocalStorage

        return LocalStorage(clock)

    return Rates(storage, clock)
