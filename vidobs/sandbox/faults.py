"""The choice of the scripted fault that a request meets: by header, by prompt or by its share."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from vidobs.core.errors import unknown_name
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.fault_table import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vidobs.sandbox.fault_table import Fault

_TAG = re.compile(r"\[\[fault:([^\]\s]*)(?:\s+x(\d{1,9}))?\s*\]\]")
_REMEMBERED_PROMPTS = 10_000


@dataclass(frozen=True, slots=True)
class Share:
    """A fault and the share of creates that meet it, above 0 and at most 1."""

    fault: Fault
    share: Fraction


def parse_shares(specs: Iterable[str]) -> tuple[Share, ...]:
    """Parse `NAME` and `NAME:RATIO`; raises `ValueError` that says what is wrong."""
    shares = tuple(_parse_share(spec) for spec in specs)
    total = sum((share.share for share in shares), Fraction(0))
    if total > 1:
        message = f"the ratios of the faults add up to {float(total)}; at most 1 can be met"
        raise ValueError(message)
    return shares


def _parse_share(spec: str) -> Share:
    name, colon, text = spec.partition(":")
    if name not in FAULTS:
        raise ValueError(unknown_name("fault", name, FAULTS))
    try:
        share = Fraction(text) if colon else Fraction(1)
    except (ValueError, ZeroDivisionError):
        share = Fraction(0)
    if not 0 < share <= 1:
        message = f"the ratio of fault {spec!r} must be above 0 and at most 1, as in {name}:0.2"
        raise ValueError(message)
    return Share(FAULTS[name], share)


class FaultPicker:
    """Chooses the fault of a request: the header, then the prompt, then the shares.

    The shares are met exactly and the same way each time: every request adds each fault's share
    to its credit, and the fault with the most credit, if it is at least 1, spends it.
    """

    def __init__(self, shares: Iterable[Share]) -> None:
        self._shares = tuple(shares)
        self._credit = [Fraction(0) for _ in self._shares]
        self._seen: OrderedDict[str, int] = OrderedDict()

    def pick(self, *, header: str | None, prompt: str) -> Fault | None:
        """Return the fault that one request meets; raises the API's 400 for an unknown name."""
        if header:
            return _known(header.strip(), "x-sandbox-fault")
        return self._from_prompt(prompt) or self._from_shares()

    def _from_prompt(self, prompt: str) -> Fault | None:
        """Return the first fault of the prompt that is not used up; `xN` lasts N requests."""
        tags = list(_tags(prompt))
        if not tags:
            return None
        number = self._count(prompt)
        for fault, times in tags:
            if times is None or number <= times:
                return fault
            number -= times
        return None

    def _count(self, prompt: str) -> int:
        number = self._seen.pop(prompt, 0) + 1
        self._seen[prompt] = number
        if len(self._seen) > _REMEMBERED_PROMPTS:
            self._seen.popitem(last=False)
        return number

    def _from_shares(self) -> Fault | None:
        for i, share in enumerate(self._shares):
            self._credit[i] += share.share
        richest = max(range(len(self._shares)), key=self._credit.__getitem__, default=None)
        if richest is None or self._credit[richest] < 1:
            return None
        self._credit[richest] -= 1
        return self._shares[richest].fault


def _tags(prompt: str) -> Iterator[tuple[Fault, int | None]]:
    for name, times in _TAG.findall(prompt):
        yield _known(name, "prompt"), int(times) if times else None


def _known(name: str, param: str) -> Fault:
    if name not in FAULTS:
        message = unknown_name("fault", name, FAULTS)
        raise ApiError(400, message, param=param, code="unknown_fault")
    return FAULTS[name]


def without_tags(prompt: str) -> str:
    """Return the prompt as a person would read it."""
    return _TAG.sub("", prompt).strip()
