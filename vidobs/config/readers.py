"""How each type of setting is read: from Python, from YAML, and from the text of a variable.

A reader takes a value and the place it stands at, and returns it checked, or raises `ConfigError`
that starts with the place and says what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from enum import StrEnum

Reader = Callable[[object, str], object]

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})
_MOST = 1 << 63
NEVER = "never"
MOST_DAYS = 36_500
ENTRY_ID = "a type such as 'webhook', or type/name such as 'webhook/audit'"


def choice(members: type[StrEnum]) -> Reader:
    """Return a reader of one of an enum's values."""
    nothing = next((name for name in ("off", "none") if name in set(members)), None)

    def read(value: object, where: str) -> object:
        if value is False and nothing:  # YAML reads a bare `off` as false
            return members(nothing)
        if not isinstance(value, str):
            raise ConfigError(f"{where}: got {_got(value)}; allowed: {', '.join(members)}")
        word = value.strip().lower()
        if word not in set(members):
            near = get_close_matches(word, list(members), n=1)
            hint = f"; did you mean {str(near[0])!r}?" if near else ""
            raise ConfigError(f"{where}: got {_got(value)}; allowed: {', '.join(members)}{hint}")
        return members(word)

    return read


def boolean(value: object, where: str) -> bool:
    """Read yes or no."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else None
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ConfigError(f"{where}: got {_got(value)}; allowed: true, false, yes, no, on, off, 1, 0")


def text(value: object, where: str) -> str:
    """Read a text that is not empty."""
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise ConfigError(f"{where}: got {_got(value)}; allowed: a text (quote it if it is a number)")


def seconds(value: object, where: str) -> float:
    """Read a length of time."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # the except is the check
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ConfigError(f"{where}: got {_got(value)}; allowed: a number of seconds, 0 or more")
    return number


def count(value: object, where: str) -> int:
    """Read a whole number."""
    try:
        number = 0 if isinstance(value, bool) else int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number < _MOST:
        raise ConfigError(f"{where}: got {_got(value)}; allowed: a whole number, 1 or more")
    return number


def days(value: object, where: str) -> float | None:
    """Read a number of days, or `never`."""
    if isinstance(value, str) and value.strip().lower() == NEVER:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # the except is the check
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and 0 < number <= MOST_DAYS):
        raise ConfigError(f"{where}: got {_got(value)}; allowed: days, more than 0, or {NEVER}")
    return number


def callbacks(value: object, where: str) -> tuple[object, ...]:
    """Read what is switched on: names, and in Python functions and exporters as well."""
    if isinstance(value, str):
        value = [name for name in (part.strip() for part in value.split(",")) if name]
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where}: got {_got(value)}; allowed: a list of names, or 'a,b'")
    return tuple(_unique([_callback(item, where) for item in value]))


def _callback(item: object, where: str) -> object:
    if isinstance(item, str) and item.strip():
        return item.strip()
    if not isinstance(item, str) and (callable(item) or callable(getattr(item, "export", None))):
        return item
    raise ConfigError(
        f"{where}: got {_got(item)} in the list; allowed: {ENTRY_ID}, "
        "a function, or an object with an export method"
    )


def _unique(items: list[object]) -> list[object]:
    kept: list[object] = []
    for item in items:
        if not any(item is other or (isinstance(item, str) and item == other) for other in kept):
            kept.append(item)
    return kept


def exporters(value: object, where: str) -> dict[str, dict[str, object]]:
    """Read exporter ids with the options of each."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: got {_got(value)}; allowed: a mapping of ids to options")
    return {
        _entry_id(name, where): _options(options, f"{where}.{name}")
        for name, options in value.items()
    }


def _entry_id(name: object, where: str) -> str:
    kind, slash, rest = name.partition("/") if isinstance(name, str) else ("", "", "")
    if not kind.strip() or (slash and not rest.strip()):
        raise ConfigError(f"{where}: got {_got(name)} as an id; allowed: {ENTRY_ID}")
    return f"{kind}{slash}{rest}"


def _options(options: object, where: str) -> dict[str, object]:
    if options is None:
        return {}
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        kind = type(options).__name__  # never the value: it may be a secret
        raise ConfigError(f"{where}: got {kind}; allowed: a mapping of option names to values")
    return dict(options)


def _got(value: object) -> str:
    """A wrong value for an error text: short, and without what looks like a secret."""
    if value is None or isinstance(value, bool | int | float):
        return f"{str(value).lower()} ({type(value).__name__})" if value is not None else "nothing"
    if isinstance(value, str):
        return repr(scrub(value, 80))
    return f"a value of type {type(value).__name__}"
