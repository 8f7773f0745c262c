"""What a provider says a finished job took, and what it says it costs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import Usage
from vidobs.dialects.values import number, positive, whole
from vidobs.dialects.wire import field

if TYPE_CHECKING:
    from vidobs.core.jobs import JobSnapshot
    from vidobs.dialects.wire import WireVideo

COST_HEADER = "x-litellm-response-cost"  # of a create, in US dollars
MOST_STAGES = 16
_STAGE_CHARS = 64
_AMOUNTS = ("usd", "total_usd", "total", "amount", "total_cost", "cost")
_XAI_TICKS = Decimal(10**10)  # to the dollar
_NOTHING = Usage()


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
        peak_memory_mb=positive(wire.peak_memory_mb),
        stage_s=_stages(wire.stage_durations),
    )
    return None if found == _NOTHING else found


def charged(snapshot: JobSnapshot, headers: Mapping[str, str]) -> JobSnapshot:
    """Return the answer to a create with what its headers say it costs.

    Zero is what LiteLLM says of a length or a price that it does not know, so it says nothing.
    """
    usd = positive(headers.get(COST_HEADER))
    if usd is None:
        return snapshot
    usage = msgspec.structs.replace(snapshot.usage or _NOTHING, reported_usd=usd)
    return msgspec.structs.replace(snapshot, usage=usage)


def _stages(given: object) -> dict[str, Decimal]:
    """Seconds by the name of a stage; only so many, since a server may name them as it likes."""
    if not isinstance(given, Mapping):
        return {}
    told = ((str(name)[:_STAGE_CHARS], number(value)) for name, value in given.items())
    known = [(name, seconds) for name, seconds in told if seconds is not None]
    return dict(known[:MOST_STAGES])


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
