"""How alerting is set up: `general_settings.alerting`, as LiteLLM has it, and `gateway.alerts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs.config import readers
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.standard_webhooks import key_of
from vidobs.gateway.alerting.engine import AlertKind, Manners
from vidobs.gateway.alerting.payloads import Channel, Datadog, Slack, Webhook
from vidobs.gateway.alerting.watch import Thresholds

if TYPE_CHECKING:
    from vidobs.config.readers import Reader

Given: TypeAlias = Mapping[str, tuple[object, str]]  # by name: a value, and its place
Environ: TypeAlias = Mapping[str, str]

_SITE = "datadoghq.com"
_KINDS = tuple(kind.value for kind in AlertKind)
_EXPORTER_S = 60.0  # an exporter that is down for less is not worth a message
_LITELLM_TYPES: Mapping[str, tuple[AlertKind, ...]] = MappingProxyType(
    {  # LiteLLM's names: https://docs.litellm.ai/docs/proxy/alerting
        "budget_alerts": (AlertKind.BUDGET_WARNING, AlertKind.BUDGET_EXCEEDED),
        "llm_exceptions": (AlertKind.FAILURE_RATIO,),
        "outage_alerts": (AlertKind.FAILURE_RATIO,),
        "llm_too_slow": (AlertKind.SLOW_PROVIDER,),
        "llm_requests_hanging": (AlertKind.STUCK,),
        "cooldown_deployment": (AlertKind.DEPLOYMENT_COOLDOWN,),
    }
)
_SECONDS = ("window_s", "quiet_s", "exporter_after_s")
_COUNTS = ("failure_jobs", "slow_jobs", "slow_past", "per_minute")
_NUMBERS = ("failure_ratio", "slow_times")
_OWN = ("types", "datadog", "slack", "webhook", *_SECONDS, *_COUNTS, *_NUMBERS)


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says. Without a channel there are no alerts."""

    channels: tuple[Channel, ...] = ()
    kinds: frozenset[str] = frozenset(AlertKind)
    manners: Manners = Manners()
    thresholds: Thresholds = Thresholds()
    warnings: tuple[str, ...] = ()


def read_alerts(general: Given, section: object, where: str, environ: Environ) -> AlertSettings:
    """Read `general_settings` (by name) and `gateway.alerts`; the second says more of each.

    Raises:
        ConfigError: something cannot be used, or a channel lacks its address or key.
    """
    own = _section(section, where)
    names, warnings = _channels(general)
    names += [name for name in _MADE if name in own and name not in names]
    channels = tuple(
        _MADE[name](
            general, _section(own.get(name), f"{where}: {name}"), f"{where}: {name}", environ
        )
        for name in names
    )
    kinds, more = _kinds(general, own, where)
    return AlertSettings(
        channels=channels,
        kinds=kinds,
        manners=_manners(own, where),
        thresholds=_thresholds(own, where),
        warnings=(*warnings, *more),
    )


def _section(value: object, where: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: must be a mapping")
    return value


def _channels(general: Given) -> tuple[list[str], list[str]]:
    value, where = general.get("alerting", (None, ""))
    listed = [value] if isinstance(value, str) else value or []
    if not isinstance(listed, list):
        raise ConfigError(f"{where}: alerting must be a list, such as [slack]")
    named = [str(one) for one in listed]
    unknown = [one for one in named if one not in _MADE]
    said = [f"{where}: alerting has no {', '.join(unknown)} here; it has {', '.join(_MADE)}"]
    return [one for one in dict.fromkeys(named) if one in _MADE], said if unknown else []


def _kinds(
    general: Given, own: Mapping[str, object], where: str
) -> tuple[frozenset[str], list[str]]:
    """Return what is told of: our names, or LiteLLM's `alert_types`."""
    if own.get("types") is not None:
        given = own["types"] if isinstance(own["types"], list) else [own["types"]]
        for one in given:
            if one not in set(AlertKind):
                raise ConfigError(f"{where}: {unknown_name('type of alert', str(one), _KINDS)}")
        return frozenset(str(one) for one in given), []
    value, place = general.get("alert_types", (None, ""))
    if not isinstance(value, list):
        return frozenset(AlertKind), []
    known = [kind for one in value for kind in _LITELLM_TYPES.get(str(one), ())]
    left = [str(one) for one in value if str(one) not in _LITELLM_TYPES]
    said = [f"{place}: alert_types that vidobs has not: {', '.join(left)}"]
    return frozenset(known), said if left else []


def _manners(own: Mapping[str, object], where: str) -> Manners:
    usual = Manners()
    after_s = _number(own, "exporter_after_s", _EXPORTER_S, where)
    return Manners(
        quiet_s=_number(own, "quiet_s", usual.quiet_s, where),
        per_minute=int(_number(own, "per_minute", usual.per_minute, where)),
        after_s={AlertKind.EXPORTER_DOWN: after_s},
    )


def _thresholds(own: Mapping[str, object], where: str) -> Thresholds:
    usual = Thresholds()
    found = {
        name: type(getattr(usual, name))(_number(own, name, getattr(usual, name), where))
        for name in usual.__struct_fields__
    }
    if not 0 < found["failure_ratio"] <= 1:
        raise ConfigError(f"{where}: failure_ratio: allowed: more than 0, at most 1")
    for name in own:
        if name not in _OWN:
            raise ConfigError(f"{where}: {unknown_name('option of alerts', str(name), _OWN)}")
    return msgspec.structs.replace(usual, **found)


def _number(own: Mapping[str, object], name: str, usual: float, where: str) -> float:
    value = own.get(name)
    if value is None:
        return usual
    if isinstance(value, Decimal):
        value = float(value)
    read: Reader = readers.count if name in _COUNTS else readers.seconds
    try:
        number = read(value, f"{where}: {name}")
    except ConfigError as error:
        raise ConfigError(str(error).replace("a number of seconds", "a number")) from None
    assert isinstance(number, int | float)  # noqa: S101 - both readers return numbers
    return number


# -- the channels ----------------------------------------------------------------------------------


def _datadog(general: Given, own: Mapping[str, object], where: str, environ: Environ) -> Channel:
    key = _first(
        own.get("api_key"),
        _of(general, "datadog_api_key"),
        environ.get("DD_API_KEY"),
        environ.get("DATADOG_API_KEY"),
    )
    if not key:
        raise ConfigError(
            f"{where}: alerts need a key: set general_settings.datadog_api_key, or DD_API_KEY"
        )
    site = _first(own.get("site"), _of(general, "datadog_site"), environ.get("DD_SITE")) or _SITE
    url = _text(own.get("url")) or f"https://api.{site}"
    tags = own.get("tags") or []
    if not isinstance(tags, list):
        raise ConfigError(f"{where}: tags must be a list, such as ['env:prod']")
    return Datadog(api_key=key, url=_http(url, where).rstrip("/"), tags=tuple(map(str, tags)))


def _slack(general: Given, own: Mapping[str, object], where: str, environ: Environ) -> Channel:
    url = _first(
        own.get("url"), _of(general, "slack_webhook_url"), environ.get("SLACK_WEBHOOK_URL")
    )
    if not url:
        raise ConfigError(f"{where}: alerts need an incoming webhook: set SLACK_WEBHOOK_URL")
    return Slack(url=_http(url, where))


def _webhook(general: Given, own: Mapping[str, object], where: str, environ: Environ) -> Channel:
    url = _first(own.get("url"), _of(general, "alert_to_webhook_url"), environ.get("WEBHOOK_URL"))
    if not url:
        raise ConfigError(f"{where}: alerts need an address: set gateway.alerts.webhook.url")
    secret = _text(own.get("secret")) or environ.get("WEBHOOK_SECRET")
    try:
        keys = tuple(key_of(one) for one in secret.split()) if secret else ()
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    return Webhook(url=_http(url, where), keys=keys)


def _of(general: Given, key: str) -> object:
    return general.get(key, (None, ""))[0]


def _first(*candidates: object) -> str | None:
    """Return the first text that is given: here, in `general_settings`, in the environment."""
    return next((text for one in candidates if (text := _text(one)) is not None), None)


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _http(url: str, where: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"{where}: the address must begin with https://")  # it is a secret
    return url


_MADE: Mapping[str, Callable[[Given, Mapping[str, object], str, Environ], Channel]] = (
    MappingProxyType({"datadog": _datadog, "slack": _slack, "webhook": _webhook})
)
