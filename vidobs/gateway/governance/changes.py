"""What admins do to keys, users and teams: each is one change with its line in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.gateway.governance import tokens
from vidobs.gateway.governance.database import StaleAccountError
from vidobs.gateway.governance.durations import Span, after
from vidobs.gateway.governance.records import Account, Action, AuditEntry, Edit, Kind, Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.gateway.governance.store import KeyStore

_TRIES = 5


class NoAccountError(ConfigError):
    """There is no such key, user or team."""


class Act(msgspec.Struct, frozen=True):
    """Who does something, and when."""

    actor: str
    now: datetime


class Opened(msgspec.Struct, frozen=True):
    """A key with the text that opens it: the only time that anybody sees it."""

    account: Account
    token: Token
    text: str


def create(store: KeyStore, account: Account, act: Act) -> Account:
    """Take in a new user or team."""
    return store.save(_edit(None, account, Action.CREATED, act))


def create_key(store: KeyStore, account: Account, act: Act, *, text: str | None = None) -> Opened:
    """Take in a new key, and the text that opens it: a new one, or one that somebody chose."""
    text = tokens.new_token() if text is None else text
    token = _token(account.id, text, act)
    saved = store.save(_edit(None, account, Action.CREATED, act, (token,)))
    return Opened(saved, token, text)


def change(
    store: KeyStore,
    found: Account,
    act: Act,
    *,
    to: Callable[[Account], Account],
    action: Action = Action.UPDATED,
) -> Account:
    """Change an account; what another admin changed meanwhile stays."""
    return _again(store, found, lambda now: _edit(now, to(now), action, act))


def block(store: KeyStore, found: Account, act: Act, *, blocked: bool) -> Account:
    """Close a key, or everything of a user or team, or open it again."""
    return change(
        store,
        found,
        act,
        to=lambda now: msgspec.structs.replace(now, blocked=blocked, updated_at=act.now),
        action=Action.BLOCKED if blocked else Action.UNBLOCKED,
    )


def delete(store: KeyStore, found: Account, act: Act) -> Account:
    """Delete an account; nobody comes in with a deleted key. Its spend keeps its name."""

    def edit(now: Account) -> Edit:
        gone = msgspec.structs.replace(now, deleted=True, updated_at=act.now)
        return _edit(now, gone, Action.DELETED, act, _closed(store, now, act.now))

    return _again(store, found, edit)


def rotate(
    store: KeyStore,
    found: Account,
    act: Act,
    *,
    grace: Span | None = None,
    to: Callable[[Account], Account] = lambda account: account,
) -> Opened:
    """Give a key a new text; the old one works for as long as `grace` says, else no more.

    The key stays who it is: its videos, its budget and its spend.
    """
    until = act.now if grace is None else after(act.now, grace, "grace_period")
    text = tokens.new_token()
    token = _token(found.id, text, act)

    def edit(now: Account) -> Edit:
        renewed = msgspec.structs.replace(to(now), updated_at=act.now)
        return _edit(now, renewed, Action.ROTATED, act, (*_closed(store, now, until), token))

    return Opened(_again(store, found, edit), token, text)


def key_named(store: KeyStore, name: str) -> Account:
    """Return the living key that an admin means: by its text, its hash, its id or its alias.

    Raises:
        NoAccountError: there is none.
    """
    token_hash = tokens.read_hash(name) or tokens.hash_of(name)
    owner = None if token_hash is None else store.owner_of(token_hash)
    found = store.find(Kind.KEY, owner or name) or store.by_alias(Kind.KEY, name)
    if found is None or found.deleted:
        shown = tokens.shown(name) if name.startswith(tokens.PREFIX) else repr(name[:64])
        raise NoAccountError(f"no such key: {shown}; vidobs keys list shows those there are")
    return found


def account_named(store: KeyStore, kind: Kind, name: str) -> Account:
    """Return the living user or team with this id.

    Raises:
        NoAccountError: there is none.
    """
    found = store.find(kind, name)
    if found is None or found.deleted:
        raise NoAccountError(f"no such {kind}: {name[:64]!r}")
    return found


def _again(store: KeyStore, found: Account, edit: Callable[[Account], Edit]) -> Account:
    """Save a change; look again where somebody else was faster."""
    for _ in range(_TRIES - 1):
        try:
            return store.save(edit(found))
        except StaleAccountError:
            there = store.find(found.kind, found.id)
            if there is None or there.deleted:
                raise NoAccountError(f"{found.kind} {found.id} was deleted meanwhile") from None
            found = there
    return store.save(edit(found))


def _closed(store: KeyStore, key: Account, until: datetime) -> tuple[Token, ...]:
    """Return the tokens of a key that would work longer, to work no longer than until a time."""
    if key.kind is not Kind.KEY:
        return ()
    return tuple(
        msgspec.structs.replace(token, until=until)
        for token in store.tokens_of(key.id)
        if token.until is None or token.until > until
    )


def _token(owner: str, text: str, act: Act) -> Token:
    token_hash = tokens.hash_of(text)
    if token_hash is None or not text.startswith(tokens.PREFIX):
        raise ConfigError("key: write one that begins with 'sk-', or leave it out for a random one")
    return Token(hash=token_hash, owner=owner, shown=tokens.shown(text), created_at=act.now)


def _edit(
    before: Account | None,
    after: Account,
    action: Action,
    act: Act,
    added: tuple[Token, ...] = (),
) -> Edit:
    entry = AuditEntry(
        at=act.now,
        actor=act.actor,
        action=action,
        kind=after.kind,
        object_id=after.id,
        before=before,
        after=after,
    )
    return Edit(account=after, tokens=added, audit=entry)
