"""The bodies of admins' calls, for the description only: `governance.fields` reads them.

LiteLLM's names. A field that is left out stays as it is, null clears it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

Text = Annotated[str, Meta(min_length=1, max_length=128)]
Alias = Annotated[str, Meta(max_length=200, pattern="^[ -~]*$")]
Id = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.@:+-]{0,127}$")]
IdOrNone = Annotated[str, Meta(pattern="^([A-Za-z0-9][A-Za-z0-9_.@:+-]{0,127})?$")]
Span = Annotated[
    str,
    Meta(
        pattern="^([1-9][0-9]{0,4}[smh]|[1-9][0-9]{0,3}d|[1-9][0-9]{0,2}(w|mo))$",
        examples=["24h", "30d", "1mo"],
    ),
]
Usd = Annotated[float, Meta(ge=0, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Models = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=500)]
Names = Annotated[list[Text], Meta(min_length=1)]


class Allowed(msgspec.Struct):
    """What keys, users and teams have in common."""

    models: Models | UnsetType | None = UNSET
    max_budget: Usd | UnsetType | None = UNSET
    soft_budget: Usd | UnsetType | None = UNSET
    budget_duration: Span | UnsetType | None = UNSET
    rpm_limit: Count | UnsetType | None = UNSET
    output_seconds_per_minute: Count | UnsetType | None = UNSET
    max_parallel_requests: Count | UnsetType | None = UNSET
    metadata: dict[str, object] | UnsetType | None = UNSET
    blocked: bool | UnsetType | None = UNSET


class KeyFields(Allowed):
    """What a key has beside that."""

    key_alias: Alias | UnsetType | None = UNSET
    user_id: IdOrNone | UnsetType | None = UNSET
    team_id: IdOrNone | UnsetType | None = UNSET
    duration: Span | UnsetType | None = UNSET


class NewKey(KeyFields):
    """A key to make; `key` is a text for it, where a random one will not do."""

    key: Annotated[str, Meta(pattern="^sk-[A-Za-z0-9_-]{13,253}$")] | UnsetType | None = UNSET


class ChangedKey(KeyFields, kw_only=True):
    """What to change of a key, which is named by its text, its hash, its id or its alias."""

    key: Text


class RenewedKey(ChangedKey, kw_only=True):
    """A key that gets a new text; the old one works for `grace_period` more."""

    grace_period: Span | UnsetType | None = UNSET


class NamedKey(msgspec.Struct):
    """A key."""

    key: Text


class NamedKeys(msgspec.Struct):
    """Keys, by their texts, hashes or ids, or by their aliases; one of the two is needed."""

    keys: Names | UnsetType = UNSET
    key_aliases: Names | UnsetType = UNSET


class NewUser(Allowed):
    """A user to take in; without an id it gets one."""

    user_id: Id | UnsetType | None = UNSET
    user_alias: Alias | UnsetType | None = UNSET


class ChangedUser(Allowed, kw_only=True):
    """What to change of a user."""

    user_id: Text
    user_alias: Alias | UnsetType | None = UNSET


class NamedUser(msgspec.Struct):
    """A user."""

    user_id: Text


class NamedUsers(msgspec.Struct):
    """Users."""

    user_ids: Names


class NewTeam(Allowed):
    """A team to take in; without an id it gets one."""

    team_id: Id | UnsetType | None = UNSET
    team_alias: Alias | UnsetType | None = UNSET


class ChangedTeam(Allowed, kw_only=True):
    """What to change of a team."""

    team_id: Text
    team_alias: Alias | UnsetType | None = UNSET


class NamedTeam(msgspec.Struct):
    """A team."""

    team_id: Text


class NamedTeams(msgspec.Struct):
    """Teams."""

    team_ids: Names
