"""A YAML file read into plain values, with the line of each, and `${env:NAME}` filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

import msgspec
import yaml

from vidobs.core.errors import ConfigError

PathIn = tuple[str | int, ...]
Wanted = Callable[[PathIn], bool]

_FROM_ENV = re.compile(r"\$\{env:([^}]*)\}")
_LITELLM_ENV = "os.environ/"
_FLOAT = "tag:yaml.org,2002:float"
_STRING = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
EXACT = frozenset({"prices", "policies"})  # sections whose numbers never pass through a float
LAZY = "exporters"  # the section in which a variable may be missing until it is needed


class Unset(msgspec.Struct, frozen=True):
    """A text that needs a variable which is not set: an error once somebody wants the text."""

    text: str  # as it was written
    problem: str  # with its place


class Document(msgspec.Struct, frozen=True):
    """Settings as somebody wrote them, before any check, and where each stands."""

    name: str  # "vidobs.yaml" or "configure()"
    values: Mapping[str, object]
    lines: Mapping[PathIn, int] = {}

    def where(self, *path: str | int) -> str:
        """Return the place of a value, such as `vidobs.yaml:12`."""
        line = self.lines.get(path)
        return self.name if line is None else f"{self.name}:{line}"


def read_yaml(path: Path, environ: Mapping[str, str], *, wanted: Wanted) -> Document:
    """Read a file. What is not `wanted` comes as `None`, and its variables are not asked for.

    A text under `exporters` that needs a variable which is not set comes as `Unset`.

    Raises:
        ConfigError: with file, line and column: the file cannot be read, is not YAML, holds a key
            twice, or elsewhere names a variable that is not set.
    """
    name = _short(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        loader = yaml.SafeLoader(text)
    except OSError as error:
        raise ConfigError(f"{name}: cannot read the file: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: not UTF-8: {error.reason} at byte {error.start}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(f"{name}:{line}: {error.reason}: #x{error.character:04x}") from None
    try:
        return _Reading(name, loader, environ, wanted).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError(f"{place}: {error.problem or error.context}") from None
    finally:
        loader.dispose()


def first_unset(value: object) -> Unset | None:
    """Return the first text in a value, however deep, that needs a variable which is not set."""
    if isinstance(value, Unset):
        return value
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(inner, Iterable) or isinstance(inner, str | bytes):
        return None
    return next((found for one in inner if (found := first_unset(one)) is not None), None)


def _short(path: Path) -> str:
    """The path as the user would write it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


class _Reading:
    """One pass over one file: turns nodes into values and remembers their lines."""

    def __init__(
        self, name: str, loader: yaml.SafeLoader, environ: Mapping[str, str], wanted: Wanted
    ) -> None:
        self._name = name
        self._loader = loader
        self._environ = environ
        self._wanted = wanted
        self._lines: dict[PathIn, int] = {}
        self._open: list[yaml.Node] = []  # from the root to here, to notice an alias in itself

    def document(self) -> Document:
        root = self._loader.get_single_node()
        if root is None or root.tag == _NULL:
            return Document(self._name, {})
        if not isinstance(root, yaml.MappingNode):
            self._fail(root, "expected a mapping of settings, such as 'callbacks: [console]'")
        return Document(self._name, self._mapping(root, ()), self._lines)

    def _value(self, node: yaml.Node, path: PathIn) -> object:
        if not self._wanted(path):
            return None
        if not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
            return self._scalar(node, path)
        if any(node is outer for outer in self._open):
            self._fail(node, "an alias refers to the value that it stands in")
        self._open.append(node)
        value: object
        if isinstance(node, yaml.MappingNode):
            value = self._mapping(node, path)
        else:
            value = self._sequence(node, path)
        self._open.pop()
        return value

    def _mapping(self, node: yaml.MappingNode, path: PathIn) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, at, inner in self._items(node):
            self._lines[(*path, key)] = at
            values[key] = self._value(inner, (*path, key))
        return values

    def _sequence(self, node: yaml.SequenceNode, path: PathIn) -> list[object]:
        values = []
        for index, inner in enumerate(node.value):
            self._lines[(*path, index)] = inner.start_mark.line + 1
            values.append(self._value(inner, (*path, index)))
        return values

    def _items(self, node: yaml.MappingNode) -> list[tuple[str, int, yaml.Node]]:
        """The entries of a mapping: key, line, value. `<<` is resolved; own keys win."""
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != _MERGE and (name := self._key(key)) in seen:
                self._fail(key, f"the key {name!r} stands here twice")
            seen.add(str(key.value))
        self._loader.flatten_mapping(node)
        entries = {self._key(key): (key, inner) for key, inner in node.value}
        return [(n, key.start_mark.line + 1, inner) for n, (key, inner) in entries.items()]

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._fail(node, "a key must be a plain text")
        return str(node.value)  # never `True` for a bare `on`

    def _scalar(self, node: yaml.Node, path: PathIn) -> object:
        if node.tag == _STRING:
            return self._filled_in(node, path)
        if node.tag == _FLOAT and path[0] in EXACT:
            try:
                return Decimal(node.value.replace("_", ""))
            except InvalidOperation:
                self._fail(node, f"{node.value!r} is not a number")
        try:
            return self._loader.construct_object(node)
        except ValueError as error:  # such as the date 2026-13-45
            self._fail(node, f"cannot read {node.value!r}: {error}")

    def _filled_in(self, node: yaml.Node, path: PathIn) -> str | Unset:
        """A text with its variables: `${env:NAME}` anywhere, or `os.environ/NAME` as the whole."""
        text = str(node.value)
        if text.startswith(_LITELLM_ENV):
            named = [text.removeprefix(_LITELLM_ENV)]
        else:
            named = _FROM_ENV.findall(text)
        missing = next((name for name in named if name not in self._environ), None)
        if missing is not None:
            return self._unset(missing, node, path)
        if text.startswith(_LITELLM_ENV):
            return self._environ[named[0]]
        return _FROM_ENV.sub(lambda found: self._environ[found[1]], text)

    def _unset(self, variable: str, node: yaml.Node, path: PathIn) -> Unset:
        name = ".".join(map(str, path))
        problem = f"{name} needs the environment variable {variable}, which is not set"
        if path[0] != LAZY:
            self._fail(node, problem)
        return Unset(str(node.value), self._placed(node, problem))

    def _fail(self, node: yaml.Node, problem: str) -> NoReturn:
        raise ConfigError(self._placed(node, problem))

    def _placed(self, node: yaml.Node, problem: str) -> str:
        mark = node.start_mark
        return f"{self._name}:{mark.line + 1}:{mark.column + 1}: {problem}"
