"""When a webhook that was not taken is sent again. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vidobs.gateway.hooks.records import Delivery

WAITS_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
GIVE_UP_S = 72 * 3600.0  # after the first attempt was due
LONGEST_ASKED_S = 3600.0  # that a receiver may ask us to wait
JITTER = 0.2  # of a wait, either way


def next_try(
    delivery: Delivery,
    now: datetime,
    *,
    jitter: float,
    asked_s: float | None = None,
    waits_s: Sequence[float] = WAITS_S,
    give_up_s: float = GIVE_UP_S,
) -> datetime | None:
    """Return when to try a delivery again that was tried just now; `None`: never.

    `delivery.attempts` counts the one just made; `jitter` is a random number from 0 to 1;
    `asked_s` is the receiver's `Retry-After`.
    """
    wait_s = waits_s[min(delivery.attempts, len(waits_s)) - 1]
    wait_s *= 1 - JITTER + 2 * JITTER * jitter
    if asked_s is not None:
        wait_s = max(wait_s, min(asked_s, LONGEST_ASKED_S))
    due = now + timedelta(seconds=wait_s)
    last = delivery.created_at + timedelta(seconds=give_up_s)
    return due if due <= last else None
