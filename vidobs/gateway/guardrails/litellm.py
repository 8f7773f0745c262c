"""LiteLLM's `guardrails:`, as far as videos have a use for them.

https://docs.litellm.ai/docs/proxy/guardrails/quick_start
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from vidobs.config import readers
from vidobs.core.errors import ConfigError
from vidobs.gateway.guardrails.guardrail import Guardrail
from vidobs.gateway.guardrails.settings import KINDS, built

_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_KINDS = MappingProxyType({"openai_moderation": "moderations"})
_MODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {  # LiteLLM's: mode and stage here
        "pre_call": ("block", "prompt"),
        "during_call": ("block", "prompt"),
        "post_call": ("block", "result"),
        "logging_only": ("log", "prompt"),
    }
)


class Understood(msgspec.Struct, frozen=True):
    """What the list came to, and what to tell the operator."""

    guardrails: tuple[Guardrail, ...] = ()
    warnings: tuple[str, ...] = ()


def read_litellm(value: object, where: str) -> Understood:
    """Read the list; one warning names every entry that is left out.

    Raises:
        ConfigError: it is no list, or an entry that is understood cannot be used.
    """
    if value is None:
        return Understood()
    if not isinstance(value, list):
        raise ConfigError(f"{where}: guardrails must be a list")
    made: list[Guardrail] = []
    left_out: list[str] = []
    for at, entry in enumerate(value):
        name, params = _parts(entry, f"{where}: guardrails[{at}]")
        why = _not_understood(params)
        if why is None:
            made.append(_made(name, params, f"{where}: guardrails[{at}].litellm_params"))
        else:
            left_out.append(f"{name} ({why})")
    said = (
        f"{where}: guardrails that vidobs leaves out: {', '.join(left_out)}; it has "
        f"{', '.join(KINDS)}, see docs/gateway-guardrails.md"
    )
    return Understood(tuple(made), (said,) if left_out else ())


def _parts(entry: object, where: str) -> tuple[str, Mapping[str, object]]:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} must be a mapping")
    params = entry.get("litellm_params")
    if not isinstance(params, Mapping):
        raise ConfigError(f"{where}.litellm_params must be a mapping")
    return readers.text(entry.get("guardrail_name"), f"{where}.guardrail_name"), params


def _not_understood(params: Mapping[str, object]) -> str | None:
    kind = str(params.get("guardrail"))
    if _kind(kind) is None:
        return kind
    if params.get("default_on") is not True:
        return "not default_on: requests cannot ask for guardrails here"
    modes = _modes(params)
    return next((f"mode {mode}" for mode in modes if mode not in _MODES), None)


def _kind(named: str) -> str | None:
    if ":" in named:
        return "function"
    return named if named in KINDS else _KINDS.get(named)


def _modes(params: Mapping[str, object]) -> list[str]:
    given = params.get("mode", "pre_call")
    return [str(one) for one in given] if isinstance(given, list) else [str(given)]


def _made(name: str, params: Mapping[str, object], where: str) -> Guardrail:
    named = str(params["guardrail"])
    kind = _kind(named) or ""
    modes = [_MODES[mode] for mode in _modes(params)]
    options = {key: value for key, value in params.items() if key in KINDS[kind].options}
    if ":" in named:
        options["function"] = named
    options["mode"] = "log" if all(mode == "log" for mode, _ in modes) else "block"
    options["when"] = list(dict.fromkeys(stage for _, stage in modes))
    return built(_ODD.sub("-", name), kind, options, where)
