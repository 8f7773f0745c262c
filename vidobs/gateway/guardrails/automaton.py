r"""The automaton of a regular expression: what leads from one state to the next.

The syntax is read by `re` itself. https://swtch.com/~rsc/regexp/regexp1.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

from vidobs.core.errors import ConfigError

MOST_STATES = 2000
MOST_REPEATS = 500

Test: TypeAlias = Callable[[str], bool]
Condition: TypeAlias = Callable[[str, int], bool]  # of a text and a place in it

_FLAGS = re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII
_CLASSES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip
_MOST_KEPT = 2048  # characters that a test remembers


class Automaton:
    """States from 0, where it starts, to `end`, with what leads from each to others."""

    def __init__(self, pattern: str, where: str) -> None:
        """Raises `ConfigError` where a pattern has no automaton, or too large a one."""
        self.ways: list[list[tuple[Condition | None, int]]] = [[]]  # without reading, by state
        self.reads: list[tuple[Test, int] | None] = [None]  # by reading one character
        self._where = where
        try:
            tree = import_module("re._parser").parse(pattern)
            compiled = re.compile(pattern)
        except re.error as error:
            raise ConfigError(f"{where}: no regular expression: {error}") from None
        except (RecursionError, OverflowError):
            raise ConfigError(f"{where}: the regular expression is too deep or large") from None
        self.end = self._sequence(tree, 0, tree.state.flags & _FLAGS)
        if compiled.search("") is not None:
            raise ConfigError(f"{where}: the regular expression fits an empty text")

    def _state(self) -> int:
        if len(self.ways) >= MOST_STATES:
            raise ConfigError(
                f"{self._where}: the regular expression is too large: more than {MOST_STATES} "
                "states; use smaller numbers of repeats"
            )
        self.ways.append([])
        self.reads.append(None)
        return len(self.ways) - 1

    def _sequence(self, tree: Any, start: int, flags: int) -> int:  # noqa: ANN401 - of `re`
        for kind, given in tree:
            start = self._node(str(kind), given, start, flags)
        return start

    def _node(self, kind: str, given: Any, start: int, flags: int) -> int:  # noqa: ANN401 - of `re`
        if kind == "BRANCH":
            return self._branch(given[1], start, flags)
        if kind == "SUBPATTERN":
            _, more, fewer, inner = given
            return self._sequence(inner, start, (flags | more & _FLAGS) & ~fewer)
        if kind in ("MAX_REPEAT", "MIN_REPEAT"):
            return self._repeat(given, start, flags)
        end = self._state()
        if kind == "AT":
            self.ways[start].append((_condition(str(given), flags), end))
        else:
            self.reads[start] = (self._test(kind, given, flags), end)
        return end

    def _branch(self, branches: Any, start: int, flags: int) -> int:  # noqa: ANN401 - of `re`
        end = self._state()
        for branch in branches:
            first = self._state()
            self.ways[start].append((None, first))
            self.ways[self._sequence(branch, first, flags)].append((None, end))
        return end

    def _repeat(self, given: Any, start: int, flags: int) -> int:  # noqa: ANN401 - of `re`
        least, most, inner = given
        endless = str(most) == "MAXREPEAT"
        if max(least, 0 if endless else most) > MOST_REPEATS:
            raise ConfigError(f"{self._where}: more than {MOST_REPEATS} repeats")
        for _ in range(least):
            start = self._sequence(inner, self._via(start), flags)
        if endless:
            loop = self._via(start)
            self.ways[self._sequence(inner, self._via(loop), flags)].append((None, loop))
            return self._via(loop)
        end = self._state()
        for _ in range(most - least):
            self.ways[start].append((None, end))
            start = self._sequence(inner, self._via(start), flags)
        self.ways[start].append((None, end))
        return end

    def _via(self, state: int) -> int:
        """Return a new state behind another, so that what is built on it changes only it."""
        new = self._state()
        self.ways[state].append((None, new))
        return new

    def _test(self, kind: str, given: Any, flags: int) -> Test:  # noqa: ANN401 - of `re`
        if kind == "LITERAL":
            source = re.escape(chr(given))
        elif kind == "NOT_LITERAL":
            source = f"[^{_in_class(chr(given))}]"
        elif kind == "ANY":
            source = "."
        elif kind == "IN":
            source = f"[{''.join(_class_part(str(part), value) for part, value in given)}]"
        else:
            raise ConfigError(
                f"{self._where}: the regular expression looks back or ahead ({kind.lower()}), "
                "which takes a time that nobody knows; write it without"
            )
        return _remembered(re.compile(source, flags & ~re.MULTILINE).fullmatch)


def _class_part(kind: str, value: Any) -> str:  # noqa: ANN401 - of `re`
    if kind == "NEGATE":
        return "^"
    if kind == "RANGE":
        return f"{_in_class(chr(value[0]))}-{_in_class(chr(value[1]))}"
    if kind == "CATEGORY":
        return _CLASSES[str(value)]
    return _in_class(chr(value))


def _in_class(char: str) -> str:
    return f"\\{char}" if char in r"\]^-[&~|" else char


def _remembered(fits: Callable[[str], re.Match[str] | None]) -> Test:
    known: dict[str, bool] = {}

    def test(char: str) -> bool:
        found = known.get(char)
        if found is None:
            if len(known) >= _MOST_KEPT:
                known.clear()
            found = known[char] = fits(char) is not None
        return found

    return test


def _condition(kind: str, flags: int) -> Condition:
    """Return what must hold between two characters, as `re` has it."""
    lines = bool(flags & re.MULTILINE)
    is_word = _remembered(re.compile(r"\w", flags & re.ASCII).match)

    def borders(text: str, place: int) -> bool:
        before = place > 0 and is_word(text[place - 1])
        return before != (place < len(text) and is_word(text[place]))

    def begins(text: str, place: int) -> bool:
        return place == 0 or (lines and text[place - 1] == "\n")

    def ends(text: str, place: int) -> bool:
        left = len(text) - place
        return left == 0 or (text[place] == "\n" and (lines or left == 1))

    return {
        "AT_BEGINNING": begins,
        "AT_BEGINNING_STRING": lambda _, place: place == 0,
        "AT_END": ends,
        "AT_END_STRING": lambda text, place: place == len(text),
        "AT_BOUNDARY": borders,
        "AT_NON_BOUNDARY": lambda text, place: not borders(text, place) and bool(text),
    }[kind]
