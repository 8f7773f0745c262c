"""The gateway with all its parts, as the command runs it."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import EventName
from vidobs.gateway.alerting.settings import read_alerts
from vidobs.gateway.app import Gateway, create_gateway
from vidobs.gateway.config import Given
from vidobs.gateway.defaults import MasterKey, NoAlerts, NoLimits
from vidobs.gateway.governance import routes as admin_routes
from vidobs.gateway.governance.governance import Governance
from vidobs.gateway.governance.settings import read_settings
from vidobs.gateway.hooks.paths import PATHS
from vidobs.gateway.hooks.settings import open_hooks, read_hooks
from vidobs.gateway.late import Late
from vidobs.gateway.seams import Keys
from vidobs.gateway.videos.ids import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vidobs.core.jobs import Job
    from vidobs.gateway.alerting.desk import AlertDesk
    from vidobs.gateway.config import GatewayConfig
    from vidobs.gateway.guardrails.guards import GuardrailGuards
    from vidobs.gateway.hooks.service import Hooks
    from vidobs.gateway.seams import Admission, Alerts, App, Service
    from vidobs.runtime import Runtime

_ENDED = (EventName.COMPLETED.value, EventName.FAILED.value, EventName.EXPIRED.value)
_GOVERNED = ("keys", "budgets", "limits")
_log = logging.getLogger("vidobs")


class Assembled(msgspec.Struct, frozen=True):
    """A gateway, and what has to be closed behind it."""

    gateway: Gateway
    keys: Keys
    closing: ExitStack


def assembled(
    config: GatewayConfig,
    *,
    runtime: Runtime,
    key: bytes,
    extra_routes: Mapping[str, App] | None = None,
    mounts: Mapping[str, App] | None = None,
    services: Sequence[Service] = (),
) -> Assembled:
    """Put keys, budgets, limits and guardrails around the routes, as the file says.

    Raises:
        ConfigError: a part of the file cannot be used.
    """
    closing = ExitStack()
    desks = _alerts(config, runtime)
    alerts: Alerts = NoAlerts()
    for desk in desks:
        alerts = desk
        closing.callback(runtime.callbacks.add("*", desk.take))
    keys, admission, admins, below = _governed(config, runtime, alerts, closing)
    hooks, endpoints = _hooks(config, runtime, keys, Signer(key).id_of)
    for hook in hooks:
        for ended in _ENDED:  # creates are no news to anybody, and there are many
            closing.callback(runtime.callbacks.add(ended, hook.wake))
    guards = _guards(config, runtime)
    guarding = () if guards is None else (guards,)
    gateway = create_gateway(
        config,
        runtime=runtime,
        key=key,
        keys=keys,
        admission=admission,
        guards=guards,
        alerts=alerts,
        extra_routes={**admins, **(extra_routes or {})},
        mounts={**below, **endpoints, **(mounts or {})},
        services=(*guarding, *desks, *hooks, *services),
    )
    return Assembled(gateway, keys, closing)


def _governed(
    config: GatewayConfig, runtime: Runtime, alerts: Alerts, closing: ExitStack
) -> tuple[Keys, Admission, Mapping[str, App], Mapping[str, App]]:
    """Keys, budgets, limits and the routes of admins; nothing where the file names none of them.

    They are kept beside the ledger: with one in memory there is only the master key.
    """
    parts = {name: config.parts[name] for name in _GOVERNED if name in config.parts}
    if not parts and (config.master_key is None or runtime.settings.ledger.path is None):
        return MasterKey(config.master_key), NoLimits(), {}, {}
    settings = read_settings(
        {name: (given.value, given.where) for name, given in parts.items()}, config.master_key
    )
    governance = Governance(
        settings, runtime.settings.ledger.path, alerts=alerts, report=_log.warning
    )
    closing.callback(governance.close)
    governance.start()
    keys = governance.directory
    return (
        keys,
        governance.admission,
        admin_routes.routes(governance, keys),
        admin_routes.mounts(governance, keys),
    )


def _alerts(config: GatewayConfig, runtime: Runtime) -> tuple[AlertDesk, ...]:
    """Where people are told; nothing where the file names no channel."""
    own = config.parts.get("alerts", Given(None, config.name))
    general = {name: (given.value, given.where) for name, given in config.general.items()}
    settings = read_alerts(general, own.value, own.where, os.environ)
    for warning in settings.warnings:
        _log.warning("%s", warning)
    if not settings.channels:
        return ()
    from vidobs.gateway.alerting.opening import open_alerts

    return (open_alerts(settings, runtime),)


def _guards(config: GatewayConfig, runtime: Runtime) -> GuardrailGuards | None:
    given = config.parts.get("guardrails", Given(None, config.name))
    foreign = config.litellm_guardrails or Given(None, config.name)
    if given.value is None and foreign.value is None:
        return None
    from vidobs.gateway.guardrails.guards import GuardrailGuards
    from vidobs.gateway.guardrails.litellm import read_litellm
    from vidobs.gateway.guardrails.settings import read_guardrails

    understood = read_litellm(foreign.value, foreign.where)
    for warning in understood.warnings:
        _log.warning("%s", warning)
    guardrails = (*read_guardrails(given.value, given.where), *understood.guardrails)
    if not guardrails:
        return None
    return GuardrailGuards(guardrails, runtime.observer)


def _hooks(
    config: GatewayConfig, runtime: Runtime, keys: Keys, video_id: Callable[[Job], str | None]
) -> tuple[tuple[Hooks, ...], Mapping[str, App]]:
    """Webhooks to clients, and the routes where they are asked for; none without a file."""
    given = config.parts.get("webhooks", Given(None, config.name))
    settings = read_hooks(given.value, given.where)
    ledger = runtime.settings.ledger.path
    if not settings.enabled or ledger is None:
        return (), {}
    hooks = open_hooks(settings, ledger, video_id=video_id, guard=runtime.guard)

    def routes() -> App:
        from vidobs.gateway.hooks.routes import EndpointRoutes

        return EndpointRoutes(hooks, keys, settings.reach).app()

    return (hooks,), dict.fromkeys(PATHS, Late(routes))
