"""From what a user names in `callbacks` to exporters and functions.

Exporters are found through the entry-point group `vidobs.exporters`; those that ship with vidobs
are nothing special. An id is `type`, or `type/name` for several of one type.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.capture import CapturePolicy
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.events import VideoEvent
from vidobs.core.protocols import Exporter
from vidobs.delivery.options import COMMON, READERS, chosen, split
from vidobs.delivery.places import Places
from vidobs.delivery.subscription import SubscribedExporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    Factory: TypeAlias = Callable[..., object]

GROUP = "vidobs.exporters"
_ID = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?")
CAPTURE = CapturePolicy()
NOWHERE = Places()
NO_DEFAULTS: Mapping[str, object] = MappingProxyType({})
_NEEDED = ("name", "durable", "export", "close")


class Resolved(msgspec.Struct, frozen=True):
    """What `callbacks` came to."""

    exporters: tuple[Exporter, ...] = ()
    functions: tuple[Callable[[VideoEvent], object], ...] = ()  # told of every event


def installed() -> dict[str, EntryPoint]:
    """Return the exporters of all installed packages, by type. Loads none of them."""
    return {found.name: found for found in entry_points(group=GROUP)}


def resolve(
    items: Iterable[object],
    options: Mapping[str, Mapping[str, object]],
    *,
    found: Mapping[str, EntryPoint] | None = None,
    capture: CapturePolicy = CAPTURE,
    places: Places = NOWHERE,
    defaults: Mapping[str, object] = NO_DEFAULTS,
) -> Resolved:
    """Turn ids, exporter objects and functions into exporters and functions.

    `options` are those of each exporter, by its id. `found` stands in for what is installed.
    `defaults` are options for those that have them and are given nothing else.

    Raises:
        ConfigError: an item is none of these, an id is not known, or its options do not fit. The
            text begins with the place, as far as `places` know it.
    """
    known = installed() if found is None else found
    exporters: list[Exporter] = []
    functions: list[Callable[[VideoEvent], object]] = []
    for item in items:
        if isinstance(item, str):
            given = options.get(item, {})
            exporter = build(item, given, found=known, places=places, defaults=defaults)
            exporters.append(subscribed(exporter, given, capture=capture, places=places))
        elif hasattr(item, "export"):
            exporter = checked(item)
            given = options.get(exporter.name, {})
            _only_common(exporter, given, places)
            exporters.append(subscribed(exporter, given, capture=capture, places=places))
        elif callable(item):
            functions.append(item)
        else:
            raise ConfigError(
                f"callbacks: {item!r} is neither the id of an exporter, nor an exporter object, "
                "nor a function of one event"
            )
    return Resolved(tuple(exporters), tuple(functions))


def build(
    exporter_id: str,
    options: Mapping[str, object],
    *,
    found: Mapping[str, EntryPoint],
    places: Places = NOWHERE,
    defaults: Mapping[str, object] = NO_DEFAULTS,
) -> Exporter:
    """Make the exporter with an id, of the options that are its own.

    Raises:
        ConfigError: there is no such type, it cannot be loaded, or the options do not fit.
    """
    if not _ID.fullmatch(exporter_id):
        raise places.error(
            exporter_id,
            f"{exporter_id!r} is no id of an exporter; write 'type' or 'type/name', such as "
            "'jsonl' or 'jsonl/audit'",
        )
    kind = exporter_id.partition("/")[0]
    if kind not in found:
        raise places.error(exporter_id, unknown_name("exporter", kind, found))
    with places.setting_up(exporter_id):
        factory = load(found[kind])
    check_options(exporter_id, factory, options, places=places)
    own, _ = split(options)
    taken = {name: value for name, value in defaults.items() if has_option(factory, name)}
    with places.setting_up(exporter_id):
        return checked(factory(name=exporter_id, **{**taken, **own}))


def subscribed(
    exporter: Exporter,
    options: Mapping[str, object],
    *,
    capture: CapturePolicy = CAPTURE,
    places: Places = NOWHERE,
) -> Exporter:
    """Return an exporter that gets what the options every exporter has choose for it.

    Raises:
        ConfigError: one of them cannot be used.
    """
    _, common = split(options)
    values = {}
    for name, value in common.items():
        with places.setting_up(exporter.name, option=name):
            values[name] = READERS[name](value, capture.content)
    return SubscribedExporter(exporter, chosen(values)) if values else exporter


def load(entry: EntryPoint) -> Factory:
    """Import what an entry point names.

    Raises:
        ConfigError: that fails, or it cannot be called.
    """
    try:
        factory = entry.load()
    except ConfigError:  # a missing extra says by itself what to install
        raise
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"exporter {entry.name!r} cannot be loaded from {entry.value!r}: {error}; "
            "reinstall or update the package that brings it"
        ) from error
    if not callable(factory):
        raise ConfigError(f"exporter {entry.name!r}: {entry.value!r} is not a class or a function")
    return factory  # type: ignore[no-any-return] # what an entry point loads has no type


def has_option(factory: Factory, option: str) -> bool:
    """Tell whether a factory names an option among its arguments."""
    try:
        return option in inspect.signature(factory).parameters
    except ValueError:
        return False


def check_options(
    exporter_id: str,
    factory: Factory,
    options: Mapping[str, object],
    *,
    places: Places = NOWHERE,
) -> None:
    """Compare options with the keyword arguments of a factory, and with those of every exporter.

    Raises:
        ConfigError: one is not known, or one that is needed is missing.
    """
    try:
        parameters = inspect.signature(factory).parameters
    except ValueError:  # compiled, and does not tell; it will have to check for itself
        return
    takes = {
        name: parameter
        for name, parameter in parameters.items()
        if name not in COMMON | {"name"}
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name in options:
        if name not in takes and name not in COMMON and not open_ended:
            raise places.error(exporter_id, _unknown(exporter_id, name, takes), option=name)
    missing = [
        name
        for name, parameter in takes.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        raise places.error(
            exporter_id,
            f"exporter {exporter_id!r} needs {', '.join(missing)}; set it under "
            f"'exporters: {exporter_id}:'",
        )


def _unknown(exporter_id: str, name: str, own: Iterable[str]) -> str:
    """The text for an option that nobody knows: what this exporter takes, and what all take."""
    known = ", ".join(sorted(own)) or "none of its own"
    near = get_close_matches(name, [*own, *COMMON], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return (
        f"unknown option of exporter {exporter_id!r}: {name!r}; known: {known}; "
        f"every exporter has: {', '.join(sorted(COMMON))}{hint}"
    )


def _only_common(exporter: Exporter, options: Mapping[str, object], places: Places) -> None:
    """Refuse options of an exporter that somebody else has made already."""
    for name in split(options)[0]:
        raise places.error(
            exporter.name,
            f"exporter {exporter.name!r} is given as an object, so {name!r} is for its class; "
            f"'exporters' takes: {', '.join(sorted(COMMON))}",
            option=name,
        )


def checked(exporter: object) -> Exporter:
    """Return an object that can be used as an exporter.

    Raises:
        ConfigError: it is a class, or something is missing.
    """
    if isinstance(exporter, type):
        raise ConfigError(
            f"callbacks: {exporter.__name__} is a class; give an object, {exporter.__name__}(...)"
        )
    if not isinstance(exporter, Exporter):
        missing = [name for name in _NEEDED if not hasattr(exporter, name)]
        raise ConfigError(
            f"{type(exporter).__name__} is no exporter, it lacks: {', '.join(missing)}; "
            "see vidobs.Exporter"
        )
    name: object = exporter.name
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise ConfigError(
            f"{type(exporter).__name__}.name is {name!r}; "
            "an exporter's name is an id such as 'type' or 'type/name'"
        )
    return exporter
