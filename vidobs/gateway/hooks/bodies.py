"""What is asked and answered at `/v1/webhook_endpoints`."""

from __future__ import annotations

import msgspec

from vidobs.gateway.hooks.records import HookEvent


class NewEndpoint(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request for a new endpoint."""

    url: str
    events: list[HookEvent] = []
    description: str | None = None


class ShownEndpoint(msgspec.Struct, omit_defaults=True, kw_only=True):
    """An endpoint as its owner sees it; the secret once, when it is made."""

    id: str
    object: str
    created_at: int
    url: str
    events: tuple[HookEvent, ...]
    description: str | None
    enabled: bool
    pending: int  # deliveries on their way
    last_error: str | None
    secret: str | msgspec.UnsetType = msgspec.UNSET


class EndpointList(msgspec.Struct):
    """All endpoints of an owner."""

    object: str
    data: list[ShownEndpoint]
    first_id: str | None
    last_id: str | None
    has_more: bool


class DeletedEndpoint(msgspec.Struct):
    """An endpoint that is gone."""

    id: str
    object: str
    deleted: bool
