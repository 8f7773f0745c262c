"""What somebody reads whose create is not sent: which limit, how it stands, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.money import plain
from vidobs.gateway.governance.durations import ALWAYS, moment_of
from vidobs.gateway.governance.holders import dollars
from vidobs.gateway.governance.records import Kind
from vidobs.gateway.seams import Refusal

if TYPE_CHECKING:
    from vidobs.gateway.governance.book import Claim, Shortfall, Standing
    from vidobs.gateway.governance.holders import Holder
    from vidobs.gateway.governance.rates import Rate

_JOBS_WAIT_S = 5  # nobody knows when a running job ends
_UNITS = {"requests": "requests", "output-seconds": "seconds of output"}


def refused_rate(rate: Rate, what: str) -> Refusal:
    """Return the answer to one request too many in a minute."""
    limit = rate.limit
    asked = f"; {limit.cost} more were asked for" if limit.cost > 1 else ""
    never = limit.cost > limit.amount
    again = "ask for a shorter video" if never else f"try again in {rate.reset_s} s"
    return Refusal(
        429,
        f"{limit.name}: limit of {limit.amount} {_UNITS[what]} a minute{asked}; {again}",
        code="rate_limit_exceeded",
        error_type="rate_limit_error",
        headers={"retry-after": str(rate.reset_s), **rate.headers(what)},
    )


def refused_shortfall(short: Shortfall, claim: Claim) -> Refusal:
    """Return the answer to a create that a budget, or the number of running jobs, refuses."""
    if short.holder is None:
        return _refused_jobs(f"model {claim.model}", claim.model_jobs or 0)
    if short.standing is None:
        return _refused_jobs(short.holder.name, short.holder.jobs or 0)
    if short.unpriced:
        message = (
            f"{short.holder.name} has a budget, and nobody knows what {claim.model} costs for this "
            "request; name its seconds and size, or ask for a model with a price"
        )
    else:
        message = _over(short.holder, short.standing, claim)
    return Refusal(400, message, code="budget_exceeded", error_type="budget_exceeded")


def refused_unread() -> Refusal:
    """Return the answer while nobody can say what was spent: nothing is sent on a guess."""
    return Refusal(
        503,
        "the budgets of this gateway cannot be read just now; try again",
        code="budget_unavailable",
        error_type="server_error",
        headers={"retry-after": str(_JOBS_WAIT_S)},
    )


def _over(holder: Holder, standing: Standing, claim: Claim) -> str:
    """Say how a budget stands; that of everybody together is nobody's to read."""
    until = "" if standing.window == ALWAYS else f"; it begins anew at {_end(standing)}"
    if holder.whose[0] is Kind.GATEWAY:
        return f"the budget of this gateway is used up{until}"
    return (
        f"budget of {holder.name} exceeded: {_usd(holder.max_nano)} may be spent, "
        f"{_usd(standing.spent)} is spent and {_usd(standing.held)} held by running jobs, and this "
        f"one would cost {_usd(claim.nano)}{until}"
    )


def _end(standing: Standing) -> str:
    return f"{moment_of(standing.window.end_ms):%Y-%m-%d %H:%M} UTC"


def _usd(nanos: int | None) -> str:
    return f"${plain(dollars(nanos or 0))}"


def _refused_jobs(name: str, most: int) -> Refusal:
    return Refusal(
        429,
        f"{name}: {most} jobs may run at a time, and so many do; try again when one has ended",
        code="rate_limit_exceeded",
        error_type="rate_limit_error",
        headers={"retry-after": str(_JOBS_WAIT_S)},
    )
