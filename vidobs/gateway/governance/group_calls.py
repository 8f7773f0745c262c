"""The calls about users and teams: `/user/...` and `/team/...`, the same for both."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.gateway.governance import changes
from vidobs.gateway.governance.calls import Call, Desk, answer, must_manage, must_see_all
from vidobs.gateway.governance.fields import Fields, applied, checked_id, given, read_fields
from vidobs.gateway.governance.records import Account, Kind
from vidobs.gateway.governance.shown import (
    KeyObject,
    TeamObject,
    UserObject,
    group_object,
    key_object,
    team_object,
    user_object,
)
from vidobs.gateway.governance.store import Wanted

if TYPE_CHECKING:
    from vidobs.gateway.wire.answers import Answer

_MOST_KEYS = 500


class UserInfo(msgspec.Struct, frozen=True):
    """The answer of `/user/info`."""

    user_id: str
    user_info: UserObject
    keys: tuple[KeyObject, ...]


class TeamInfo(msgspec.Struct, frozen=True):
    """The answer of `/team/info`."""

    team_id: str
    team_info: TeamObject
    keys: tuple[KeyObject, ...]


class Users(msgspec.Struct, frozen=True):
    """The answer of `/user/list`."""

    users: tuple[UserObject, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


class Teams(msgspec.Struct, frozen=True):
    """The answer of `/team/list`."""

    teams: tuple[TeamObject, ...]
    total: int
    page: int
    page_size: int
    total_pages: int


class DeletedUsers(msgspec.Struct, frozen=True):
    """The answer of `/user/delete`."""

    deleted_users: tuple[str, ...]


class DeletedTeams(msgspec.Struct, frozen=True):
    """The answer of `/team/delete`."""

    deleted_teams: tuple[str, ...]


class Groups:
    """The calls about one kind of accounts above keys."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._id = f"{kind}_id"

    def new(self, desk: Desk, call: Call) -> Answer:
        """Take in a user or a team."""
        must_manage(call.principal)
        fields = read_fields(call.body)
        named = given(getattr(fields, self._id))
        account_id = f"{self._kind}_{secrets.token_hex(8)}" if named is None else str(named)
        new = Account(
            kind=self._kind,
            id=checked_id(self._id, account_id),
            created_at=call.now,
            updated_at=call.now,
        )
        made = changes.create(desk.store, applied(new, fields, call.now), call.act)
        return self._shown(desk, call, made)

    def update(self, desk: Desk, call: Call) -> Answer:
        """Change what was sent; null clears a field."""
        must_manage(call.principal)
        fields = read_fields(call.body)
        changed = changes.change(
            desk.store,
            self._named(desk, fields),
            call.act,
            to=lambda now: applied(now, fields, call.now),
        )
        return self._shown(desk, call, changed)

    def block(self, desk: Desk, call: Call) -> Answer:
        """Close all keys of a user or a team."""
        return self._set_blocked(desk, call, blocked=True)

    def unblock(self, desk: Desk, call: Call) -> Answer:
        """Open them again."""
        return self._set_blocked(desk, call, blocked=False)

    def delete(self, desk: Desk, call: Call) -> Answer:
        """Delete users or teams; their keys open nothing any more."""
        must_manage(call.principal)
        names = given(getattr(read_fields(call.body), f"{self._id}s")) or ()
        found = [changes.account_named(desk.store, self._kind, name) for name in names]
        if not found:
            raise ConfigError(f"{self._id}s: name those to delete")
        for account in found:
            changes.delete(desk.store, account, call.act)
        desk.directory.refresh()
        ids = tuple(account.id for account in found)
        return answer(DeletedUsers(ids) if self._kind is Kind.USER else DeletedTeams(ids))

    def info(self, desk: Desk, call: Call) -> Answer:
        """Show a user or a team, with its keys."""
        must_see_all(call.principal)
        found = changes.account_named(desk.store, self._kind, call.query.get(self._id, ""))
        wanted = msgspec.structs.replace(
            Wanted(kind=Kind.KEY, limit=_MOST_KEYS), **{self._id: found.id}
        )
        keys = tuple(
            key_object(key, list(desk.store.tokens_of(key.id)), desk.book, call.now)
            for key in desk.store.accounts(wanted)
        )
        if self._kind is Kind.USER:
            return answer(UserInfo(found.id, user_object(found, desk.book, call.now), keys))
        return answer(TeamInfo(found.id, team_object(found, desk.book, call.now), keys))

    def listed(self, desk: Desk, call: Call) -> Answer:
        """List users or teams, the newest first."""
        must_see_all(call.principal)
        page, size = call.page("page_size")
        wanted = Wanted(kind=self._kind, limit=size, offset=(page - 1) * size)
        total = desk.store.count(wanted)
        found = desk.store.accounts(wanted)
        pages = -(-total // size)
        if self._kind is Kind.USER:
            users = tuple(user_object(one, desk.book, call.now) for one in found)
            return answer(Users(users, total, page, size, pages))
        teams = tuple(team_object(one, desk.book, call.now) for one in found)
        return answer(Teams(teams, total, page, size, pages))

    def _named(self, desk: Desk, fields: Fields) -> Account:
        named = given(getattr(fields, self._id))
        return changes.account_named(desk.store, self._kind, str(named or ""))

    def _set_blocked(self, desk: Desk, call: Call, *, blocked: bool) -> Answer:
        must_manage(call.principal)
        found = self._named(desk, read_fields(call.body))
        return self._shown(desk, call, changes.block(desk.store, found, call.act, blocked=blocked))

    def _shown(self, desk: Desk, call: Call, account: Account) -> Answer:
        desk.directory.refresh()
        return answer(group_object(account, desk.book, call.now))
