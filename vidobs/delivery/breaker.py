"""When an exporter that keeps failing is left alone, and how it is tried again. Pure.

The state is not stored: it follows from what the outbox knows of the exporter, and from the time.
So every process sees the same, the command line included.
https://learn.microsoft.com/en-us/azure/architecture/patterns/circuit-breaker
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vidobs.core.protocols import BreakerState
from vidobs.delivery.retries import LONGEST_RETRY_AFTER_S

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.core.protocols import Standing

__all__ = ["OPENS_AFTER", "BreakerState", "rest_of", "rest_s", "state_now", "state_of"]

OPENS_AFTER = 5  # failures in a row
SKEW_S = 60.0  # by which the clock may be put back without anybody taking notice


def state_of(
    failures: int, retry_at: datetime | None, disabled: str | None, now: datetime
) -> BreakerState:
    """Return the state of a breaker: after so many failures in a row, with no try before then."""
    if disabled is not None:
        return BreakerState.DISABLED
    if failures < OPENS_AFTER:
        return BreakerState.CLOSED
    return BreakerState.OPEN if rest_s(retry_at, now) > 0 else BreakerState.HALF_OPEN


def rest_s(retry_at: datetime | None, now: datetime, failed_at: datetime | None = None) -> float:
    """Return for how many seconds nobody tries; 0 when the time has come.

    Nobody ever waits for longer than a day: a try that is due later than that, or that was put off
    in the future, is due now, because the clock was put back meanwhile.
    """
    if retry_at is None:
        return 0.0
    rest = (retry_at - now).total_seconds()
    put_back = failed_at is not None and (failed_at - now).total_seconds() > SKEW_S
    if put_back or rest > LONGEST_RETRY_AFTER_S:
        return 0.0
    return max(0.0, rest)


def state_now(standing: Standing, now: datetime) -> BreakerState:
    """Return the state of the breaker of an exporter that stands so."""
    due = rest_s(standing.retry_at, now, standing.failed_at) == 0
    retry_at = None if due else standing.retry_at
    return state_of(standing.failures, retry_at, standing.disabled, now)


def rest_of(standing: Standing, now: datetime) -> float:
    """Return for how many seconds an exporter that stands so is left alone; it may be for ever."""
    if standing.disabled is not None:
        return math.inf
    return rest_s(standing.retry_at, now, standing.failed_at)
