"""Accounts, tokens and the audit log in SQLite."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from vidobs.gateway.governance.database import (
    HOME,
    KIND,
    AliasTakenError,
    StaleAccountError,
    open_file,
)
from vidobs.gateway.governance.records import Account, Action, AuditEntry, Changes, Kind, Token
from vidobs.gateway.sqlite_file import queries, transaction
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.gateway.governance.records import Edit
    from vidobs.gateway.governance.store import AuditWanted, Wanted

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder = msgspec.json.Decoder(Account)


class SqliteKeyStore:
    """See `KeyStore`. One connection, used by one thread at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._connection = open_file(path)
        self._lock = Lock()
        self._sql = queries(HOME)
        self._seen: object = None  # the version of the data when nothing was left to tell

    def save(self, edit: Edit) -> Account:
        """Write one change, all or nothing."""
        account = edit.account
        with self._lock, KIND.translated(self.path):
            try:
                with transaction(self._connection):
                    version = int(self._rows("next_version")[0][0])
                    self._put(account, version)
                    for token in edit.tokens:
                        self._rows("put_token", *_token_row(token), version)
                    self._rows("insert_audit", *audit_row(edit.audit))
            except apsw.ConstraintError as error:
                raise AliasTakenError(
                    f"there is a {account.kind} with the "
                    f"{'alias' if account.version else 'alias or id'} "
                    f"{account.alias or account.id!r} already; choose another one"
                ) from error
        return msgspec.structs.replace(account, version=version)

    def find(self, kind: Kind, account_id: str) -> Account | None:
        """Return an account, a deleted one as well."""
        return self._one("account", kind, account_id)

    def by_alias(self, kind: Kind, alias: str) -> Account | None:
        """Return the living account that people call so."""
        return self._one("account_by_alias", kind, alias)

    def owner_of(self, token_hash: bytes) -> str | None:
        """Return the id of the key that a token opens, or opened."""
        found = self._ask("owner_of", token_hash)
        return found[0][0] if found else None

    def tokens_of(self, owner: str) -> Sequence[Token]:
        """Return the tokens of a key, the oldest first."""
        return [_token(row) for row in self._ask("tokens_of", owner)]

    def accounts(self, wanted: Wanted) -> Sequence[Account]:
        """Return living accounts, the newest first."""
        found = self._ask("accounts", *_filters(wanted), wanted.limit, wanted.offset)
        return [account_of(row) for row in found]

    def count(self, wanted: Wanted) -> int:
        """Count the living accounts of all pages."""
        return int(self._ask("count_accounts", *_filters(wanted))[0][0])

    def audit(self, wanted: AuditWanted) -> Sequence[AuditEntry]:
        """Return lines of the audit log, the newest first."""
        found = self._ask("audit", *_audit_filters(wanted), wanted.limit, wanted.offset)
        return [audit_entry(row) for row in found]

    def count_audit(self, wanted: AuditWanted) -> int:
        """Count the lines of all pages."""
        return int(self._ask("count_audit", *_audit_filters(wanted))[0][0])

    def changes(self, after: int) -> Changes | None:
        """Return what changed since a version; asks for nothing else while the file is as it was.

        SQLite tells only of changes by others; our own are in the version that `after` is behind.
        """
        with self._lock, KIND.translated(self.path):
            data = self._connection.execute("PRAGMA data_version").get
            seen = (data, self._connection.total_changes(), after)
            if seen == self._seen:
                return None
            self._connection.execute("BEGIN")
            try:
                version = int(self._rows("note", "version")[0][0])
                accounts = tuple(account_of(row) for row in self._rows("changed_accounts", after))
                tokens = tuple(_token(row) for row in self._rows("changed_tokens", after))
            finally:
                self._connection.execute("COMMIT")
        self._seen = (data, seen[1], version)
        if version == after:
            return None
        return Changes(version=version, accounts=accounts, tokens=tokens)

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._connection.close()

    def _put(self, account: Account, version: int) -> None:
        row = (
            account.kind,
            account.id,
            account.alias,
            account.user_id,
            account.team_id,
            int(account.deleted),
            version,
            _dump(account),
        )
        if account.version == 0:
            self._rows("insert_account", *row)
            return
        self._rows("update_account", *row, account.version)
        if self._connection.changes() == 0:
            raise StaleAccountError(f"{account.kind} {account.id} was changed meanwhile; try again")

    def _one(self, query: str, *bindings: apsw.SQLiteValue) -> Account | None:
        found = self._ask(query, *bindings)
        return account_of(found[0]) if found else None

    def _ask(self, query: str, *bindings: apsw.SQLiteValue) -> list[Any]:
        with self._lock, KIND.translated(self.path):
            return self._rows(query, *bindings)

    def _rows(self, query: str, *bindings: apsw.SQLiteValue) -> list[Any]:
        return self._connection.execute(self._sql[query], bindings).fetchall()


def _dump(account: Account) -> str:
    return _encoder.encode(account).decode()


def account_of(row: tuple[Any, ...]) -> Account:
    """Return an account."""
    version, doc = row
    return msgspec.structs.replace(_decoder.decode(doc), version=version)


def _token_row(token: Token) -> tuple[apsw.SQLiteValue, ...]:
    until = None if token.until is None else codec.us(token.until)
    return token.hash, token.owner, token.shown, codec.us(token.created_at), until


def _token(row: tuple[Any, ...]) -> Token:
    token_hash, owner, shown, created_us, until_us = row
    return Token(
        hash=token_hash,
        owner=owner,
        shown=shown,
        created_at=codec.moment(created_us),
        until=None if until_us is None else codec.moment(until_us),
    )


def _filters(wanted: Wanted) -> tuple[str | None, ...]:
    return wanted.kind, wanted.user_id, wanted.team_id, wanted.alias


def _audit_filters(wanted: AuditWanted) -> tuple[apsw.SQLiteValue, ...]:
    since = None if wanted.since is None else codec.us(wanted.since)
    return wanted.kind, wanted.object_id, since


def audit_row(entry: AuditEntry) -> tuple[apsw.SQLiteValue, ...]:
    """Return a line of the audit log as it is kept, without its number."""
    before, after = (None if one is None else _dump(one) for one in (entry.before, entry.after))
    at_us = codec.us(entry.at)
    return at_us, entry.actor, entry.action, entry.kind, entry.object_id, before, after


def audit_entry(row: tuple[Any, ...]) -> AuditEntry:
    """Return a line of the audit log."""
    seq, at_us, actor, action, kind, object_id, before, after = row
    return AuditEntry(
        seq=seq,
        at=codec.moment(at_us),
        actor=actor,
        action=Action(action),
        kind=Kind(kind),
        object_id=object_id,
        before=None if before is None else _decoder.decode(before),
        after=None if after is None else _decoder.decode(after),
    )
