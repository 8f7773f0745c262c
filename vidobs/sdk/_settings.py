"""What `wrap` was told about one client."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from vidobs.observer.limits import SpendLimit


class RetryCreates(StrEnum):
    """When a create may be sent again."""

    SAFE = "safe"  # only when provably not accepted: connection failed, 429, 503 with Retry-After
    IDEMPOTENT = "idempotent"  # the server honours Idempotency-Key: as the SDK retries
    SDK = "sdk"  # as the SDK retries, whatever the server does


class WrapSettings(msgspec.Struct, frozen=True):
    """Shared by a wrapped client and its copies."""

    retry_creates: RetryCreates = RetryCreates.SAFE
    limit: SpendLimit | None = None
    provider: str | None = None
    dialect: str | None = None
    joins_traces: bool = False  # requests carry the `traceparent` of their job
