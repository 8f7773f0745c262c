"""What the cost of a job can rest on, best first.

The provider's own amount, its usage times the price, the delivered file times the price, the
request times the price (`CostBasis`). Pure.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.money import CostBasis, CostLine, to_nano
from vidobs.core.price_rows import LIMIT
from vidobs.core.prices import Priced, PriceQuery, PriceUnit
from vidobs.core.tiers import frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.core.jobs import Job, Usage
    from vidobs.core.prices import PriceBook

SHORTEST_S = Decimal("0.001")
EQUAL_WITHIN_S = Decimal("0.5")  # a file this close to what was asked for is what was asked for

# What the provider must have counted for a line to rest on its usage.
_COUNTED = {
    PriceUnit.OUTPUT_SECOND: "seconds",
    PriceUnit.VIDEO_TOKEN: "video_tokens",
    PriceUnit.CREDIT: "credits",
    PriceUnit.GPU_SECOND: "gpu_seconds",
}
_FROM_SOURCE = frozenset({Operation.REMIX, Operation.EDIT, Operation.EXTEND})
_PROBEABLE = frozenset({PriceUnit.OUTPUT_SECOND, PriceUnit.VIDEO})


class Evidence(msgspec.Struct, frozen=True):
    """A figure and what it rests on."""

    basis: CostBasis
    usd: Decimal
    lines: tuple[CostLine, ...] = ()


def query_of(
    provider: str, model: str | None, request: VideoRequest, operation: Operation
) -> PriceQuery:
    """Return what a request says about its price."""
    return PriceQuery(
        provider=provider,
        model=model or "",
        seconds=seconds_of(request.seconds),
        size=request.size,
        audio=request.audio,
        n=request.n,
        input_images=request.input_images,
        input_seconds=seconds_of(request.input_seconds),
        has_input_video=request.input_seconds is not None or operation in _FROM_SOURCE,
    )


def best_of(job: Job, book: PriceBook) -> Evidence | None:
    """Return the figure with the best evidence that a price leads to; `None` without a price."""
    return next(_evidence(job, book), None)


def _evidence(job: Job, book: PriceBook) -> Iterator[Evidence]:
    """Every figure that can be computed, best first."""
    query = query_of(job.provider, _model(job, book), job.request, job.operation)
    for basis, answer in (
        (CostBasis.USAGE, _by_usage(job, query, book)),
        (CostBasis.PROBED, _by_file(job, query, book)),
        (CostBasis.REQUESTED, book.price(query)),
    ):
        if answer is not None and answer.usd is not None:
            yield Evidence(basis, answer.usd, answer.lines)


def _model(job: Job, book: PriceBook) -> str | None:
    """The model as asked for, or as served where only that has a price."""
    if job.served_model is None or (job.model and book.knows(job.provider, job.model)):
        return job.model
    known = book.knows(job.provider, job.served_model)
    return job.served_model if known else job.model or job.served_model


def _by_usage(job: Job, query: PriceQuery, book: PriceBook) -> Priced | None:
    """What the provider counted times the price; its figures are totals over all outputs."""
    usage = job.usage
    if usage is None:
        return None
    given = usage.input_seconds
    counted = msgspec.structs.replace(
        query,
        seconds=seconds_of(usage.output_seconds),
        n=1,
        input_seconds=query.input_seconds if given is None else seconds_of(given),
        has_input_video=query.has_input_video or bool(given),
        video_tokens=usage.video_tokens,
        text_tokens_out=usage.text_tokens_out,
        tokens_in=usage.tokens_in,
        credits=sane(usage.credits),
        gpu_seconds=sane(usage.gpu_seconds),
    )
    answer = book.price(counted)
    if answer.usd is None:
        return None
    field = _COUNTED.get(_unit(answer))
    return answer if field is not None and getattr(counted, field) is not None else None


def _by_file(job: Job, query: PriceQuery, book: PriceBook) -> Priced | None:
    """What was delivered times the price. An extended video holds its source: not asked then."""
    file = job.file
    length = None if file is None or not file.complete else seconds_of(file.seconds)
    if file is None or length is None or job.operation is Operation.EXTEND:
        return None
    delivered = msgspec.structs.replace(query, seconds=_billable(length, query.seconds))
    answers = (
        book.price(msgspec.structs.replace(delivered, size=size))
        for size in _sizes(file.size, query.size)
    )
    answer = next((each for each in answers if each.usd is not None), None)
    return answer if answer is not None and _unit(answer) in _PROBEABLE else None


def _sizes(probed: str | None, asked: str | None) -> Iterator[str | None]:
    """The sizes to price a file by: its own, unless a tier was asked for by name."""
    if probed is not None and (asked is None or frame(asked)):
        yield probed
    yield asked


def _unit(answer: Priced) -> PriceUnit:
    """The unit that priced the video itself."""
    return PriceUnit(answer.lines[0].unit)


def _billable(probed: Decimal, asked: Decimal | None) -> Decimal:
    """Whole seconds of a file, at least one; what was asked for when the file is that long."""
    if asked is not None and abs(probed - asked) <= EQUAL_WITHIN_S:
        return asked
    return max(probed.quantize(Decimal(1), rounding=ROUND_HALF_UP), Decimal(1))


def reported_usd(usage: Usage | None) -> Decimal | None:
    """Return the amount that the provider named; zero is an amount."""
    amount = None if usage is None else sane(usage.reported_usd)
    return None if amount is None else to_nano(amount)


def seconds_of(given: Decimal | None) -> Decimal | None:
    """Return a number of seconds that a video can have; below a millisecond there is none."""
    seconds = sane(given)
    return None if seconds is None or 0 < seconds < SHORTEST_S else seconds


def sane(given: Decimal | None) -> Decimal | None:
    """Return a quantity that a job can have; anything else that is said counts as not said."""
    if given is None or not given.is_finite() or not 0 <= given <= LIMIT:
        return None
    return given
