"""What a provider says a finished job took, and what it says it costs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from vidobs.core.jobs import Usage
from vidobs.dialects.values import number, whole
from vidobs.dialects.wire import field

if TYPE_CHECKING:
    from vidobs.dialects.wire import WireVideo

_AMOUNTS = ("usd", "total_usd", "total", "amount", "total_cost", "cost")
_XAI_TICKS = Decimal(10**10)  # to the dollar


def usage_of(wire: WireVideo) -> Usage | None:
    """Return the usage in the answer for a job that ended; `None` when it names none.

    Amounts in answers for a running job are estimates, or zero because nothing was counted yet:
    do not ask for those.
    """
    if not (wire.usage or wire.cost is not None or wire.inference_time_s or wire.duration_s):
        return None
    used = wire.usage
    found = Usage(
        reported_usd=_reported(wire.cost, used),
        credits=number(field(wire.cost, "credits")) or number(field(used, "credits")),
        output_seconds=_first(used, "output_seconds", "duration") or number(wire.duration_s),
        input_seconds=number(field(used, "input_seconds")),
        video_tokens=whole(field(used, "completion_tokens")) or whole(field(used, "video_tokens")),
        gpu_seconds=number(wire.inference_time_s) or number(field(used, "gpu_seconds")),
    )
    return None if found == Usage() else found


def _reported(cost: object, used: object) -> Decimal | None:
    """The amount in US dollars; another currency is not converted."""
    ticks = number_of_ticks(field(used, "cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / _XAI_TICKS
    if isinstance(cost, Mapping):
        currency = cost.get("currency")
        if isinstance(currency, str) and currency.upper() != "USD":
            return None
        return _first(cost, *_AMOUNTS)
    amount = number(cost)
    return _first(used, "cost", "provider_reported_cost_usd") if amount is None else amount


def number_of_ticks(value: object) -> Decimal | None:
    """Return a count that may be large; ten billion are a dollar."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**19:
        return Decimal(value)
    return None


def _first(data: object, *names: str) -> Decimal | None:
    return next((found for name in names if (found := number(field(data, name))) is not None), None)
