"""What panels and alerts ask of the metrics, in no query language."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs.core import names
from vidobs.telemetry import measurements as table
from vidobs.telemetry.deliveries import COUNTED, OBSERVED
from vidobs.telemetry.measurements import INSTRUMENTS, Instrument

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_VIDOBS = (table.GUARD_TRIPS, table.LOST, table.MEDIA_LOST, *COUNTED, *OBSERVED)
OF_JOBS = tuple(one for one in INSTRUMENTS if one not in _OF_VIDOBS)  # with provider and model
PROVIDER = names.PROVIDER_NAME
MODEL = names.REQUEST_MODEL


class Over(StrEnum):
    """The time that a value is taken over."""

    SECOND = "second"  # how fast it rises, smoothed over some scrapes
    PERIOD = "period"  # how much it rose in the time that is shown
    NOW = "now"  # how it stands: of gauges


class Part(StrEnum):
    """What of a histogram is meant."""

    COUNT = "count"  # how many values
    SUM = "sum"  # what they come to


class Match(msgspec.Struct, frozen=True):
    """Only where an attribute is one of these."""

    attribute: str
    values: tuple[str, ...]


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """The sum (of gauges that stand for one thing: the largest) of an instrument."""

    instrument: Instrument
    over: Over
    by: tuple[str, ...] = ()
    where: tuple[Match, ...] = ()
    part: Part = Part.COUNT  # of a histogram


class Quantile(msgspec.Struct, frozen=True, kw_only=True):
    """A quantile of a histogram, such as 0.95."""

    instrument: Instrument
    quantile: float
    by: tuple[str, ...] = ()
    where: tuple[Match, ...] = ()


class Quotient(msgspec.Struct, frozen=True):
    """One value per another; nothing where the other is zero."""

    top: Value
    bottom: Value


class Times(msgspec.Struct, frozen=True):
    """A value in another unit."""

    value: Value
    factor: int


Expression: TypeAlias = Value | Quantile | Quotient | Times


def values_in(expression: Expression) -> Iterator[Value | Quantile]:
    """Yield what an expression is made of."""
    if isinstance(expression, Quotient):
        yield from (expression.top, expression.bottom)
    elif isinstance(expression, Times):
        yield expression.value
    else:
        yield expression


def grouped_by(expression: Expression) -> tuple[str, ...]:
    """Return the attributes that tell the results of an expression apart."""
    return next(values_in(expression)).by
