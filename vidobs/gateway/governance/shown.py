"""Keys, users and teams as admins read them, with LiteLLM's names. Money is a JSON number there."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.gateway.governance.durations import ALWAYS, moment_of, ms, read_span
from vidobs.gateway.governance.holders import dollars
from vidobs.gateway.governance.records import Account, Action, Kind

if TYPE_CHECKING:
    from vidobs.gateway.governance.book import Book
    from vidobs.gateway.governance.records import AuditEntry, Token


class AllowanceObject(msgspec.Struct, frozen=True, kw_only=True):
    """What keys, users and teams have in common."""

    models: tuple[str, ...]
    max_budget: Decimal | None
    soft_budget: Decimal | None
    budget_duration: str | None
    budget_reset_at: datetime | None
    spend: Decimal  # in this window: settled, and what may have been billed
    reserved: Decimal  # by running jobs
    rpm_limit: int | None
    output_seconds_per_minute: int | None
    max_parallel_requests: int | None
    running_jobs: int
    metadata: dict[str, object]
    blocked: bool
    created_at: datetime
    updated_at: datetime


class KeyObject(AllowanceObject, frozen=True, kw_only=True):
    """A virtual key. `key` is there only in the answer that made it."""

    token: str  # the hash
    token_id: str
    key_name: str
    key_alias: str | None
    owner: str  # stable over rotations
    user_id: str | None
    team_id: str | None
    expires: datetime | None
    key: str | msgspec.UnsetType = msgspec.UNSET


class UserObject(AllowanceObject, frozen=True, kw_only=True):
    """A user."""

    user_id: str
    user_alias: str | None


class TeamObject(AllowanceObject, frozen=True, kw_only=True):
    """A team."""

    team_id: str
    team_alias: str | None


class AuditObject(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the audit log."""

    id: int
    updated_at: datetime
    changed_by: str
    action: Action
    table_name: Kind
    object_id: str
    before_value: Account | None
    updated_values: Account | None


def key_object(account: Account, tokens: list[Token], book: Book, now: datetime) -> KeyObject:
    """Return a key; what it is called by is its newest token."""
    newest = tokens[-1] if tokens else None
    token = "" if newest is None else newest.hash.hex()
    return KeyObject(
        token=token,
        token_id=token,
        key_name="" if newest is None else newest.shown,
        key_alias=account.alias,
        owner=account.id,
        user_id=account.user_id,
        team_id=account.team_id,
        expires=account.expires_at,
        **_allowance(account, book, now),
    )


def group_object(account: Account, book: Book, now: datetime) -> UserObject | TeamObject:
    """Return a user or a team."""
    made = team_object if account.kind is Kind.TEAM else user_object
    return made(account, book, now)


def user_object(account: Account, book: Book, now: datetime) -> UserObject:
    """Return a user."""
    common = _allowance(account, book, now)
    return UserObject(user_id=account.id, user_alias=account.alias, **common)


def team_object(account: Account, book: Book, now: datetime) -> TeamObject:
    """Return a team."""
    common = _allowance(account, book, now)
    return TeamObject(team_id=account.id, team_alias=account.alias, **common)


def audit_object(entry: AuditEntry) -> AuditObject:
    """Return a line of the audit log."""
    return AuditObject(
        id=entry.seq,
        updated_at=entry.at,
        changed_by=entry.actor,
        action=entry.action,
        table_name=entry.kind,
        object_id=entry.object_id,
        before_value=entry.before,
        updated_values=entry.after,
    )


def _allowance(account: Account, book: Book, now: datetime) -> dict[str, Any]:
    allowance = account.allowance
    duration = allowance.budget_duration
    span = None if duration is None else read_span(duration)
    standing = book.standing(account.whose, span, ms(now))
    until = None if standing.window == ALWAYS else moment_of(standing.window.end_ms)
    return {
        "models": account.models,
        "max_budget": allowance.max_budget,
        "soft_budget": allowance.soft_budget,
        "budget_duration": duration,
        "budget_reset_at": until,
        "spend": dollars(standing.spent),
        "reserved": dollars(standing.held),
        "rpm_limit": allowance.rpm_limit,
        "output_seconds_per_minute": allowance.output_seconds_per_minute,
        "max_parallel_requests": allowance.max_parallel_requests,
        "running_jobs": book.running(account.whose),
        "metadata": account.metadata,
        "blocked": account.blocked,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }
