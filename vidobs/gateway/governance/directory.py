"""Who may come in, from memory: every key by its hash, kept as the store has them."""

from __future__ import annotations

from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.governance import tokens
from vidobs.gateway.governance.holders import Holder, holder_of
from vidobs.gateway.governance.records import GATEWAY, Account, Kind, Token, Whose
from vidobs.gateway.seams import Principal, Refusal, Role

if TYPE_CHECKING:
    from vidobs.gateway.governance.records import Changes
    from vidobs.gateway.governance.store import KeyStore

MASTER = Principal(role=Role.MASTER, owner="master")
VIEWER = Principal(role=Role.VIEWER, owner="viewer")
ANYONE = Principal(role=Role.ANYONE, owner="anyone")
_EVERY_MODEL = "all-proxy-models"  # LiteLLM's words
_TEAM_MODELS = "all-team-models"
_MOST_STRANGERS = 1000  # that are remembered
_NO_MODEL = ("no-default-models",)


class Entry(msgspec.Struct, frozen=True):
    """What a token opens."""

    principal: Principal
    until: datetime | None = None  # nothing from then on
    closed: str | None = None  # why nothing at all


class Party(msgspec.Struct, frozen=True):
    """Everybody that the jobs of a key count against."""

    whose: tuple[Whose, ...]
    holders: tuple[Holder, ...]  # those that are known here
    by_requests: tuple[Holder, ...]  # those of them whose requests are counted
    by_seconds: tuple[Holder, ...]  # those whose seconds of output are


class Secrets(msgspec.Struct, frozen=True):
    """The keys that stand in the configuration, by their hashes."""

    master: bytes | None = None
    viewer: bytes | None = None


def secrets_of(master_key: str | None, viewer_key: str | None = None) -> Secrets:
    """Return what is kept of the configured keys."""
    return Secrets(
        *(None if one is None else tokens.hash_of(one) for one in (master_key, viewer_key))
    )


class Directory:
    """Answers `Keys.principal` from memory. Any thread may ask; `refresh` is for the others."""

    def __init__(self, store: KeyStore, secrets: Secrets, gateway: Account | None = None) -> None:
        self._store = store
        self._secrets = secrets
        self._lock = Lock()  # of `refresh`
        self._version = 0
        self._entries: dict[bytes, Entry] = {}
        self._accounts: dict[Whose, Account] = {}
        self._tokens: dict[str, dict[bytes, Token]] = {}  # by owner
        self._keys_of: dict[Whose, set[str]] = {}  # of users and teams
        self._gateway = () if gateway is None else (holder_of(gateway),)
        self._parties: dict[str, Party] = {}
        self._strangers: dict[str, Party] = {}  # of owners that are no virtual key, such as master
        self.refresh()

    def principal(self, token: str | None, now: datetime) -> Principal:
        """Return who has this key; see `Keys`."""
        digest = None if token is None else tokens.hash_of(token)
        entry = None if digest is None else self._entries.get(digest)
        if entry is None:
            return self._configured(token, digest)
        if entry.closed is not None:
            raise _refused(entry.closed, "key_blocked")
        if entry.until is not None and now >= entry.until:
            raise _refused(
                f"this key expired at {entry.until:%Y-%m-%d %H:%M:%S} UTC", "key_expired"
            )
        return entry.principal

    def party(self, owner: str) -> Party:
        """Return everybody whose budgets and limits a key's jobs count against."""
        found = self._parties.get(owner) or self._strangers.get(owner)
        if found is None:
            found = _party(whose_of(owner, None, None), self._gateway)
            if len(self._strangers) < _MOST_STRANGERS:
                self._strangers[owner] = found
        return found

    def account(self, whose: Whose) -> Account | None:
        """Return an account as it is in memory."""
        return self._accounts.get(whose)

    def refresh(self) -> bool:
        """Take in what changed in the store; return whether there was anything. May block."""
        with self._lock:
            changes = self._store.changes(self._version)
            if changes is None:
                return False
            for owner in self._touched(changes):
                self._renew(owner)
            self._version = changes.version
            return True

    def _configured(self, token: str | None, digest: bytes | None) -> Principal:
        """Return who has a key that is no virtual one: both secrets are always compared."""
        secrets = self._secrets
        given = digest or b""
        master = tokens.same(given, secrets.master or b"-")
        viewer = tokens.same(given, secrets.viewer or b"-")
        if master:
            return MASTER
        if viewer:
            return VIEWER
        if secrets.master is None:
            return ANYONE
        if token is None or not token:
            raise _refused("no API key: send it as Authorization: Bearer sk-...", "missing_api_key")
        raise _refused("this API key is not known here", "invalid_api_key")

    def _touched(self, changes: Changes) -> set[str]:
        """Put changed accounts and tokens in their places; return the keys this concerns."""
        owners = set()
        for token in changes.tokens:
            self._tokens.setdefault(token.owner, {})[token.hash] = token
            owners.add(token.owner)
        for account in changes.accounts:
            before = self._accounts.get(account.whose)
            self._accounts[account.whose] = account
            if account.kind is Kind.KEY:
                owners.add(account.id)
                self._file(account, before)
            else:
                owners |= self._keys_of.get(account.whose, set())
        return owners

    def _file(self, key: Account, before: Account | None) -> None:
        for whose in _above(before):
            self._keys_of[whose].discard(key.id)
        for whose in _above(key):
            self._keys_of.setdefault(whose, set()).add(key.id)

    def _renew(self, owner: str) -> None:
        """Make what a key's tokens open anew; a single step for each, as others are reading."""
        key = self._accounts.get((Kind.KEY, owner))
        if key is None:
            return
        held = self._tokens.get(owner, {})
        if key.deleted:
            for token_hash in held:
                self._entries.pop(token_hash, None)
            return
        above = [self._accounts[whose] for whose in _above(key) if whose in self._accounts]
        self._parties[owner] = _party(
            whose_of(owner, key.user_id, key.team_id),
            (*map(holder_of, (key, *above)), *self._gateway),
        )
        closed = _closed(key, above)
        principal = _principal(key, above)
        for token in held.values():
            ends = [end for end in (key.expires_at, token.until) if end is not None]
            self._entries[token.hash] = Entry(principal, min(ends, default=None), closed)


def whose_of(owner: str, user_id: str | None, team_id: str | None) -> tuple[Whose, ...]:
    """Return everybody that a job counts against."""
    found: list[Whose] = [(Kind.KEY, owner)]
    if user_id is not None:
        found.append((Kind.USER, user_id))
    if team_id is not None:
        found.append((Kind.TEAM, team_id))
    return (*found, GATEWAY)


def _party(whose: tuple[Whose, ...], holders: tuple[Holder, ...]) -> Party:
    return Party(
        whose,
        holders,
        tuple(one for one in holders if one.requests is not None),
        tuple(one for one in holders if one.seconds is not None),
    )


def _above(key: Account | None) -> list[Whose]:
    """Return the user and the team of a key."""
    if key is None:
        return []
    return list(whose_of(key.id, key.user_id, key.team_id)[1:-1])


def _closed(key: Account, above: list[Account]) -> str | None:
    """Say why a key is closed."""
    for account in (key, *above):
        if account.blocked or account.deleted:
            what = "blocked" if account.blocked else "deleted"
            return "this key is blocked" if account is key else f"the {account.kind} is {what}"
    return None


def _principal(key: Account, above: list[Account]) -> Principal:
    return Principal(
        role=Role.KEY,
        owner=key.id,
        alias=key.alias,
        user_id=key.user_id,
        team_id=key.team_id,
        models=_models(key, above),
        metadata=key.metadata,
    )


def _models(key: Account, above: list[Account]) -> tuple[str, ...]:
    """Return the models that are open to a key: those of its own that its user and team have."""
    open_to = _listed(key)
    for account in above:
        theirs = _listed(account)
        if not open_to or not theirs:
            open_to = open_to or theirs
        else:
            open_to = tuple(name for name in open_to if name in theirs) or _NO_MODEL
    return open_to


def _listed(account: Account) -> tuple[str, ...]:
    every = _EVERY_MODEL in account.models or _TEAM_MODELS in account.models
    return () if every else account.models


def _refused(message: str, code: str) -> Refusal:
    return Refusal(401, message, code=code, error_type="authentication_error")
