"""One call of an admin, and what it works on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from vidobs.core.errors import ConfigError
from vidobs.gateway.governance.book import Book
from vidobs.gateway.governance.changes import Act
from vidobs.gateway.governance.directory import Directory
from vidobs.gateway.governance.spend_rows import SpendRows
from vidobs.gateway.governance.store import KeyStore
from vidobs.gateway.seams import Principal, Refusal, Role
from vidobs.gateway.wire.answers import JSON, Answer

MOST_PAGE = 500
_MOST_ACTOR = 128
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Desk(msgspec.Struct, frozen=True):
    """What admins work on."""

    store: KeyStore
    directory: Directory
    book: Book
    rows: SpendRows


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose sender is known, with its whole body."""

    principal: Principal
    now: datetime
    query: Mapping[str, str] = {}
    body: bytes = b""
    changed_by: str | None = None  # who the master key speaks for

    @property
    def act(self) -> Act:
        """Who does it, for the audit log."""
        actor = self.changed_by
        return Act(actor[:_MOST_ACTOR] if actor else self.principal.owner, self.now)

    def number(self, name: str, default: int, most: int = 1_000_000) -> int:
        """Return a parameter that is a number of 1 or more.

        Raises:
            ConfigError: it is something else.
        """
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:10]) <= most:
            raise ConfigError(f"{name}: got {text[:20]!r}; write a number from 1 to {most}")
        return int(text)

    def page(self, size: str = "size") -> tuple[int, int]:
        """Return which page, from 1 on, and how many are on it."""
        return self.number("page", 1), self.number(size, 100, MOST_PAGE)

    def time(self, name: str) -> datetime | None:
        """Return a parameter that is a date or time, in UTC where it names no zone.

        Raises:
            ConfigError: it is something else.
        """
        text = self.query.get(name)
        if not text:
            return None
        try:
            when = datetime.fromisoformat(text)
            return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise ConfigError(f"{name}: got {text[:40]!r}; write 2026-01-31") from None


def answer(value: object) -> Answer:
    """Return a value as JSON; amounts are exact JSON numbers, as LiteLLM's clients expect."""
    return Answer(200, _encode(value), (JSON,))


def must_manage(principal: Principal) -> None:
    """Raise unless somebody may change keys, users and teams."""
    if principal.role is not Role.MASTER:
        raise _forbidden(principal, "change")


def must_see_all(principal: Principal) -> None:
    """Raise unless somebody may look at everything."""
    if principal.role not in (Role.MASTER, Role.VIEWER):
        raise _forbidden(principal, "see")


def _forbidden(principal: Principal, what: str) -> Refusal:
    if principal.role is Role.ANYONE:
        message = "there is no master key: set general_settings.master_key to manage keys"
    else:
        message = f"this key may not {what} that; use the master key"
    return Refusal(403, message, code="forbidden", error_type="permission_error")
