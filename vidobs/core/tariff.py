"""From the price rows of one model and one job's quantities to the lines of a bill.

Pure. Rows come in groups, the one that counts most first; within a group the row that says most
about the job wins. One line prices the video; further lines add the source video and the images
beyond the free ones, and the last one fills up to the minimum.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.money import ZERO, CostLine, to_nano
from vidobs.core.price_rows import LIMIT, PriceRow, PriceUnit
from vidobs.core.tiers import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class PriceQuery(msgspec.Struct, frozen=True, gc=False):
    """What is known of a job when its price is asked for. `None` means unknown."""

    provider: str
    model: str
    seconds: Decimal | None = None  # length of one output
    size: str | None = None
    audio: bool | None = None
    n: int = 1
    input_images: int = 0
    input_seconds: Decimal | None = None
    has_input_video: bool = False
    video_tokens: int | None = None
    text_tokens_out: int | None = None
    tokens_in: int | None = None
    credits: Decimal | None = None
    gpu_seconds: Decimal | None = None
    gpus: Decimal | None = None
    region: str | None = None


class Priced(msgspec.Struct, frozen=True, gc=False):
    """A price and its lines, the one for the video first; or `None` and why it is unknown."""

    usd: Decimal | None
    lines: tuple[CostLine, ...] = ()
    why: str | None = None


class _NoPriceError(Exception):
    """The price is unknown; the text says why. Never leaves this package."""


Groups = tuple[tuple[PriceRow, ...], ...]

# Units that price the video itself. What the provider counted comes before what was asked for.
_MAIN = (
    PriceUnit.CREDIT,
    PriceUnit.VIDEO_TOKEN,
    PriceUnit.GPU_SECOND,
    PriceUnit.OUTPUT_SECOND,
    PriceUnit.VIDEO,
)
_TOTALS = frozenset({PriceUnit.CREDIT, PriceUnit.GPU_SECOND})  # already hold everything else
_TOKENS = (PriceUnit.TEXT_TOKEN_OUT, PriceUnit.TOKEN_IN)


def priced(query: PriceQuery, groups: Groups) -> Priced:
    """Price a job by the rows of its model. Unknown is `usd=None` and a reason, never zero."""
    try:
        lines = tuple(_lines(query, groups))
    except _NoPriceError as unknown:
        return Priced(None, (), str(unknown))
    return Priced(sum((line.usd for line in lines), ZERO), lines)


def select(query: PriceQuery, rows: Iterable[PriceRow], unit: PriceUnit) -> PriceRow | None:
    """Return the row of `unit` that says most about the job, the first among equals."""
    names = names_of(query.size)
    fitting = [
        (score, row)
        for row in rows
        if row.unit is unit and (score := _fit(query, row, names)) is not None
    ]
    regions = {row.region for _, row in fitting}
    if query.region is None and len(regions) > 1:
        fitting = [(score, row) for score, row in fitting if row.region is None]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def _lines(query: PriceQuery, groups: Groups) -> Iterator[CostLine]:
    main, quantity = _main(query, groups)
    line = _line(main, quantity)
    yield line
    if main.unit in _TOTALS:
        return
    subtotal = line.usd
    for extra in _extras(query, groups):
        subtotal += extra.usd
        yield extra
    minimum = _first(query, groups, PriceUnit.TASK_MINIMUM)
    if minimum is not None and minimum.usd is not None and minimum.usd > subtotal:
        yield _line(minimum, Decimal(1), minimum.usd - subtotal)


def _main(query: PriceQuery, groups: Groups) -> tuple[PriceRow, Decimal]:
    """The row for the video itself and its quantity."""
    reasons: list[str] = []
    usual = _usual(query, groups)
    for group in groups:
        for unit in _MAIN:
            row = select(query, group, unit)
            if row is None:
                continue
            quantity = _quantity(query, row, usual)
            if row.usd is not None and quantity is not None:
                return row, quantity
            reasons.append(_lacking(row))
    raise _NoPriceError(reasons[0] if reasons else _unmatched(query, groups))


def _quantity(query: PriceQuery, row: PriceRow, usual: Decimal | None) -> Decimal | None:
    n = Decimal(max(query.n, 1))
    if row.unit is PriceUnit.OUTPUT_SECOND:
        seconds = _positive(query.seconds if query.seconds is not None else usual)
        return None if seconds is None else seconds * n
    if row.unit is PriceUnit.VIDEO:
        return n
    if row.unit is PriceUnit.VIDEO_TOKEN:
        return _positive(query.video_tokens)
    if row.unit is PriceUnit.CREDIT:
        return _known(query.credits)
    gpu_seconds = _positive(query.gpu_seconds)
    return None if gpu_seconds is None else gpu_seconds * (query.gpus or row.gpus)


def _usual(query: PriceQuery, groups: Groups) -> Decimal | None:
    """The documented length of a request that names none; the length of an edit is its source's."""
    if query.has_input_video:
        return None
    lengths = (row.default_seconds for group in groups for row in group)
    return next((length for length in lengths if length is not None), None)


def _extras(query: PriceQuery, groups: Groups) -> Iterator[CostLine]:
    if query.has_input_video or query.input_seconds is not None:
        yield from _source_video(query, groups)
    images = _first(query, groups, PriceUnit.INPUT_IMAGE)
    if images is not None and query.input_images > images.free:
        yield _line(images, Decimal(query.input_images - images.free))
    for unit, count in zip(_TOKENS, (query.text_tokens_out, query.tokens_in), strict=True):
        row = _first(query, groups, unit) if count else None
        if row is not None and (quantity := _positive(count)) is not None:
            yield _line(row, quantity)


def _source_video(query: PriceQuery, groups: Groups) -> Iterator[CostLine]:
    row = _first(query, groups, PriceUnit.INPUT_SECOND)
    if row is not None:
        seconds = _known(query.input_seconds)
        if seconds is None:
            raise _NoPriceError("the length of the source video is not known")
        yield _line(row, seconds)
    elif any(row.unit is PriceUnit.INPUT_SECOND for group in groups for row in group):
        raise _NoPriceError(f"no price for a source video{_terms(query)}")


def _first(query: PriceQuery, groups: Groups, unit: PriceUnit) -> PriceRow | None:
    return next((row for group in groups if (row := select(query, group, unit))), None)


def _line(row: PriceRow, quantity: Decimal, unit_usd: Decimal | None = None) -> CostLine:
    each = unit_usd if unit_usd is not None else row.usd
    if each is None:
        raise _NoPriceError(_lacking(row))
    usd = to_nano(_limited(quantity) * each)
    return CostLine(
        unit=row.unit.value, quantity=quantity, unit_usd=each, usd=usd, price=row.row_id
    )


def _fit(query: PriceQuery, row: PriceRow, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """How well a row fits, smaller is better; `None` when it is for other jobs."""
    parts = (
        _fit_resolution(row, names),
        _fit_audio(row, query.audio),
        _fit_exact(row.seconds, query.seconds),
        _fit_input(row, has_video=query.has_input_video or query.input_seconds is not None),
        _fit_region(row, query.region),
    )
    known = tuple(part for part in parts if part is not None)
    return known if len(known) == len(parts) else None


def _fit_resolution(row: PriceRow, names: tuple[str, ...]) -> int | None:
    if row.resolution is None:
        return len(names) + 1
    if not names:
        return 0 if row.default_tier else None
    return next((rank for rank, name in enumerate(names) if name in row.resolution), None)


def _fit_audio(row: PriceRow, audio: bool | None) -> int | None:  # noqa: FBT001 - three-valued data
    if row.audio is audio:
        return 0
    if row.audio is None:
        return 1
    return 1 if audio is None and row.default_tier else None


def _fit_exact(wanted: Decimal | None, given: Decimal | None) -> int | None:
    if wanted is None:
        return 1
    return 0 if wanted == given else None


def _fit_input(row: PriceRow, *, has_video: bool) -> int | None:
    if row.input is None:
        return 1
    return 0 if row.input == ("video" if has_video else "no_video") else None


def _fit_region(row: PriceRow, region: str | None) -> int | None:
    if row.region is None or region is None:
        return int(row.region is None) if region is not None else 0
    return 0 if row.region.lower() == region.lower() else None


def _positive(given: Decimal | int | None) -> Decimal | None:
    """A quantity that a finished video cannot have none of: zero means it was not counted."""
    known = _known(given)
    return known or None


def _known(given: Decimal | int | None) -> Decimal | None:
    if given is None:
        return None
    quantity = Decimal(given)
    if not quantity.is_finite() or quantity < 0:
        return None
    return quantity


def _limited(quantity: Decimal) -> Decimal:
    if quantity > LIMIT:
        raise _NoPriceError(f"a quantity of {quantity} is out of range")
    return quantity


def _lacking(row: PriceRow) -> str:
    if row.usd is None:
        return f"{row.row_id} has no price yet; add one: a price row with unit {row.unit} and usd"
    if row.unit is PriceUnit.OUTPUT_SECOND:
        return "the length in seconds is not known"
    return f"the number of {row.unit}s is not known before the provider tells it"


def _unmatched(query: PriceQuery, groups: Groups) -> str:
    rows = [row for group in groups for row in group]
    if any(row.unit in _MAIN for row in rows):
        return f"no price for {query.provider}/{query.model}{_terms(query)}"
    if any(row.unit is PriceUnit.PROVIDER_REPORTED for row in rows):
        return f"{query.provider} names the cost when the job ends"
    return f"no price for {query.provider}/{query.model}"


def _terms(query: PriceQuery) -> str:
    terms = [f"size {query.size!r}" if query.size else "no size"]
    if query.audio is not None:
        terms.append("audio" if query.audio else "no audio")
    if query.seconds is not None:
        terms.append(f"{query.seconds} s")
    if query.region:
        terms.append(f"region {query.region!r}")
    return f" with {', '.join(terms)}"
