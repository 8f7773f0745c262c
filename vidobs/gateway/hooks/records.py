"""Endpoints of clients, and what is on its way to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class HookEvent(StrEnum):
    """What an endpoint can be told of."""

    COMPLETED = "video.completed"  # the video is there
    FAILED = "video.failed"  # there will be none


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where the owner of a key wants to be told. Its keys are not shown."""

    id: str
    owner: str  # `Principal.owner`: told of these jobs, and of no others
    url: str
    events: tuple[HookEvent, ...] = tuple(HookEvent)
    keys: tuple[bytes, ...]  # to sign with: the newest first, and that of before for a while
    old_key_until: datetime | None = None  # when only the first counts
    description: str | None = None
    created_at: datetime
    disabled: str | None = None  # why nothing is sent any more
    last_error: str | None = None  # of the last attempt, where that failed

    def __repr__(self) -> str:
        return f"Endpoint({self.id!r}, owner={self.owner!r})"

    def keys_at(self, now: datetime) -> tuple[bytes, ...]:
        """Return the keys to sign with."""
        both = self.old_key_until is not None and now < self.old_key_until
        return self.keys if both else self.keys[:1]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one endpoint. The body is the same at every attempt."""

    event_id: str
    endpoint_id: str
    body: bytes
    created_at: datetime
    due_at: datetime
    attempts: int = 0
    last_error: str | None = None
