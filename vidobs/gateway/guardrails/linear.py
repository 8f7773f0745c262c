r"""Regular expressions that cannot be made to hang: matched in a bounded number of steps.

Python's `re` tries one way after the other, and a prompt can be written so that there are more ways
than anybody can wait for (catastrophic backtracking). Here a pattern becomes an automaton that
follows all ways at once. What needs looking back or ahead (`\1`, `(?=`, `(?<=`, `(?>`, `x++`) has
no such automaton, and is refused. https://swtch.com/~rsc/regexp/regexp1.html

A match is the leftmost, and of these the longest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.gateway.guardrails.automaton import Automaton
from vidobs.gateway.guardrails.lazy import Lazy, TooManyStepsError

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS_PER_CHAR = 64  # on average, before a text is given up
LEAST_STEPS = 100_000


class Linear:
    """A pattern. Raises `ConfigError` where it cannot be matched in one pass."""

    def __init__(self, pattern: str, where: str) -> None:
        self._automaton = Automaton(pattern, where)
        self._lazy = Lazy(self._automaton)

    def fits(self, text: str) -> bool:
        """Tell whether the pattern fits somewhere, at a place that is not empty.

        Raises:
            TooManyStepsError: that would take too long.
        """
        return self._lazy.fits(text, max(LEAST_STEPS, STEPS_PER_CHAR * len(text)))

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where the pattern fits, without overlaps; never an empty place.

        Raises:
            TooManyStepsError: that would take too long.
        """
        left = max(LEAST_STEPS, STEPS_PER_CHAR * len(text))
        at = 0
        while at < len(text):
            found, taken = self._next(text, at, left)
            if found is None:
                return
            left -= taken
            yield found
            at = found[1]

    # -- matching ----------------------------------------------------------------------------------

    def _next(self, text: str, at: int, most: int) -> tuple[tuple[int, int] | None, int]:
        """Return the first match from a place on, and the steps that it took."""
        best: tuple[int, int] | None = None
        threads: list[tuple[int, int]] = []  # state and start, by start
        steps = 0
        for place in range(at, len(text) + 1):
            if best is None:
                threads.append((0, place))
            states = self._closed(threads, text, place)
            steps += 1 + len(states)
            if steps > most:
                raise TooManyStepsError
            start = states.get(self._automaton.end)
            if start is not None and start < place and (best is None or start <= best[0]):
                best = (start, place)
            if place == len(text) or not states:
                break
            threads = self._read(states, text[place], best)
        return best, steps

    def _closed(self, threads: list[tuple[int, int]], text: str, place: int) -> dict[int, int]:
        """Every state that can be had without reading, and the first start that leads to it."""
        states: dict[int, int] = {}
        ways = self._automaton.ways
        for state, start in threads:
            stack = [state]
            while stack:
                here = stack.pop()
                if here in states:
                    continue
                states[here] = start
                for condition, to in ways[here]:
                    if condition is None or condition(text, place):
                        stack.append(to)
        return states

    def _read(
        self, states: dict[int, int], char: str, best: tuple[int, int] | None
    ) -> list[tuple[int, int]]:
        reads = self._automaton.reads
        threads = []
        for state, start in states.items():
            step = reads[state]
            if step is not None and (best is None or start <= best[0]) and step[0](char):
                threads.append((step[1], start))
        return threads
