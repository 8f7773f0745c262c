"""Scripted faults: the table of what can go wrong.

A fault acts at some places of a job's life: it refuses the request before there is a job, plans
another course for the job, spoils the first answer, changes what is told of the job afterwards, or
how its file is made and sent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.jobs import Course, Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RETRY_AFTER_MS = 200  # times the time scale, so that an SDK's own retries are quick
STALL_S = 30.0  # times the time scale


class Spoil(StrEnum):
    """What becomes of the answer to a request that was accepted."""

    ERROR = "error"  # HTTP 500
    STALL = "stall"  # it comes very late
    CUT = "cut"  # the connection is closed without a word


class Telling(StrEnum):
    """How the server tells of a job, from the first answer on."""

    SPARSE = "sparse"  # Video objects without most of their members
    FAILED_AS_400 = "failed as 400"  # the status of a failed job comes with HTTP 400
    FAILED_AS_500 = "failed as 500"  # the same with HTTP 500
    GARBAGE = "garbage"  # the status is JSON that stops in the middle
    HEADERS = "headers"  # every answer about the job has very many headers


class Sending(StrEnum):
    """How the server sends the files of a job."""

    DRIP = "drip"  # slowly, in small pieces
    CUT = "cut"  # half of what was announced, then the connection closes
    ELSEWHERE = "elsewhere"  # not at all: it is at another address


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One scripted fault; the members that are `None` leave that place alone."""

    name: str
    summary: str
    refuse: Callable[[float], ApiError] | None = None  # called with the time scale
    plan: Callable[[Course], Course] | None = None
    spoil: Spoil | None = None
    telling: Telling | None = None
    length: Callable[[int], int] | None = None  # of the file, from the seconds asked for
    sending: Sending | None = None


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
    Fault(
        name="stuck",
        summary="the job stays at 40 % for ever",
        plan=lambda course: replace(course, stops_at=0.4, stuck=True),
    ),
    Fault(
        name="slow_progress",
        summary="the job takes 20 times longer to render",
        plan=lambda course: replace(course, rendering_s=20 * course.rendering_s),
    ),
    Fault(
        name="wrong_duration",
        summary="the file is half as long as the Video object says",
        length=lambda seconds: seconds // 2 or 2 * seconds,
    ),
    Fault(
        name="missing_fields",
        summary="Video objects have `id`, `object` and `status` only",
        telling=Telling.SPARSE,
    ),
    Fault(
        name="failed_as_4xx",
        summary="the job ends failed, and its status then comes with HTTP 400",
        plan=_fail("moderation_blocked", "The generated video was blocked by moderation."),
        telling=Telling.FAILED_AS_400,
    ),
    Fault(
        name="failed_as_5xx",
        summary="the job ends failed, and its status then comes with HTTP 500",
        plan=_fail("server_error", "The video could not be generated."),
        telling=Telling.FAILED_AS_500,
    ),
    Fault(
        name="expired_asset",
        summary="the files expire at the moment the job completes",
        plan=lambda course: replace(course, kept_s=0.0),
    ),
    Fault(
        name="slow_download",
        summary="a file takes 10 s to arrive, in small pieces",
        sending=Sending.DRIP,
    ),
    Fault(
        name="truncated_download",
        summary="the connection closes after half of what was to come, of a part too",
        sending=Sending.CUT,
    ),
    Fault(
        name="stored_elsewhere",
        summary="a file is at another address: a redirect, or what the dialect has for one",
        sending=Sending.ELSEWHERE,
    ),
    Fault(
        name="garbage_json",
        summary="a status is JSON that stops in the middle",
        telling=Telling.GARBAGE,
    ),
    Fault(
        name="header_bomb",
        summary="every answer about the job has 64 KiB of headers",
        telling=Telling.HEADERS,
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({fault.name: fault for fault in _TABLE})


def fault_named(name: str | None) -> Fault | None:
    """Return the fault of a job, `None` for a job without one."""
    return None if name is None else FAULTS[name]
