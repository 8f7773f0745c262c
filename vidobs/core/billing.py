"""What a job costs, from the quote to the settlement and to what corrects it later.

Pure functions over `Job` and `Cost`. A settled figure rests on the best evidence there is: the
amount the provider reports, then its usage times the price, then the delivered file times the
price, then the request times the price. How a job ends, and what that makes of its cost:

| the job | status | `usd` | basis |
|---|---|---|---|
| an amount is reported | settled; released if it is 0 and no video | it | reported |
| completed, priced | settled | the figure | usage, probed or requested |
| completed, no price known | unknown | `None` | `None` |
| never accepted, or expired before it ran | released | 0 | `None` |
| failed or cancelled, not billed by policy | released | 0 | `None` |
| failed or cancelled, billed by policy | settled, or unknown | the figure, or `None` | as above |
| failed or cancelled, no policy stated | released, `possible_usd` set | 0 | policy_unknown |
| an ambiguous create | unknown, `possible_usd` set | `None` | `None` |
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.evidence import Evidence, best_of, query_of, reported_usd, sane, seconds_of
from vidobs.core.jobs import Job, JobState, Reason
from vidobs.core.money import NO_COST, ZERO, Cost, CostBasis, CostLine, CostStatus
from vidobs.core.policies import UNSTATED, Billed, BillingPolicy
from vidobs.core.prices import PriceQuery, PriceUnit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.prices import PriceBook, Priced


def quote(
    provider: str,
    model: str | None,
    request: VideoRequest,
    book: PriceBook,
    *,
    operation: Operation = Operation.CREATE,
) -> Cost:
    """Return what a request will cost; `usd` is `None` where no price is known."""
    asked = (provider, model, operation, request.seconds, request.size, request.audio, request.n,
             request.input_images, request.input_seconds)  # fmt: skip
    try:
        known = book.quoted(asked)
    except TypeError:  # a length that is a signalling NaN
        return _quoted(book.price(query_of(provider, model, request, operation)))
    if known is None:
        known = _quoted(book.price(query_of(provider, model, request, operation)))
        book.keep_quote(asked, known)
    return known


def _quoted(answer: Priced) -> Cost:
    return Cost(
        status=CostStatus.QUOTED,
        basis=None if answer.usd is None else CostBasis.REQUESTED,
        usd=answer.usd,
        quoted_usd=answer.usd,
        lines=answer.lines,
    )


def reserve(cost: Cost, *, held: Cost = NO_COST) -> Cost:
    """Return the cost of a job that was accepted; the quote in `held` stays what it was."""
    quoted = cost.quoted_usd if held.quoted_usd is None else held.quoted_usd
    return msgspec.structs.replace(cost, status=CostStatus.RESERVED, quoted_usd=quoted)


def ambiguous(cost: Cost) -> Cost:
    """Return the cost of a create that may have been accepted: unknown, possibly the quote."""
    return Cost(possible_usd=_held(cost), quoted_usd=cost.quoted_usd)


def end(job: Job, book: PriceBook, policies: Mapping[str, BillingPolicy]) -> Cost:
    """Return the final cost of a job that just became terminal; see the table of this module."""
    reported = reported_usd(job.usage)
    if reported is not None:
        return _by_report(job, reported)
    if job.state is JobState.COMPLETED:
        return _settled(job, book)
    if job.state is JobState.EXPIRED or _rejected(job):
        return _released(job)
    billed = _policy(job, policies.get(job.provider, UNSTATED))
    if billed is Billed.YES:
        return _settled(job, book)
    if billed is Billed.NO:
        return _released(job)
    return _released(job, basis=CostBasis.POLICY_UNKNOWN, possible_usd=_possible(job, book))


def adjust(job: Job, book: PriceBook) -> Cost | None:
    """Return a better final cost for a job that has one already; `None` when nothing is better.

    Evidence of a lower rank never replaces a figure, and neither does a new price: only what is
    newly known of the job.
    """
    if not job.state.terminal:
        return None
    reported = reported_usd(job.usage)
    if reported is not None:
        return _changed(job.cost, _by_report(job, reported))
    if job.cost.status is CostStatus.SETTLED or job.cost.status is CostStatus.UNKNOWN:
        best = best_of(job, book)
        return None if best is None else _changed(job.cost, _by_evidence(job, best))
    return None


def cost(
    model: str,
    provider: str | None = None,
    *,
    book: PriceBook,
    seconds: Decimal | float | str | None = None,
    size: str | None = None,
    audio: bool | None = None,
    n: int = 1,
    input_images: int = 0,
    input_seconds: Decimal | float | str | None = None,
    region: str | None = None,
    credits: Decimal | float | str | None = None,  # noqa: A002 - the word of the providers
    video_tokens: int | None = None,
    gpu_seconds: Decimal | float | str | None = None,
) -> Decimal | None:
    """Return what a job costs in US dollars, or `None` where that is not known.

    Without a provider: the one that "azure/sora-2" names, else OpenAI where it has the model, else
    the price on which all providers with the model agree.
    """
    query = PriceQuery(
        provider=provider or "",
        model=model,
        seconds=seconds_of(_number(seconds)),
        size=size,
        audio=audio,
        n=n,
        input_images=input_images,
        input_seconds=seconds_of(_number(input_seconds)),
        has_input_video=input_seconds is not None,
        credits=_number(credits),
        video_tokens=video_tokens,
        gpu_seconds=_number(gpu_seconds),
        region=region,
    )
    names = [provider] if provider is not None else _sellers(model, book)
    prices = {book.price(msgspec.structs.replace(query, provider=name)).usd for name in names}
    return prices.pop() if len(prices) == 1 else None


def _sellers(model: str, book: PriceBook) -> list[str]:
    """The providers to ask for a model that was named without one."""
    prefix = model.partition("/")[0].strip().lower()
    if "/" in model and prefix in book.providers():
        return [prefix]
    names = book.providers(model)
    return ["openai"] if "openai" in names else list(names) or [""]


def _by_report(job: Job, reported: Decimal) -> Cost:
    """The provider named the amount; for a job without a video, nothing means released."""
    if reported == 0 and job.state is not JobState.COMPLETED:
        return _released(job, basis=CostBasis.REPORTED)
    unit = PriceUnit.PROVIDER_REPORTED.value
    line = CostLine(unit=unit, quantity=Decimal(1), unit_usd=reported, usd=reported)
    return _by_evidence(job, Evidence(CostBasis.REPORTED, reported, (line,)))


def _by_evidence(job: Job, evidence: Evidence) -> Cost:
    return Cost(
        status=CostStatus.SETTLED,
        basis=evidence.basis,
        usd=evidence.usd,
        quoted_usd=job.cost.quoted_usd,
        lines=evidence.lines,
    )


def _settled(job: Job, book: PriceBook) -> Cost:
    """The best figure, or unknown: a job that is billed at a price that nobody knows."""
    best = best_of(job, book)
    return Cost(quoted_usd=job.cost.quoted_usd) if best is None else _by_evidence(job, best)


def _released(
    job: Job, *, basis: CostBasis | None = None, possible_usd: Decimal | None = None
) -> Cost:
    return Cost(
        status=CostStatus.RELEASED,
        basis=basis,
        usd=ZERO,
        possible_usd=possible_usd,
        quoted_usd=job.cost.quoted_usd,
    )


def _changed(before: Cost, after: Cost) -> Cost | None:
    """The new cost where it rests on better evidence, or on new evidence of the same rank."""
    if before.basis is None or after.basis is None:
        return after if after.basis is not before.basis else None
    if after.basis.rank != before.basis.rank:
        return after if after.basis.rank < before.basis.rank else None
    return None if _quantities(before) == _quantities(after) else after


def _quantities(cost: Cost) -> list[tuple[str, Decimal]] | Decimal | None:
    """What was counted; for an amount that the provider reports, the amount."""
    if cost.basis is CostBasis.REPORTED:
        return cost.usd
    return [(line.unit, line.quantity) for line in cost.lines]


def _rejected(job: Job) -> bool:
    """Whether the provider refused the create, or never saw it. A lost job may have run."""
    never_accepted = job.submitted_at is None and job.provider_job_id is None
    return job.state is JobState.FAILED and never_accepted and job.reason is not Reason.LOST


def _policy(job: Job, policy: BillingPolicy) -> Billed:
    if job.state is JobState.CANCELLED:
        return policy.bill_on_cancelled
    if job.reason is not None and job.reason.moderation:
        return policy.bill_on_moderated
    return policy.bill_on_failed


def _possible(job: Job, book: PriceBook) -> Decimal | None:
    """What a job may have cost: what was held for it, else the best figure now."""
    held = _held(job.cost)
    if held is not None:
        return held
    best = best_of(job, book)
    return None if best is None else best.usd


def _held(cost: Cost) -> Decimal | None:
    figures = (cost.usd, cost.possible_usd, cost.quoted_usd)
    return next((figure for figure in figures if figure is not None), None)


def _number(given: Decimal | float | str | None) -> Decimal | None:
    if given is None:
        return None
    try:
        return sane(Decimal(str(given)))
    except InvalidOperation:
        return None
