"""The sections of a file, checked for keys that nobody reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from vidobs.config.yaml_file import Document, PathIn

OURS = "gateway"
MODELS, GENERAL, ROUTER, LITELLM = (
    "model_list", "general_settings", "router_settings", "litellm_settings",
)  # fmt: skip
GUARDRAILS = "guardrails"
GENERAL_KEYS = frozenset(
    {
        "master_key", "alerting", "alerting_args", "alerting_threshold", "alert_types",
        "alert_to_webhook_url", "datadog_api_key", "datadog_site", "slack_webhook_url",
    }
)  # fmt: skip
ROUTER_KEYS = frozenset({"routing_strategy", "cooldown_time", "allowed_fails"})
BUDGET_KEYS = ("max_budget", "budget_duration")  # of the whole gateway
LITELLM_KEYS = frozenset({"callbacks", "success_callback", "failure_callback", *BUDGET_KEYS})
_READ = {GENERAL: GENERAL_KEYS, ROUTER: ROUTER_KEYS, LITELLM: LITELLM_KEYS}


def wanted(path: PathIn) -> bool:
    """Tell whether a value of the file is read here; the variables of others are not asked for."""
    section = path[0]
    if section in (OURS, MODELS, GUARDRAILS):
        return True
    if section == LITELLM:  # callbacks are read with the settings of vidobs
        return len(path) == 1 or path[1] in BUDGET_KEYS
    known = _READ.get(str(section))
    return known is not None and (len(path) == 1 or path[1] in known)


def mapping(document: Document, value: object, *path: str | int) -> Mapping[str, object]:
    """Return a section; nothing counts as an empty one.

    Raises:
        ConfigError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        name = ".".join(map(str, path))
        raise ConfigError(f"{document.where(*path)}: {name} must be a mapping")
    return value


def check_known(document: Document, given: Mapping[str, object], known: Collection[str]) -> None:
    """Refuse a key of our own section that nobody reads.

    Raises:
        ConfigError: with the line, what is known and what is nearest.
    """
    for key in given:
        if key not in known:
            problem = unknown_name(f"key of {OURS}", key, known)
            raise ConfigError(f"{document.where(OURS, key)}: {problem}")


def unread(document: Document) -> list[str]:
    """Return a warning for each key of LiteLLM's that the gateway does not read."""
    said = []
    for section, known in _READ.items():
        for key in mapping(document, document.values.get(section), section):
            if key not in known:
                place = document.where(section, key)
                said.append(f"{place}: {section}.{key} is LiteLLM's; vidobs does not read it")
    return said
