"""Whether a regular expression fits somewhere in a text, by an automaton that is made on the way.

Where many ways are open at once they are one state here; a step that was made before is looked up.
What is remembered is bounded, and so is what a text may ask for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from vidobs.gateway.guardrails.automaton import Automaton

    States = frozenset[int]

MOST_HELD = 200_000  # states in all that is remembered
_NOTHING: frozenset[int] = frozenset()
_WORD = re.compile(r"\w")


class TooManyStepsError(Exception):
    """The text asks for more steps than it may."""


class _Step(NamedTuple):
    fits: bool  # a match ends before the character
    after: States  # what is open behind it


class _Known:
    """The steps that were made. Replaced as a whole, so that threads may share it."""

    def __init__(self) -> None:
        self.steps: dict[tuple[States, str, str, bool], _Step] = {}
        self.sets: dict[States, States] = {}
        self.held = 0


class Lazy:
    """Answers whether a pattern fits. Thread-safe."""

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._known = _Known()

    def fits(self, text: str, most: int) -> bool:
        """Tell whether there is a match that is not empty.

        Raises:
            TooManyStepsError: more than `most` new steps would be needed.
        """
        known = self._known
        steps = known.steps
        states, before, left = _NOTHING, "", most
        last = len(text) - 1
        for place, char in enumerate(text):
            key = (states, before, char, place == last)
            step = steps.get(key)
            if step is None:
                step, taken = self._step(*key)
                left -= taken
                if left < 0:
                    raise TooManyStepsError
                step = self._keep(known, key, step)
            if step.fits:
                return True
            states, before = step.after, _like(char)
        return self._automaton.end in self._closed(states, before, len(before))

    def _step(self, states: States, before: str, char: str, last: bool) -> tuple[_Step, int]:  # noqa: FBT001 - part of the key
        """Make a step; return how much work it was."""
        reads, end = self._automaton.reads, self._automaton.end
        around = before + char + ("" if last else "x")
        fits = end in self._closed(states, around, len(before))
        opened = self._closed(states | {0}, around, len(before))
        after = frozenset(
            read[1] for state in opened if (read := reads[state]) is not None and read[0](char)
        )
        return _Step(fits, after), 1 + len(opened)

    def _closed(self, states: States, around: str, place: int) -> set[int]:
        ways = self._automaton.ways
        found: set[int] = set()
        stack = list(states)
        while stack:
            here = stack.pop()
            if here not in found:
                found.add(here)
                stack += [
                    to
                    for condition, to in ways[here]
                    if condition is None or condition(around, place)
                ]
        return found

    def _keep(self, known: _Known, key: tuple[States, str, str, bool], step: _Step) -> _Step:
        after = known.sets.setdefault(step.after, step.after)
        kept = known.steps[key] = _Step(step.fits, after)
        known.held += 4 + len(after)
        if known.held > MOST_HELD and self._known is known:
            self._known = _Known()
        return kept


@lru_cache(maxsize=4096)
def _like(char: str) -> str:
    """Return a character that borders on what follows as this one does."""
    if char == "\n":
        return char
    if _WORD.match(char) is None:
        return " "
    return "a" if char.isascii() else "é"
