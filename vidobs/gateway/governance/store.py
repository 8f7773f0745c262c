"""Where accounts, tokens and the audit log are kept, whatever the database."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.gateway.governance.records import Account, AuditEntry, Changes, Edit, Kind, Token

if TYPE_CHECKING:
    from collections.abc import Sequence


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which accounts of a kind, and which page of them; the newest come first."""

    kind: Kind
    user_id: str | None = None
    team_id: str | None = None
    alias: str | None = None
    limit: int = 100
    offset: int = 0


class AuditWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines of the audit log; the newest come first."""

    kind: Kind | None = None
    object_id: str | None = None
    since: datetime | None = None
    limit: int = 100
    offset: int = 0


class KeyStore(Protocol):
    """Accounts, tokens and the audit log, shared by any number of processes. Thread-safe.

    Every method may block and raises `StoreError`; nothing here is asked on a request's way.
    """

    def save(self, edit: Edit) -> Account:
        """Write one change, all or nothing; return the account with its new version.

        Raises:
            StaleAccountError: the account is not as it was looked at.
            AliasTakenError: another one of its kind has the alias, or a new one the id.
        """
        ...

    def find(self, kind: Kind, account_id: str) -> Account | None:
        """Return an account, a deleted one as well."""
        ...

    def by_alias(self, kind: Kind, alias: str) -> Account | None:
        """Return the living account that people call so."""
        ...

    def owner_of(self, token_hash: bytes) -> str | None:
        """Return the id of the key that a token opens, or opened."""
        ...

    def tokens_of(self, owner: str) -> Sequence[Token]:
        """Return the tokens of a key, the oldest first, with those that open nothing any more."""
        ...

    def accounts(self, wanted: Wanted) -> Sequence[Account]:
        """Return living accounts."""
        ...

    def count(self, wanted: Wanted) -> int:
        """Count the living accounts of all pages."""
        ...

    def audit(self, wanted: AuditWanted) -> Sequence[AuditEntry]:
        """Return lines of the audit log."""
        ...

    def count_audit(self, wanted: AuditWanted) -> int:
        """Count the lines of all pages."""
        ...

    def changes(self, after: int) -> Changes | None:
        """Return what changed since a version, here or in another process; `None`: nothing."""
        ...

    def close(self) -> None:
        """Give the database back."""
        ...
