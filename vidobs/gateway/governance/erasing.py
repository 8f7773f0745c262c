"""Takes a person out of the gateway's own file: the name goes, the money stays."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.gateway.governance.database import HOME, KIND, open_file
from vidobs.gateway.governance.records import Account, Action, AuditEntry, Edit, Kind
from vidobs.gateway.governance.sqlite_store import (
    SqliteKeyStore,
    account_of,
    audit_entry,
    audit_row,
)
from vidobs.gateway.sqlite_file import cut_log, queries, transaction
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Iterable

    import apsw

ERASED = "erased"  # stands where a name stood
ACTOR = "vidobs ledger purge"
_EVER = 2**62


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the file shall forget."""

    user: str
    before: datetime | None = None  # only what was before; None: all of it, and the keys with it

    @property
    def before_ms(self) -> int:
        """The same in milliseconds."""
        return _EVER if self.before is None else codec.us(self.before) // 1000

    @property
    def before_us(self) -> int:
        """The same in microseconds."""
        return _EVER if self.before is None else codec.us(self.before)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a file has of a person."""

    jobs: int = 0
    keys: tuple[Account, ...] = ()
    lines: tuple[AuditEntry, ...] = ()
    rest: int = 0  # the account, and what people were told of its budget

    @property
    def entries(self) -> int:
        """How many entries that is."""
        return self.jobs + len(self.keys) + len(self.lines) + self.rest


class AccountsEraser:
    """Works on the file whether a gateway uses it or not; a running one closes the keys at once."""

    def __init__(self, path: str, person: Person) -> None:
        self._path = path
        self._person = person
        self._sql = queries(HOME, "erase.sql")

    def find(self) -> Known:
        """Look what there is; changes nothing.

        Raises:
            StoreError: the file cannot be used.
        """
        with KIND.translated(self._path), closing(open_file(self._path)) as connection:
            return self._find(connection)

    def jobs_among(self, job_ids: Iterable[str]) -> set[str]:
        """Return which of some jobs are the person's, as long as the file knows."""
        listed = msgspec.json.encode(list(job_ids)).decode()
        with KIND.translated(self._path), closing(open_file(self._path)) as connection:
            return {one for (one,) in self._rows(connection, "jobs_among", self._ms, listed)}

    def erase(self, now: datetime) -> bool:
        """Do it: close the keys first, so that nothing new comes; tell whether the log is cut.

        Raises:
            StoreError: the file cannot be used.
            StaleAccountError: somebody else changes a key again and again.
        """
        with KIND.translated(self._path), closing(open_file(self._path)) as connection:
            self._close_keys(self._find(connection).keys, now)
            while self._forget_some(connection):
                pass
            with transaction(connection):
                for entry in self._find(connection).lines:
                    self._rewrite(connection, entry)
                self._rows(connection, "drop_told", self._ms)
                if self._person.before is None:
                    self._rows(connection, "drop_account")
            return cut_log(connection)

    def _find(self, connection: apsw.Connection) -> Known:
        whole = self._person.before is None
        rows = self._rows(connection, "lines_of_user", self._person.before_us)
        keys = self._rows(connection, "keys_of_user") if whole else []
        account = self._number(connection, "count_account") if whole else 0
        return Known(
            jobs=self._number(connection, "count_jobs", self._ms),
            keys=tuple(map(account_of, keys)),
            lines=tuple(map(audit_entry, rows)),
            rest=account + self._number(connection, "count_told", self._ms),
        )

    def _close_keys(self, keys: tuple[Account, ...], now: datetime) -> None:
        store = SqliteKeyStore(self._path)
        with closing(store):
            for key in keys:
                gone = msgspec.structs.replace(_nobodys(key), deleted=True, updated_at=now)
                entry = AuditEntry(
                    at=now,
                    actor=ACTOR,
                    action=Action.DELETED,
                    kind=Kind.KEY,
                    object_id=key.id,
                    after=gone,
                )
                store.save(Edit(account=gone, audit=entry))

    def _forget_some(self, connection: apsw.Connection) -> bool:
        with transaction(connection):
            self._rows(connection, "forget_user", self._ms)
            return connection.changes() > 0

    def _rewrite(self, connection: apsw.Connection, entry: AuditEntry) -> None:
        user = self._person.user
        own = entry.kind is Kind.USER and entry.object_id == user
        kept = msgspec.structs.replace(
            entry,
            actor=ERASED if entry.actor == user else entry.actor,
            object_id=ERASED if own else entry.object_id,
            before=self._without(entry.before, own=own),
            after=self._without(entry.after, own=own),
        )
        _, actor, _, _, object_id, before, after = audit_row(kept)
        connection.execute(self._sql["rewrite_line"], (entry.seq, actor, object_id, before, after))

    def _without(self, account: Account | None, *, own: bool) -> Account | None:
        if account is None or own:
            return None
        return _nobodys(account) if account.user_id == self._person.user else account

    @property
    def _ms(self) -> int:
        return self._person.before_ms

    def _rows(self, connection: apsw.Connection, query: str, *more: int | str) -> list[Any]:
        sql = self._sql[query]
        return connection.execute(sql, (self._person.user, *more)).fetchall()

    def _number(self, connection: apsw.Connection, query: str, *more: int) -> int:
        return int(self._rows(connection, query, *more)[0][0])


def _nobodys(key: Account) -> Account:
    """Return a key without what says whose it was."""
    return msgspec.structs.replace(key, user_id=None, alias=None, metadata={})
