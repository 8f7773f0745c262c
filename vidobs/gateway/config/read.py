"""The file of the gateway, read and checked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vidobs.config import readers
from vidobs.config.yaml_file import Document, read_yaml
from vidobs.core.errors import ConfigError
from vidobs.gateway.config.deployments import listed, provider_and_model
from vidobs.gateway.config.model import GatewayConfig, Given, Sizes
from vidobs.gateway.config.sections import (
    BUDGET_KEYS,
    GENERAL,
    GENERAL_KEYS,
    GUARDRAILS,
    LITELLM,
    MODELS,
    OURS,
    ROUTER,
    check_known,
    mapping,
    unread,
    wanted,
)
from vidobs.gateway.seams import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROUTINGS = ("weighted", "least_busy")
RELAYS = ("process", "thread")
_STRATEGIES = {"simple-shuffle": "weighted", "least-busy": "least_busy"}  # LiteLLM's
_COUNTS = ("max_json_bytes", "max_upload_bytes", "max_header_bytes")
_SECONDS = ("header_timeout_s", "body_timeout_s", "write_timeout_s", "drain_s")
_OWN = (
    "routing", "cooldown_s", "allowed_fails", "default_model", "take_foreign_ids",
    "idempotency_hours", "lost_after_s", "relay",
)  # fmt: skip
KEYS = frozenset({*_OWN, *_COUNTS, *_SECONDS, *PARTS})


def read_config(path: Path, environ: Mapping[str, str]) -> GatewayConfig:
    """Read a file of LiteLLM's, with our section `gateway:` where there is one.

    Raises:
        ConfigError: with the line: it cannot be used.
    """
    return _config(read_yaml(path, environ, wanted=wanted), environ)


def from_model(named: str, environ: Mapping[str, str]) -> GatewayConfig:
    """Return the configuration for `--model azure/sora-2`: it takes every create.

    Raises:
        ConfigError: there is no such provider, or the environment lacks its key or address.
    """
    entry = {"model_name": named, "litellm_params": {"model": named}}
    document = Document(f"--model {named}", {MODELS: [entry]})
    return msgspec.structs.replace(_config(document, environ), default_model=named)


def _config(document: Document, environ: Mapping[str, str]) -> GatewayConfig:
    found = listed(document, environ)
    if not found.deployments:
        said = f"; {found.warnings[0]}" if found.warnings else ""
        raise ConfigError(f"{document.name}: {MODELS} names no model that makes videos{said}")
    own = mapping(document, document.values.get(OURS), OURS)
    check_known(document, own, KEYS)
    general = mapping(document, document.values.get(GENERAL), GENERAL)
    known = {
        key: Given(value, document.where(GENERAL, key))
        for key, value in general.items()
        if key in GENERAL_KEYS and value is not None
    }
    config = GatewayConfig(
        deployments=found.deployments,
        name=document.name,
        master_key=_master_key(known.get("master_key")),
        general=known,
        parts=_parts(document, own),
        litellm_guardrails=_at_top(document, GUARDRAILS),
        sizes=_sizes(document, own),
        prices=found.prices,
        warnings=(*found.warnings, *unread(document)),
    )
    config = msgspec.structs.replace(config, **_router(document), **_own(document, own))
    _check_default(document, config)
    return config


def _parts(document: Document, own: Mapping[str, object]) -> dict[str, Given]:
    """What other parts read; the gateway's budget may stand where LiteLLM has it."""
    given = mapping(document, document.values.get(LITELLM), LITELLM)
    budget = {name: given[name] for name in BUDGET_KEYS if given.get(name) is not None}
    parts = {"budgets": Given(budget, document.where(LITELLM))} if budget else {}
    for name in PARTS:
        if own.get(name) is not None:
            parts[name] = Given(own[name], document.where(OURS, name))
    return parts


def _at_top(document: Document, name: str) -> Given | None:
    value = document.values.get(name)
    return None if value is None else Given(value, document.where(name))


def _master_key(given: Given | None) -> str | None:
    if given is None:
        return None
    return readers.text(given.value, f"{given.where}: {GENERAL}.master_key")


def _sizes(document: Document, own: Mapping[str, object]) -> Sizes:
    given: dict[str, float] = {}
    for names, read in ((_COUNTS, readers.count), (_SECONDS, readers.seconds)):
        for name in names:
            if own.get(name) is not None:
                given[name] = read(own[name], f"{document.where(OURS, name)}: {OURS}.{name}")
    return msgspec.structs.replace(Sizes(), **given)


def _router(document: Document) -> dict[str, object]:
    """What LiteLLM's `router_settings` say, where our own section does not."""
    given = mapping(document, document.values.get(ROUTER), ROUTER)
    found: dict[str, object] = {}
    strategy = given.get("routing_strategy")
    if strategy is not None:
        found["routing"] = _STRATEGIES.get(str(strategy), ROUTINGS[0])
    if given.get("cooldown_time") is not None:
        where = f"{document.where(ROUTER, 'cooldown_time')}: cooldown_time"
        found["cooldown_s"] = readers.seconds(given["cooldown_time"], where)
    if given.get("allowed_fails") is not None:
        where = f"{document.where(ROUTER, 'allowed_fails')}: allowed_fails"
        found["allowed_fails"] = readers.count(given["allowed_fails"], where)
    return found


def _own(document: Document, own: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, read in (
        ("routing", partial(_one_of, ROUTINGS)),
        ("cooldown_s", readers.seconds),
        ("allowed_fails", readers.count),
        ("default_model", readers.text),
        ("take_foreign_ids", readers.boolean),
        ("idempotency_hours", readers.seconds),
        ("lost_after_s", readers.seconds),
        ("relay", partial(_one_of, RELAYS)),
    ):
        if own.get(name) is not None:
            found[name] = read(own[name], f"{document.where(OURS, name)}: {OURS}.{name}")
    return found


def _one_of(allowed: tuple[str, ...], value: object, where: str) -> str:
    if value not in allowed:
        raise ConfigError(f"{where}: got {value!r}; allowed: {', '.join(allowed)}")
    return str(value)


def _check_default(document: Document, config: GatewayConfig) -> None:
    named = config.default_model
    if named is None or any(one.model_name == named for one in config.deployments):
        return
    where = document.where(OURS, "default_model")
    raise ConfigError(f"{where}: default_model {named!r} is not in {MODELS}")


__all__ = ["from_model", "provider_and_model", "read_config"]
