"""What the configuration says of keys, budgets and limits: three parts of `gateway:`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

import msgspec

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.gateway.governance.admission import ModelLimits
from vidobs.gateway.governance.durations import read_span
from vidobs.gateway.governance.records import Allowance

MOST_USD = Decimal(1_000_000_000)
_T = TypeVar("_T", bound=msgspec.Struct)


class UnknownPrice(StrEnum):
    """What a budget does with a create that nobody knows the price of."""

    DENY = "deny"  # refuse it
    ALLOW = "allow"  # let it through, and count it once it has a price


class KeysPart(msgspec.Struct, frozen=True):
    """The part `keys`."""

    file: str | None = None  # where keys, users and teams are kept; None: beside the ledger
    viewer_key: str | None = None  # looks at everything, changes nothing


class BudgetsPart(msgspec.Struct, frozen=True):
    """The part `budgets`: the budget of the whole gateway."""

    max_budget: Decimal | None = None
    soft_budget: Decimal | None = None
    budget_duration: str | None = None
    unknown_price: UnknownPrice = UnknownPrice.DENY


class LimitsPart(msgspec.Struct, frozen=True):
    """The part `limits`: limits of the whole gateway, and of single models for everybody."""

    rpm_limit: int | None = None
    output_seconds_per_minute: int | None = None
    max_parallel_requests: int | None = None
    count_polls: bool = False  # whether asking how a job is doing counts as a request
    models: Mapping[str, ModelLimits] = {}


class GovernanceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, checked."""

    keys: KeysPart = KeysPart()
    budgets: BudgetsPart = BudgetsPart()
    limits: LimitsPart = LimitsPart()
    master_key: str | None = None

    @property
    def allowance(self) -> Allowance:
        """How much everybody together may use."""
        return Allowance(
            max_budget=self.budgets.max_budget,
            soft_budget=self.budgets.soft_budget,
            budget_duration=self.budgets.budget_duration,
            rpm_limit=self.limits.rpm_limit,
            output_seconds_per_minute=self.limits.output_seconds_per_minute,
            max_parallel_requests=self.limits.max_parallel_requests,
        )


def read_settings(
    parts: Mapping[str, tuple[object, str]], master_key: str | None = None
) -> GovernanceSettings:
    """Read the parts; each is a value with its place for error texts.

    Raises:
        ConfigError: one cannot be used; says which, what is wrong and what is allowed.
    """
    settings = GovernanceSettings(
        keys=_part(parts, "keys", KeysPart),
        budgets=_part(parts, "budgets", BudgetsPart),
        limits=_part(parts, "limits", LimitsPart),
        master_key=master_key,
    )
    check_allowance(settings.allowance)
    return settings


def check_allowance(allowance: Allowance) -> None:
    """Raise `ConfigError` for a budget or limit that means nothing."""
    for name in ("max_budget", "soft_budget"):
        usd = getattr(allowance, name)
        if usd is not None and not (usd.is_finite() and 0 <= usd <= MOST_USD):
            raise ConfigError(f"{name}: got {usd}; write US dollars from 0 to {MOST_USD}")
    for name in ("rpm_limit", "output_seconds_per_minute", "max_parallel_requests"):
        count = getattr(allowance, name)
        if count is not None and not 0 <= count <= 1_000_000_000:  # noqa: PLR2004 - no limit
            raise ConfigError(f"{name}: got {count}; write a number of 0 or more")
    if allowance.budget_duration is not None:
        read_span(allowance.budget_duration, "budget_duration")


def _part(parts: Mapping[str, tuple[object, str]], name: str, kind: type[_T]) -> _T:
    value, where = parts.get(name, (None, name))
    if value is None:
        return kind()
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: {name} must be a mapping")
    for key in value:
        if key not in kind.__struct_fields__:
            raise ConfigError(
                f"{where}: {unknown_name(f'key of {name}', key, kind.__struct_fields__)}"
            )
    plain = {key: str(one) if isinstance(one, float) else one for key, one in value.items()}
    try:
        return msgspec.convert(plain, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {name}: {error}") from error
