"""LiteLLM's names in a YAML file: its callbacks are understood, its other sections left alone.

https://docs.litellm.ai/docs/proxy/configs
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from vidobs.config import readers
from vidobs.config.litellm_names import (
    NO_FAILURES,
    NO_LOGGERS,
    ONLY_FAILURES,
    OURS,
    WITHOUT_EXPORTER,
)
from vidobs.config.yaml_file import Document
from vidobs.core.errors import ConfigError

SECTION = "litellm_settings"
KEYS = ("callbacks", "success_callback", "failure_callback")
LEFT_ALONE = frozenset({
    "assistant_settings", "callback_settings", "credential_list", "environment_variables",
    "files_settings", "finetune_settings", "general_settings", "guardrails", "include",
    "mcp_servers", "model_list", "prompts", "router_settings", "search_tools",
    "vector_store_registry",
})  # fmt: skip
_EVENTS = {"success_callback": NO_FAILURES, "failure_callback": ONLY_FAILURES}


class Translated(msgspec.Struct, frozen=True):
    """A file without LiteLLM's sections, what they say in our terms, and what to tell the user.

    `presets` are options for the exporters among `callbacks`; those that the user gives win.
    """

    document: Document
    callbacks: tuple[str, ...] = ()
    source: str = ""  # such as "vidobs.yaml:3 (litellm_settings.success_callback)"
    presets: Mapping[str, Mapping[str, object]] = {}
    warnings: tuple[str, ...] = ()


class _Named(msgspec.Struct, frozen=True):
    """A name in one of LiteLLM's lists."""

    name: str
    key: str  # of the list
    where: str


def translated(
    document: Document, environ: Mapping[str, str], *, installed: Collection[str]
) -> Translated:
    """Take LiteLLM's sections out of a file; `installed` are the types of exporters there are.

    Raises:
        ConfigError: its callbacks are no list of names.
    """
    ignored = [key for key in document.values if key in LEFT_ALONE]
    section = document.values.get(SECTION)
    if section is not None and not isinstance(section, Mapping):
        raise ConfigError(f"{document.where(SECTION)}: {SECTION} must be a mapping")
    found = {key: section[key] for key in KEYS if section and section.get(key) is not None}
    named = [one for key, value in found.items() for one in _names(document, key, value)]
    left_out = [one for one in named if _without_exporter(one.name, installed)]
    used = [one for one in named if one not in left_out]
    ours = {k: v for k, v in document.values.items() if k != SECTION and k not in ignored}
    return Translated(
        msgspec.structs.replace(document, values=ours),
        tuple(dict.fromkeys(_exporter_id(one.name, installed) for one in used)),
        " + ".join(f"{document.where(SECTION, key)} ({SECTION}.{key})" for key in found),
        _presets(used, environ, installed),
        (*_said_of_sections(document, ignored), *_said_of_names(left_out, installed)),
    )


def _names(document: Document, key: str, value: object) -> list[_Named]:
    where = document.where(SECTION, key)
    names = readers.callbacks(value, f"{where}: {SECTION}.{key}")
    return [_Named(str(name), key, where) for name in names]


def _exporter_id(name: str, installed: Collection[str]) -> str:
    """Our id for a name; a type that is installed is what it says."""
    if name.partition("/")[0] in installed or name not in OURS:
        return name
    return OURS[name].exporter_id


def _without_exporter(name: str, installed: Collection[str]) -> bool:
    if name.partition("/")[0] in installed:
        return False
    return name in WITHOUT_EXPORTER | NO_LOGGERS or "." in name


def _presets(
    used: list[_Named], environ: Mapping[str, str], installed: Collection[str]
) -> dict[str, dict[str, object]]:
    """What each name stands for, and which events its lists are told of."""
    presets: dict[str, dict[str, object]] = {}
    lists: dict[str, set[str]] = {}
    for one in used:
        exporter_id = _exporter_id(one.name, installed)
        lists.setdefault(exporter_id, set()).add(one.key)
        ours = OURS.get(one.name)
        if ours is not None and ours.exporter_id == exporter_id:
            options = ours.preset(environ, f"{one.where}: {SECTION}.{one.key}")
            if options:
                presets.setdefault(exporter_id, {}).update(options)
    for exporter_id, keys in lists.items():
        if len(keys) == 1 and keys <= _EVENTS.keys():
            presets.setdefault(exporter_id, {})["events"] = _EVENTS[min(keys)]
    return presets


def _said_of_sections(document: Document, ignored: list[str]) -> tuple[str, ...]:
    if not ignored:
        return ()
    said = (
        f"{document.name}: left alone, as they are LiteLLM's: {', '.join(ignored)}; "
        f"of its settings vidobs reads {SECTION}.{', '.join(KEYS)}"
    )
    return (said,)


def _said_of_names(left_out: list[_Named], installed: Collection[str]) -> tuple[str, ...]:
    if not left_out:
        return ()
    names = ", ".join(dict.fromkeys(one.name for one in left_out))
    said = (
        f"{left_out[0].where}: left out, for vidobs has no exporter of that name: {names}; it has "
        f"{', '.join(sorted(installed))}, and 'otlp' reaches whatever takes OpenTelemetry; "
        "functions are given in Python: vidobs.configure(callbacks=[...])"
    )
    return (said,)
