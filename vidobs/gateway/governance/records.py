"""What is kept of keys, users and teams. One record for the three: each may have a budget."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec


class Kind(StrEnum):
    """Who may have a budget and limits of its own."""

    KEY = "key"  # a virtual key
    USER = "user"  # whose keys they are
    TEAM = "team"  # several users
    GATEWAY = "gateway"  # everything together; from the configuration


Whose: TypeAlias = tuple[Kind, str]
GATEWAY: Whose = (Kind.GATEWAY, "")


class Allowance(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How much somebody may use. `None`: as much as they like."""

    max_budget: Decimal | None = None  # US dollars in each window
    soft_budget: Decimal | None = None  # somebody is told when this is reached
    budget_duration: str | None = None  # length of the window; None: one that never ends
    rpm_limit: int | None = None  # requests a minute that make or fetch videos
    output_seconds_per_minute: int | None = None  # of video that is asked for
    max_parallel_requests: int | None = None  # jobs that have not ended


NO_LIMITS = Allowance()


class Account(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A virtual key, a user or a team. Times are aware UTC."""

    kind: Kind
    id: str  # stable for ever; of a key it is the owner of its videos
    alias: str | None = None  # what people call it; no two living ones of a kind share it
    created_at: datetime
    updated_at: datetime
    allowance: Allowance = NO_LIMITS
    models: tuple[str, ...] = ()  # names of `model_list`; none: every one
    metadata: dict[str, object] = {}
    blocked: bool = False
    deleted: bool = False  # nobody comes in with it; its spend still has a name
    user_id: str | None = None  # of a key
    team_id: str | None = None  # of a key
    expires_at: datetime | None = None  # of a key
    version: int = 0  # counts the changes of all accounts; compare and swap

    @property
    def whose(self) -> Whose:
        """Its name among all accounts."""
        return self.kind, self.id


class Token(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A text that opens a key; only its hash is kept. Rotation makes a second one."""

    hash: bytes  # SHA-256
    owner: str  # the id of the key
    shown: str  # `sk-...aB3d`: its last four characters
    created_at: datetime
    until: datetime | None = None  # opens nothing from then on; None: as long as the key


class Action(StrEnum):
    """What was done to an account."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    ROTATED = "rotated"


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who changed what and when. No secret is in it."""

    at: datetime
    actor: str  # `master`, or the person at the command line
    action: Action
    kind: Kind
    object_id: str
    before: Account | None = None
    after: Account | None = None
    seq: int = 0


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an account with its tokens and its line in the audit log: all or nothing.

    `account.version` is the one that was looked at, 0 for a new account.
    """

    account: Account
    tokens: tuple[Token, ...] = ()
    audit: AuditEntry


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of accounts and tokens since some version."""

    version: int
    accounts: tuple[Account, ...] = ()
    tokens: tuple[Token, ...] = ()
