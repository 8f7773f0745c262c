"""LiteLLM's names in a YAML file: its callbacks are understood, its other sections left alone.

https://docs.litellm.ai/docs/proxy/configs
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vidobs.config import readers
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


class Translated(msgspec.Struct, frozen=True):
    """A file without LiteLLM's sections, what they say in our terms, and what to tell the user."""

    document: Document
    callbacks: tuple[object, ...] = ()
    source: str = ""  # such as "vidobs.yaml:3 (litellm_settings.success_callback)"
    warnings: tuple[str, ...] = ()


def translated(document: Document) -> Translated:
    """Take LiteLLM's sections out of a file.

    Raises:
        ConfigError: its callbacks are no list of names.
    """
    ignored = [key for key in document.values if key in LEFT_ALONE]
    section = document.values.get(SECTION)
    if section is not None and not isinstance(section, Mapping):
        raise ConfigError(f"{document.where(SECTION)}: {SECTION} must be a mapping")
    found = {key: section[key] for key in KEYS if section and section.get(key) is not None}
    callbacks: list[object] = []
    for key, value in found.items():
        where = f"{document.where(SECTION, key)}: {SECTION}.{key}"
        callbacks += [n for n in readers.callbacks(value, where) if n not in callbacks]
    ours = {k: v for k, v in document.values.items() if k != SECTION and k not in ignored}
    return Translated(
        msgspec.structs.replace(document, values=ours),
        tuple(callbacks),
        " + ".join(f"{document.where(SECTION, key)} ({SECTION}.{key})" for key in found),
        (_warning(document, ignored),) if ignored else (),
    )


def _warning(document: Document, ignored: list[str]) -> str:
    return (
        f"{document.name}: left alone, as they are LiteLLM's: {', '.join(ignored)}; "
        f"of its settings vidobs reads {SECTION}.{', '.join(KEYS)}"
    )
