"""The calls about virtual keys: `/key/...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.gateway.governance import changes
from vidobs.gateway.governance.calls import Call, Desk, answer, must_manage, must_see_all
from vidobs.gateway.governance.durations import read_span
from vidobs.gateway.governance.fields import Fields, given, read_fields
from vidobs.gateway.governance.placing import placed
from vidobs.gateway.governance.records import Account, Kind
from vidobs.gateway.governance.shown import KeyObject, key_object
from vidobs.gateway.governance.store import Wanted
from vidobs.gateway.governance.tokens import new_owner
from vidobs.gateway.seams import Role

if TYPE_CHECKING:
    from vidobs.gateway.wire.answers import Answer

_LEAST_CHOSEN = 16  # characters of a key that somebody chose


class KeyInfo(msgspec.Struct, frozen=True):
    """The answer of `/key/info`."""

    key: str
    info: KeyObject


class DeletedKeys(msgspec.Struct, frozen=True):
    """The answer of `/key/delete`."""

    deleted_keys: tuple[str, ...]


class KeyList(msgspec.Struct, frozen=True):
    """The answer of `/key/list`: hashes, or whole keys where they were asked for."""

    keys: tuple[str | KeyObject, ...]
    total_count: int
    current_page: int
    total_pages: int


def generate(desk: Desk, call: Call) -> Answer:
    """Make a key. Its text is in this answer, and nowhere else ever after."""
    must_manage(call.principal)
    fields = read_fields(call.body)
    new = Account(kind=Kind.KEY, id=new_owner(), created_at=call.now, updated_at=call.now)
    account = placed(desk.store, new, fields, call.now)
    text = given(fields.key)
    if text is not None and len(text) < _LEAST_CHOSEN:
        raise ConfigError(f"key: write at least {_LEAST_CHOSEN} characters, or leave it out")
    opened = changes.create_key(desk.store, account, call.act, text=text)
    return _opened(desk, call, opened)


def update(desk: Desk, call: Call) -> Answer:
    """Change what was sent of a key; null clears a field."""
    must_manage(call.principal)
    fields = read_fields(call.body)
    found = _named(desk, fields)
    changed = changes.change(
        desk.store,
        found,
        call.act,
        to=lambda now: placed(desk.store, now, fields, call.now),
    )
    return _shown(desk, call, changed)


def regenerate(desk: Desk, call: Call) -> Answer:
    """Give a key a new text; the old one works for `grace_period` more, by default not at all."""
    must_manage(call.principal)
    fields = read_fields(call.body)
    grace = given(fields.grace_period)
    opened = changes.rotate(
        desk.store,
        _named(desk, fields),
        call.act,
        grace=None if grace is None else read_span(grace, "grace_period"),
        to=lambda now: placed(desk.store, now, fields, call.now),
    )
    return _opened(desk, call, opened)


def block(desk: Desk, call: Call) -> Answer:
    """Close a key until it is opened again."""
    return _set_blocked(desk, call, blocked=True)


def unblock(desk: Desk, call: Call) -> Answer:
    """Open a blocked key again."""
    return _set_blocked(desk, call, blocked=False)


def delete(desk: Desk, call: Call) -> Answer:
    """Delete keys, by their texts, hashes, ids or aliases. What they spent keeps counting."""
    must_manage(call.principal)
    fields = read_fields(call.body)
    names = [*(given(fields.keys) or ()), *(given(fields.key_aliases) or ())]
    if not names:
        raise ConfigError('keys: name those to delete, as {"keys": ["sk-..."]}')
    found = {key.id: key for key in (changes.key_named(desk.store, name) for name in names)}
    hashes = tuple(_hash(desk, key) for key in found.values())
    for key in found.values():
        changes.delete(desk.store, key, call.act)
    desk.directory.refresh()
    return answer(DeletedKeys(hashes))


def info(desk: Desk, call: Call) -> Answer:
    """Show a key, by its text, hash, id or alias; without one, the key that asks."""
    name, principal = call.query.get("key"), call.principal
    if principal.role is Role.KEY:
        found = changes.key_named(desk.store, principal.owner)
        if name is not None and _find(desk, name) != found:
            must_see_all(principal)  # it says no, whether there is such a key or not
    else:
        must_see_all(principal)
        if name is None:
            raise ConfigError("key: say which one, as ?key=sk-...")
        found = changes.key_named(desk.store, name)
    shown = _object(desk, call, found)
    return answer(KeyInfo(shown.token, shown))


def list_keys(desk: Desk, call: Call) -> Answer:
    """List keys, the newest first."""
    must_see_all(call.principal)
    page, size = call.page()
    wanted = Wanted(
        kind=Kind.KEY,
        user_id=call.query.get("user_id"),
        team_id=call.query.get("team_id"),
        alias=call.query.get("key_alias"),
        limit=size,
        offset=(page - 1) * size,
    )
    total = desk.store.count(wanted)
    found = desk.store.accounts(wanted)
    whole = call.query.get("return_full_object", "").lower() == "true"
    keys = tuple(_object(desk, call, key) if whole else _hash(desk, key) for key in found)
    return answer(KeyList(keys, total, page, -(-total // size)))


def _set_blocked(desk: Desk, call: Call, *, blocked: bool) -> Answer:
    must_manage(call.principal)
    found = _named(desk, read_fields(call.body))
    return _shown(desk, call, changes.block(desk.store, found, call.act, blocked=blocked))


def _find(desk: Desk, name: str) -> Account | None:
    try:
        return changes.key_named(desk.store, name)
    except changes.NoAccountError:
        return None


def _named(desk: Desk, fields: Fields) -> Account:
    name = given(fields.key)
    if name is None:
        raise ConfigError("key: say which one: its text, its hash, its id or its alias")
    return changes.key_named(desk.store, name)


def _opened(desk: Desk, call: Call, opened: changes.Opened) -> Answer:
    desk.directory.refresh()
    shown = _object(desk, call, opened.account)
    return answer(msgspec.structs.replace(shown, key=opened.text))


def _shown(desk: Desk, call: Call, key: Account) -> Answer:
    desk.directory.refresh()
    return answer(_object(desk, call, key))


def _object(desk: Desk, call: Call, key: Account) -> KeyObject:
    return key_object(key, list(desk.store.tokens_of(key.id)), desk.book, call.now)


def _hash(desk: Desk, key: Account) -> str:
    tokens = desk.store.tokens_of(key.id)
    return tokens[-1].hash.hex() if tokens else ""
