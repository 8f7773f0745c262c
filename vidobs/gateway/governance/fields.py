"""What admins send of keys, users and teams, with LiteLLM's names; absent leaves, null clears."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from vidobs.core.errors import ConfigError
from vidobs.core.scrub import scrub
from vidobs.gateway.governance.durations import after, read_span
from vidobs.gateway.governance.settings import check_allowance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vidobs.gateway.governance.records import Account

_T = TypeVar("_T")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:+-]{0,127}")
_MOST_NAME = 200
_MOST_MODELS = 500
_MOST_METADATA_BYTES = 16_384
_FOREVER = "-1"  # LiteLLM's word for a key that never expires
# What of LiteLLM's is not kept to here: whoever sends it must not believe that it holds.
UNKEPT = frozenset(
    {
        "tpm_limit", "tpd_limit", "model_max_budget", "model_rpm_limit", "model_tpm_limit",
        "budget_id", "budget_limits", "allowed_routes", "denied_passthrough_routes", "permissions",
        "guardrails", "policies", "object_permission", "enforced_params", "auto_rotate",
        "max_budget_in_team", "team_member_budget", "team_member_rpm_limit", "blocked_routes",
        "spend", "temp_budget_increase",
    }
)  # fmt: skip

_COUNTS = frozenset({"rpm_limit", "output_seconds_per_minute", "max_parallel_requests"})

Amount = Decimal | None | UnsetType
Count = int | float | None | UnsetType  # for JSON 60.0 is a whole number
Name = str | None | UnsetType


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """Any of the fields; those of other names are LiteLLM's, and ignored."""

    key: Name = UNSET
    keys: list[str] | UnsetType | None = UNSET
    key_aliases: list[str] | UnsetType | None = UNSET
    key_alias: Name = UNSET
    user_id: Name = UNSET
    user_ids: list[str] | UnsetType | None = UNSET
    user_alias: Name = UNSET
    team_id: Name = UNSET
    team_ids: list[str] | UnsetType | None = UNSET
    team_alias: Name = UNSET
    models: list[str] | UnsetType | None = UNSET
    metadata: dict[str, object] | UnsetType | None = UNSET
    blocked: bool | UnsetType | None = UNSET
    duration: Name = UNSET
    grace_period: Name = UNSET
    max_budget: Amount = UNSET
    soft_budget: Amount = UNSET
    budget_duration: Name = UNSET
    rpm_limit: Count = UNSET
    output_seconds_per_minute: Count = UNSET
    max_parallel_requests: Count = UNSET


def read_fields(body: bytes) -> Fields:
    """Read a body.

    Raises:
        ConfigError: it is no JSON object, a field is of another kind, or would not be kept to.
    """
    try:
        given = msgspec.json.decode(body or b"{}", type=dict[str, msgspec.Raw])
        unkept = sorted(name for name in UNKEPT.intersection(given) if not _empty(given[name]))
        fields = msgspec.json.decode(body or b"{}", type=Fields)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the body cannot be read: {scrub(str(error))}") from None
    if unkept:
        raise ConfigError(f"{', '.join(unkept)}: vidobs would not keep to it; leave it out")
    return fields


def given(value: _T | UnsetType) -> _T | None:
    """Return a field, `None` where it is absent."""
    return None if isinstance(value, UnsetType) else value


def applied(account: Account, fields: Fields, now: datetime) -> Account:
    """Return an account with what was sent.

    Raises:
        ConfigError: a field cannot be used.
    """
    sent: Mapping[str, object] = {
        name: _whole(name, value) if name in _COUNTS else value
        for name in Fields.__struct_fields__
        if not isinstance(value := getattr(fields, name), UnsetType)
    }
    allowance = msgspec.structs.replace(
        account.allowance,
        **{name: sent[name] for name in account.allowance.__struct_fields__ if name in sent},
    )
    check_allowance(allowance)
    changes: dict[str, object] = {"allowance": allowance, "updated_at": now}
    if not isinstance(fields.models, UnsetType):
        changes["models"] = _models(fields.models or [])
    if not isinstance(fields.metadata, UnsetType):
        changes["metadata"] = _metadata(fields.metadata or {})
    if not isinstance(fields.blocked, UnsetType):
        changes["blocked"] = bool(fields.blocked)
    alias = f"{account.kind}_alias"
    if alias in sent:
        changes["alias"] = _alias(sent[alias], alias)
    if not isinstance(fields.duration, UnsetType):
        changes["expires_at"] = _expiry(fields.duration, now)
    return msgspec.structs.replace(account, **changes)


def checked_id(name: str, text: str) -> str:
    """Return an id that can stand in a job's tags as it is.

    Raises:
        ConfigError: it cannot.
    """
    if not _ID.fullmatch(text) or scrub(text) != text:
        allowed = "up to 128 letters, digits and _ . @ : + -"
        raise ConfigError(f"{name}: got {scrub(text, 40)!r}; allowed are {allowed}")
    return text


def _models(names: list[str]) -> tuple[str, ...]:
    if len(names) > _MOST_MODELS or any(not 0 < len(name) <= _MOST_NAME for name in names):
        raise ConfigError(
            f"models: at most {_MOST_MODELS} names of at most {_MOST_NAME} characters"
        )
    return tuple(dict.fromkeys(names))


def _metadata(metadata: dict[str, object]) -> dict[str, object]:
    if len(msgspec.json.encode(metadata)) > _MOST_METADATA_BYTES:
        raise ConfigError(f"metadata: at most {_MOST_METADATA_BYTES} bytes of JSON")
    return metadata


def _alias(alias: object, name: str) -> str | None:
    if alias is None or alias == "":
        return None
    text = str(alias)
    if len(text) > _MOST_NAME or not text.isprintable():
        raise ConfigError(f"{name}: at most {_MOST_NAME} printable characters")
    return text


def _expiry(duration: str | None, now: datetime) -> datetime | None:
    if duration is None or duration == _FOREVER:
        return None
    return after(now, read_span(duration))


def _whole(name: str, value: object) -> object:
    if not isinstance(value, float):
        return value
    if not value.is_integer():
        raise ConfigError(f"{name}: got {value}; write a whole number")
    return int(value)


def _empty(raw: msgspec.Raw) -> bool:
    return bytes(raw).strip() in (b"null", b"[]", b"{}", b'""', b"false", b"0", b"0.0")
