"""A key with what was sent of it, and in its place: with its user and its team."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.governance.changes import account_named
from vidobs.gateway.governance.fields import Fields, applied, checked_id
from vidobs.gateway.governance.records import Account, Kind

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.gateway.governance.store import KeyStore


def placed(store: KeyStore, key: Account, fields: Fields, now: datetime) -> Account:
    """Return the key; its team must be there, so that the team's budget is too.

    Raises:
        ConfigError: a field cannot be used.
        NoAccountError: there is no such team.
    """
    changed = applied(key, fields, now)
    if not isinstance(fields.user_id, msgspec.UnsetType):
        user_id = checked_id("user_id", fields.user_id) if fields.user_id else None
        changed = msgspec.structs.replace(changed, user_id=user_id)
    if not isinstance(fields.team_id, msgspec.UnsetType):
        team_id = fields.team_id or None
        if team_id is not None:
            account_named(store, Kind.TEAM, team_id)
        changed = msgspec.structs.replace(changed, team_id=team_id)
    return changed
