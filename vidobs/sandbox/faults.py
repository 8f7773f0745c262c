"""Scripted faults: a table, and the choice of the one a request meets.

A fault acts at up to three places of a request that makes a video: it refuses the request before
there is a job, it plans another course for the job, or it spoils the answer afterwards.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.errors import unknown_name
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.jobs import Course, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

RETRY_AFTER_MS = 200  # times the time scale, so that an SDK's own retries are quick
STALL_S = 30.0  # times the time scale

_TAG = re.compile(r"\[\[fault:([^\]\s]*)(?:\s+x(\d{1,9}))?\s*\]\]")
_REMEMBERED_PROMPTS = 10_000


class Spoil(StrEnum):
    """What becomes of the answer to a request that was accepted."""

    ERROR = "error"  # HTTP 500
    STALL = "stall"  # it comes very late
    CUT = "cut"  # the connection is closed without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One scripted fault; the members that are `None` leave that place alone."""

    name: str
    summary: str
    refuse: Callable[[float], ApiError] | None = None  # called with the time scale
    plan: Callable[[Course], Course] | None = None
    spoil: Spoil | None = None


def _fail(code: str, message: str) -> Callable[[Course], Course]:
    def plan(course: Course) -> Course:
        return replace(course, stops_at=0.6, failure=Failure(code, message))

    return plan


def _blocked(_time_scale: float) -> ApiError:
    message = "Your request was blocked by our moderation system."
    return ApiError(400, message, code="moderation_blocked", param="prompt")


def _rate_limited(time_scale: float) -> ApiError:
    headers = {
        "retry-after": "1",
        "retry-after-ms": str(max(1, round(RETRY_AFTER_MS * time_scale))),
        "x-ratelimit-limit-requests": "25",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1s",
    }
    message = "Rate limit reached for requests per minute: limit 25. Please try again in 1s."
    return ApiError(429, message, code="rate_limit_exceeded", kind="requests", headers=headers)


_TABLE = (
    Fault(
        name="fail",
        summary="the job ends failed with server_error",
        plan=_fail("server_error", "The video could not be generated."),
    ),
    Fault(
        name="moderation_input",
        summary="400 moderation_blocked, no job",
        refuse=_blocked,
    ),
    Fault(
        name="moderation_output",
        summary="the job ends failed with moderation_blocked",
        plan=_fail("moderation_blocked", "The generated video was blocked by moderation."),
    ),
    Fault(
        name="rate_limit",
        summary="429 with Retry-After, no job",
        refuse=_rate_limited,
    ),
    Fault(
        name="error_after_accept",
        summary="the job exists, the answer is a 500",
        spoil=Spoil.ERROR,
    ),
    Fault(
        name="slow_after_accept",
        summary="the job exists, the answer comes 30 s later",
        spoil=Spoil.STALL,
    ),
    Fault(
        name="cut_after_accept",
        summary="the job exists, the connection closes without an answer",
        spoil=Spoil.CUT,
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({fault.name: fault for fault in _TABLE})


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
