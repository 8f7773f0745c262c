"""What a job costs: one figure with its status and its basis.

Money is `Decimal` in US dollars, kept to nine places, and a string in JSON. An unknown price is
`None`, never zero.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum

import msgspec

NANO = Decimal("0.000000001")
ZERO = Decimal(0)
_ONE = Decimal(1)


class CostStatus(StrEnum):
    """How final the figure is."""

    QUOTED = "quoted"  # computed before the call was sent
    RESERVED = "reserved"  # the provider accepted the job
    SETTLED = "settled"  # final: the job ended and is billed
    RELEASED = "released"  # final: the job ended and is not billed
    UNKNOWN = "unknown"  # nobody knows whether the job exists, or what it costs


class CostBasis(StrEnum):
    """Where the figure comes from, best first."""

    REPORTED = "reported"  # the provider named the amount
    USAGE = "usage"  # the provider's usage times the price
    PROBED = "probed"  # the delivered file times the price
    REQUESTED = "requested"  # the request times the price
    POLICY_UNKNOWN = "policy_unknown"  # a failed job nobody documented the billing of

    @property
    def rank(self) -> int:
        """0 is the best evidence."""
        return _RANK[self]


_RANK = {basis: rank for rank, basis in enumerate(CostBasis)}


class CostLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line of a bill: `quantity` times `unit_usd` of `unit` by the price row `price`."""

    unit: str
    quantity: Decimal
    unit_usd: Decimal
    usd: Decimal
    price: str | None = None


class Cost(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The cost of one job.

    `usd` is what counts in a total (an estimate until settled, zero once released, `None` where
    unknown); `possible_usd` is spend that may have happened and is never in a total;
    `quoted_usd` stays what was quoted before the call.
    """

    status: CostStatus = CostStatus.UNKNOWN
    basis: CostBasis | None = None
    usd: Decimal | None = None
    possible_usd: Decimal | None = None
    quoted_usd: Decimal | None = None
    lines: tuple[CostLine, ...] = ()


NO_COST = Cost()


def to_nano(usd: Decimal) -> Decimal:
    """Round an amount to nine places, half to even, and drop the zeros behind it.

    >>> to_nano(Decimal("0.8000000000001")), to_nano(Decimal("1E+1"))
    (Decimal('0.8'), Decimal('10'))
    """
    rounded = usd.quantize(NANO, rounding=ROUND_HALF_EVEN).normalize()
    return rounded if rounded.as_tuple().exponent <= 0 else rounded.quantize(_ONE)  # type: ignore[operator]  # finite


def plain(usd: Decimal) -> str:
    """Return an amount as plain digits: no exponent, no trailing zeros, at least cents.

    >>> plain(Decimal("0.800000000")), plain(Decimal("0.000123000"))
    ('0.80', '0.000123')
    """
    digits = f"{usd:f}"
    whole, _, fraction = digits.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
