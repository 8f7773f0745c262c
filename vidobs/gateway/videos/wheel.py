"""Many things that are due at some time, with one timer for all of them.

A timer of the loop's own for each would be four objects for each, which the garbage collector
visits again and again, and a call into the loop when it is cancelled.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

T = TypeVar("T")

TICK_S = 0.05  # things that are due within it come together


class Wheel(Generic[T]):
    """Hands over things when they are due, never before. Lives in the event loop.

    What is no longer wanted stays until then: whoever is told knows by the place whether it is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, due: Callable[[T, int], None]) -> None:
        """`due(thing, place)` is called with what `add` returned."""
        self._loop = loop
        self._due = due
        self._places: dict[int, list[T]] = {}
        self._order: list[int] = []  # a heap of the places
        self._timer: asyncio.TimerHandle | None = None

    def add(self, thing: T, after_s: float) -> int:
        """Have a thing handed over after some seconds; return its place, which is never 0."""
        place = int((self._loop.time() + after_s) / TICK_S) + 1
        found = self._places.get(place)
        if found is not None:
            found.append(thing)
            return place
        self._places[place] = [thing]
        heappush(self._order, place)
        if self._order[0] == place:
            self._wait()
        return place

    def close(self) -> None:
        """Hand over nothing any more."""
        self._places.clear()
        self._order.clear()
        self._wait()

    def _wait(self) -> None:
        """Wait for the first place."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._order:
            self._timer = self._loop.call_at(self._order[0] * TICK_S, self._turn)

    def _turn(self) -> None:
        now = int(self._loop.time() / TICK_S)
        while self._order and self._order[0] <= now:
            place = heappop(self._order)
            for thing in self._places.pop(place):
                self._due(thing, place)
        self._wait()
