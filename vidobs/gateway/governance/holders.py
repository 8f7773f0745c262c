"""Accounts as admission sees them: budgets in whole billionths of a dollar, limits as numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from vidobs.gateway.governance.durations import Span, read_span
from vidobs.gateway.governance.records import Whose

if TYPE_CHECKING:
    from vidobs.gateway.governance.records import Account

NANOS_PER_USD = 1_000_000_000


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """One account that a job counts against."""

    whose: Whose
    name: str  # in messages
    max_nano: int | None = None
    soft_nano: int | None = None
    span: Span | None = None
    jobs: int | None = None  # that have not ended
    requests: int | None = None  # a minute
    seconds: int | None = None  # of output, a minute

    @property
    def budgeted(self) -> bool:
        """Whether its money is counted."""
        return self.max_nano is not None or self.soft_nano is not None


def holder_of(account: Account) -> Holder:
    """Return an account as admission sees it."""
    allowance = account.allowance
    duration = allowance.budget_duration
    return Holder(
        whose=account.whose,
        name=f"{account.kind} {account.alias or account.id}".strip(),
        max_nano=nano(allowance.max_budget),
        soft_nano=nano(allowance.soft_budget),
        span=None if duration is None else read_span(duration, "budget_duration"),
        jobs=allowance.max_parallel_requests,
        requests=allowance.rpm_limit,
        seconds=allowance.output_seconds_per_minute,
    )


def nano(usd: Decimal | None) -> int | None:
    """Return an amount in whole billionths of a dollar, a part of one as a whole one."""
    return None if usd is None else _nano(usd)


@lru_cache(maxsize=1024)  # most videos cost what others cost
def _nano(usd: Decimal) -> int:
    return int((usd * NANOS_PER_USD).to_integral_value(ROUND_CEILING))


def dollars(nanos: int) -> Decimal:
    """Return an amount from billionths."""
    return Decimal(nanos) / NANOS_PER_USD
