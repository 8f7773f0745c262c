"""A value in a YAML file that knows its line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import SafeConstructor

from vidobs.core.errors import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

_NULL = "tag:yaml.org,2002:null"
_UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)


class Place:
    """One node of a file. Every reader raises `ValueError` with the file's name and the line."""

    def __init__(self, node: yaml.Node, name: str) -> None:
        self._node = node
        self._name = name

    @classmethod
    def parse(cls, raw: bytes, name: str) -> Place:
        """Return the top of a file."""
        try:
            node = yaml.compose(raw, Loader=yaml.SafeLoader)
        except _UNREADABLE as error:
            raise ValueError(_unreadable(error, name)) from None
        if node is None:
            raise ValueError(f"{name}:1: the file is empty")
        return cls(node, name)

    def refuse(self, problem: str) -> ValueError:
        """Return the error for what is wrong here."""
        return ValueError(f"{self._name}:{self._node.start_mark.line + 1}: {problem}")

    def members(self, what: str, known: Iterable[str]) -> dict[str, Place]:
        """Return the values of a mapping, whose keys must be known and different."""
        if not isinstance(self._node, yaml.MappingNode):
            raise self.refuse(f"{what} is a mapping (key: value), got {self._shown()}")
        found: dict[str, Place] = {}
        for key, value in self._node.value:
            name = str(Place(key, self._name).scalar())
            if name not in known:
                raise Place(key, self._name).refuse(unknown_name(f"key of {what}", name, known))
            if name in found:
                raise Place(key, self._name).refuse(f"{what} has the key {name!r} twice")
            found[name] = Place(value, self._name)
        return found

    def items(self, what: str) -> list[Place]:
        """Return the members of a list; nothing is an empty one."""
        if self._node.tag == _NULL:
            return []
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.refuse(f"{what!r} is a list (lines that begin with -), got {self._shown()}")
        return [Place(node, self._name) for node in self._node.value]

    def scalar(self) -> Any:  # noqa: ANN401 - whatever YAML makes of it
        """Return a plain value; lists and mappings are only described."""
        if not isinstance(self._node, yaml.ScalarNode):
            return self._shown()
        try:
            return SafeConstructor().construct_object(self._node)
        except _UNREADABLE:
            return str(self._node.value)

    def text(self) -> str:
        """Return a text; what YAML takes for a number is to be put in quotes."""
        value = self.scalar()
        if not (isinstance(value, str) and isinstance(self._node, yaml.ScalarNode)):
            raise self.refuse(f"expected a text, got {self._shown()}; put it in quotes")
        return value

    def name(self, what: str, known: Iterable[str]) -> str:
        """Return one of some names."""
        value = str(self.scalar())
        if value not in known:
            raise self.refuse(unknown_name(what, value, known))
        return value

    def number(self, low: float, high: float) -> float:
        """Return a number within bounds."""
        value = self.scalar()
        if type(value) in {int, float} and math.isfinite(value) and low <= value <= high:
            return float(value)
        raise self.refuse(f"expected a number from {low:g} to {high:g}, got {self._shown()}")

    def whole(self, low: int, high: int, *, also: str = "") -> int:
        """Return a whole number within bounds."""
        value = self.scalar()
        if type(value) is int and low <= value <= high:
            return value
        wanted = f"a whole number from {low} to {high} {also}".rstrip()
        raise self.refuse(f"expected {wanted}, got {self._shown()}")

    def _shown(self) -> str:
        if isinstance(self._node, yaml.ScalarNode):
            return "nothing" if self._node.tag == _NULL else repr(str(self._node.value)[:80])
        return "a list" if isinstance(self._node, yaml.SequenceNode) else "a mapping"


def _unreadable(error: Exception, name: str) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "too deep"
    return f"{name}{line}: this is not YAML: {problem}"
