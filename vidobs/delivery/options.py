"""The options that every exporter has, whatever it exports to: which events, and in which form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from importlib import import_module
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.capture import Content
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.events import EventName, VideoEvent, matches
from vidobs.core.scrub import scrub
from vidobs.delivery.selection import Patterns, Selection

if TYPE_CHECKING:
    from typing import TypeAlias

    Process: TypeAlias = Callable[[VideoEvent], object]

NOT = "!"


class Processor(msgspec.Struct, frozen=True):
    """A function of the user's that changes an event, or leaves it out, and what to call it."""

    name: str
    function: Callable[[VideoEvent], object]


class Choices(msgspec.Struct, frozen=True):
    """What an exporter is set up to get."""

    selection: Selection = Selection()
    capture: Content = Content.FULL  # the most of a prompt that it gets
    processors: tuple[Processor, ...] = ()


EVERYTHING = Choices()


def split(options: Mapping[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    """Return the options that are an exporter's own, and those that every exporter has."""
    own = {name: value for name, value in options.items() if name not in COMMON}
    common = {name: value for name, value in options.items() if name in COMMON}
    return own, {name: value for name, value in common.items() if value is not None}


def chosen(values: Mapping[str, object]) -> Choices:
    """Put together what was read of each option."""
    names = frozenset(Selection.__struct_fields__)
    selecting = {name: value for name, value in values.items() if name in names}
    rest = {name: value for name, value in values.items() if name not in names}
    selection = msgspec.structs.replace(EVERYTHING.selection, **selecting)
    return msgspec.structs.replace(EVERYTHING, selection=selection, **rest)


# -- readers: a value as it was written, and the most that is kept of prompts ----------------------


def _texts(value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if isinstance(listed, list | tuple) and all(isinstance(one, str) and one for one in listed):
        return tuple(listed)
    raise ConfigError(f"{_shown(value)} is neither a text nor a list of texts")


def _patterns(value: object, _: Content) -> Patterns:
    texts = _texts(value)
    return Patterns(
        wanted=tuple(text for text in texts if not text.startswith(NOT)),
        unwanted=tuple(text.removeprefix(NOT) for text in texts if text.startswith(NOT)),
    )


def _events(value: object, most: Content) -> frozenset[EventName]:
    patterns = _patterns(value, most)
    wanted = [name for pattern in patterns.wanted for name in _events_of(pattern)]
    unwanted = [name for pattern in patterns.unwanted for name in _events_of(pattern)]
    return frozenset(wanted if patterns.wanted else EventName) - frozenset(unwanted)


def _events_of(pattern: str) -> list[EventName]:
    names = [name for name in EventName if matches(pattern, name)]
    if not names:
        raise ConfigError(unknown_name("event", pattern, [name.value for name in EventName]))
    return names


def _tags(value: object, most: Content) -> dict[str, Patterns]:
    if not isinstance(value, Mapping) or not all(isinstance(tag, str) for tag in value):
        raise ConfigError(
            f"{_shown(value)} is no mapping of tags to values, such as {{team: film}}"
        )
    return {tag: _patterns(inner, most) for tag, inner in value.items()}


def _min_cost(value: object, _: Content) -> Decimal:
    try:
        usd = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        usd = Decimal("nan")
    if not (usd.is_finite() and usd >= 0):
        raise ConfigError(f"{_shown(value)} is no amount of US dollars, such as 0.50")
    return usd


def _sample(value: object, _: Content) -> float:
    try:
        share = -1.0 if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # the except is the check
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise ConfigError(f"{_shown(value)} is no share; give a number from 0 to 1")
    return share


def _capture(value: object, most: Content) -> Content:
    try:
        content = Content(str(value))
    except ValueError:
        raise ConfigError(
            unknown_name("choice", str(value), [one.value for one in Content])
        ) from None
    if content.rank > most.rank:
        raise ConfigError(
            f"{content.value!r} is more than is kept at all: the setting 'capture' has "
            f"{most.value!r}; raise that one, or lower this"
        )
    return content


def _processors(value: object, _: Content) -> tuple[Processor, ...]:
    return tuple(map(_processor, value if isinstance(value, list | tuple) else [value]))


def _processor(value: object) -> Processor:
    function = _imported(value) if isinstance(value, str) else value
    if not callable(function):
        raise ConfigError(
            f"{_shown(value)} is no function; give one that takes an event and returns an event "
            "or None, in YAML as 'package.module:function'"
        )
    name = value if isinstance(value, str) else getattr(function, "__qualname__", "processor")
    if inspect.iscoroutinefunction(function):
        raise ConfigError(f"{name} is async; a processor is a plain function of an event")
    return Processor(str(name), function)


def _imported(path: str) -> object:
    module, colon, inside = path.partition(":")
    if not (module and colon and inside):
        raise ConfigError(f"{_shown(path)} names no function; write 'package.module:function'")
    try:
        found: object = import_module(module)
        for part in inside.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"{path!r} cannot be loaded: {scrub(str(error), 200)}; it must be importable where "
            "this program runs"
        ) from error
    return found


def _shown(value: object) -> str:
    """A wrong value for an error text: short, and without what looks like a secret."""
    if isinstance(value, str):
        return repr(scrub(value, 80))
    if isinstance(value, int | float | Decimal):
        return str(value)
    return f"a value of type {type(value).__name__}"


Read = Callable[[object, Content], object]
READERS: Mapping[str, Read] = {
    "events": _events,
    "providers": _patterns,
    "models": _patterns,
    "tags": _tags,
    "min_cost_usd": _min_cost,
    "sample": _sample,
    "capture": _capture,
    "processors": _processors,
}
COMMON = frozenset(READERS)
