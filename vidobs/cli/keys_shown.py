"""Virtual keys and their audit log as `vidobs keys` prints them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from vidobs.cli.render import NOTHING, safe, table
from vidobs.core.money import plain
from vidobs.gateway.governance.durations import ALWAYS, moment_of, ms, read_span, window_at
from vidobs.gateway.governance.holders import dollars

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from vidobs.gateway.governance.records import Account, AuditEntry, Token
    from vidobs.gateway.governance.spend_rows import SpendRows


class KeyLine(msgspec.Struct, frozen=True, kw_only=True):
    """One key. `key` is its text, and there only when it was made just now. Times are UTC."""

    id: str  # stable over rotations; the owner of its videos
    alias: str | None
    shown: str  # what people recognise its text by
    token: str  # the hash of its text
    state: str  # open, blocked or expired
    user_id: str | None
    team_id: str | None
    models: tuple[str, ...]
    max_budget: Decimal | None
    soft_budget: Decimal | None
    budget_duration: str | None
    budget_reset_at: datetime | None
    spend_usd: Decimal  # in this window, as far as the gateway has counted it
    rpm_limit: int | None
    output_seconds_per_minute: int | None
    max_parallel_requests: int | None
    metadata: dict[str, object]
    created_at: datetime
    expires_at: datetime | None
    key: str | msgspec.UnsetType = msgspec.UNSET


class ChangeLine(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a key, user or team."""

    at: datetime
    actor: str
    action: str
    kind: str
    object_id: str
    changed: tuple[str, ...]  # fields


def key_line(key: Account, tokens: Sequence[Token], rows: SpendRows, now: datetime) -> KeyLine:
    """Return a key as it stands now."""
    allowance = key.allowance
    duration = allowance.budget_duration
    window = window_at(None if duration is None else read_span(duration), ms(now))
    expired = key.expires_at is not None and key.expires_at <= now
    return KeyLine(
        id=key.id,
        alias=key.alias,
        shown=tokens[-1].shown if tokens else "",
        token=tokens[-1].hash.hex() if tokens else "",
        state="blocked" if key.blocked else "expired" if expired else "open",
        user_id=key.user_id,
        team_id=key.team_id,
        models=key.models,
        max_budget=allowance.max_budget,
        soft_budget=allowance.soft_budget,
        budget_duration=duration,
        budget_reset_at=None if window == ALWAYS else moment_of(window.end_ms),
        spend_usd=dollars(rows.spent(key.whose, window, ())),
        rpm_limit=allowance.rpm_limit,
        output_seconds_per_minute=allowance.output_seconds_per_minute,
        max_parallel_requests=allowance.max_parallel_requests,
        metadata=key.metadata,
        created_at=key.created_at,
        expires_at=key.expires_at,
    )


def keys_table(lines: Sequence[KeyLine]) -> Table:
    """Return one line for each key."""
    numbers = ("spent", "budget")
    result = table("id", "alias", "key", "state", "team", *numbers, "models", right=numbers)
    result.columns[0].no_wrap = True
    for line in lines:
        result.add_row(
            safe(line.id),
            safe(line.alias or NOTHING),
            Text(line.shown),
            Text(line.state, style="" if line.state == "open" else "red"),
            safe(line.team_id or NOTHING),
            Text(f"${plain(line.spend_usd)}"),
            Text(_budget(line)),
            safe(", ".join(line.models) or "all"),
        )
    return result


def key_facts(line: KeyLine) -> Table:
    """Return everything about one key; what is not set is left out."""
    grid = table("", "")
    grid.show_header = False
    grid.box = None
    for name, value in msgspec.structs.asdict(line).items():
        if value not in (None, (), {}, msgspec.UNSET):
            grid.add_row(Text(name, style="dim"), safe(_plain(value)))
    return grid


def change_line(entry: AuditEntry) -> ChangeLine:
    """Return a change, with the fields that have other values now."""
    return ChangeLine(
        at=entry.at,
        actor=entry.actor,
        action=entry.action.value,
        kind=entry.kind.value,
        object_id=entry.object_id,
        changed=_changed(entry),
    )


def changes_table(lines: Sequence[ChangeLine]) -> Table:
    """Return one line for each change."""
    result = table("when (UTC)", "who", "what", "of", "fields")
    for line in lines:
        result.add_row(
            f"{line.at:%Y-%m-%d %H:%M:%S}",
            safe(line.actor),
            Text(line.action),
            safe(f"{line.kind} {line.object_id}"),
            safe(", ".join(line.changed) or NOTHING),
        )
    return result


def _budget(line: KeyLine) -> str:
    if line.max_budget is None:
        return NOTHING
    every = "" if line.budget_duration is None else f" / {line.budget_duration}"
    return f"${plain(line.max_budget)}{every}"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, Decimal):
        return f"${plain(value)}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def _changed(entry: AuditEntry) -> tuple[str, ...]:
    before, after = entry.before, entry.after
    if before is None or after is None:
        return ()
    pairs = ((before, after), (before.allowance, after.allowance))
    return tuple(
        name
        for one, other in pairs
        for name in one.__struct_fields__
        if name not in ("version", "updated_at", "allowance")
        and getattr(one, name) != getattr(other, name)
    )
