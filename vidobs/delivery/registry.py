"""From what a user names in `callbacks` to exporters and functions.

Exporters are found through the entry-point group `vidobs.exporters`; those that ship with vidobs
are nothing special. An id is `type`, or `type/name` for several of one type.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.events import VideoEvent
from vidobs.core.protocols import Exporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    Factory: TypeAlias = Callable[..., object]

GROUP = "vidobs.exporters"
_ID = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)?")
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
) -> Resolved:
    """Turn ids, exporter objects and functions into exporters and functions.

    `options` are those of each exporter, by its id. `found` stands in for what is installed.

    Raises:
        ConfigError: an item is none of these, an id is not known, or its options do not fit.
    """
    known = installed() if found is None else found
    exporters: list[Exporter] = []
    functions: list[Callable[[VideoEvent], object]] = []
    for item in items:
        if isinstance(item, str):
            exporters.append(build(item, options.get(item, {}), found=known))
        elif hasattr(item, "export"):
            exporters.append(checked(item))
        elif callable(item):
            functions.append(item)
        else:
            raise ConfigError(
                f"callbacks: {item!r} is neither the id of an exporter, nor an exporter object, "
                "nor a function of one event"
            )
    return Resolved(tuple(exporters), tuple(functions))


def build(
    exporter_id: str, options: Mapping[str, object], *, found: Mapping[str, EntryPoint]
) -> Exporter:
    """Make the exporter with an id.

    Raises:
        ConfigError: there is no such type, it cannot be loaded, or the options do not fit.
    """
    if not _ID.fullmatch(exporter_id):
        raise ConfigError(
            f"{exporter_id!r} is no id of an exporter; write 'type' or 'type/name', such as "
            "'jsonl' or 'jsonl/audit'"
        )
    kind = exporter_id.partition("/")[0]
    if kind not in found:
        raise ConfigError(unknown_name("exporter", kind, found))
    factory = load(found[kind])
    check_options(exporter_id, factory, options)
    return checked(factory(name=exporter_id, **options))


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


def check_options(exporter_id: str, factory: Factory, options: Mapping[str, object]) -> None:
    """Compare options with the keyword arguments of a factory.

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
        if name != "name"
        and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name in options:
        if name not in takes and not open_ended:
            raise ConfigError(unknown_name(f"option of exporter {exporter_id!r}:", name, takes))
    missing = [
        name
        for name, parameter in takes.items()
        if parameter.default is parameter.empty and name not in options
    ]
    if missing:
        raise ConfigError(
            f"exporter {exporter_id!r} needs {', '.join(missing)}; set it under "
            f"'exporters: {exporter_id}:'"
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
