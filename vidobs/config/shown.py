"""Settings as they may be shown to people: plain values, secrets masked, each with its source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from vidobs.config.ledger_url import LedgerUrl
from vidobs.config.masking import masked
from vidobs.config.settings import SETTINGS
from vidobs.config.store_url import StoreUrl
from vidobs.config.yaml_file import Unset

if TYPE_CHECKING:
    from vidobs.config.load import Loaded

_CONVERTIBLE = Decimal | date | Enum | msgspec.Struct


class Shown(msgspec.Struct, frozen=True):
    """One setting, ready for JSON. `env` is the variable that sets it, if one does."""

    name: str
    value: object
    source: str
    env: str | None = None
    sources: Mapping[str, str] = {}  # of the parts of a mapping, where they differ


def shown(loaded: Loaded) -> tuple[Shown, ...]:
    """Return every setting of the table in its order."""
    return tuple(
        Shown(
            setting.name,
            masked(setting.name.rpartition(".")[2], _plain(_value(loaded, setting.name))),
            loaded.provenance[setting.name],
            setting.env,
            _parts(loaded, setting.name),
        )
        for setting in SETTINGS
    )


def _value(loaded: Loaded, name: str) -> object:
    value: object = loaded.settings
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _parts(loaded: Loaded, name: str) -> dict[str, str]:
    prefix = f"{name}."
    return {
        key.removeprefix(prefix): source
        for key, source in loaded.provenance.items()
        if key.startswith(prefix)
    }


def _plain(value: object) -> object:
    """What JSON knows; for an object of the user's its name, never its repr."""
    match value:
        case LedgerUrl() | StoreUrl():
            return str(value)
        case Unset(text=text):
            return text
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case (
            None | bool() | int() | float() | str() | Enum() | Decimal() | date() | msgspec.Struct()
        ):
            return msgspec.to_builtins(value)
    return _name(value)


def _name(thing: object) -> str:
    name = getattr(thing, "name", None)
    if isinstance(name, str):
        return name
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"
