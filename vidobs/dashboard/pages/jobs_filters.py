"""The parameters of the list of jobs: which they mean, and signs to take them away by."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

import msgspec

from vidobs.core.errors import unknown_name
from vidobs.core.jobs import JobState, Reason
from vidobs.core.scrub import scrub
from vidobs.dashboard.index.answers import Flag, JobFilter
from vidobs.dashboard.page import Asked, BadQueryError, Parameter
from vidobs.dashboard.pages.jobs_search import Search, read_search, read_tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from enum import StrEnum

Member = TypeVar("Member", bound="StrEnum")

MANY = ("state", "model", "provider", "user", "tag", "flag", "reason", "failure")
SINGLE = ("q", "since", "until", "min_usd")
PLACES = ("before", "after")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AGO = re.compile(r"(\d{1,6})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MOST_USD = Decimal(10) ** 9
_MOST_CHARS = 500
_LAST_PLACE = 2**63 - 1
_NOTHING: Mapping[str, str | None] = MappingProxyType({})

PARAMETERS = (
    Parameter(
        name="q",
        doc="Our id or its beginning, the provider's id, `tag:NAME=VALUE`, `user:NAME`, else words"
        " of the prompt.",
    ),
    Parameter(name="state", doc="Any of these states.", many=True, choices=tuple(JobState)),
    Parameter(name="model", doc="Any of these models.", many=True),
    Parameter(name="provider", doc="Any of these providers.", many=True),
    Parameter(name="user", doc="Any of these users.", many=True),
    Parameter(name="tag", doc="Any of these tags, as NAME=VALUE.", many=True),
    Parameter(name="flag", doc="Any of these marks.", many=True, choices=tuple(Flag)),
    Parameter(name="reason", doc="Failed for any of these.", many=True, choices=tuple(Reason)),
    Parameter(name="failure", doc="Failed like any of these fingerprints.", many=True),
    Parameter(
        name="since",
        doc="Created then or later: a day, a time in UTC, or how long ago (`30m`, `24h`, `7d`).",
    ),
    Parameter(name="until", doc="Created before that time, or on that day or before."),
    Parameter(name="min_usd", doc="Known to cost at least that many dollars."),
    Parameter(name="before", doc="Older than this place; `older` of an answer."),
    Parameter(name="after", doc="Newer than this place; `newer` of an answer."),
)


class Chip(msgspec.Struct, frozen=True):
    """One filter that is on. `without` are the parameters of the list without it."""

    name: str
    value: str
    without: str


def read_filter(asked: Asked, now: datetime) -> tuple[JobFilter, Search]:
    """Return which jobs are meant; the words of a search are not in the filter yet.

    Raises:
        BadQueryError: a parameter makes no sense; says which, and what would.
    """
    for values in asked.query.values():
        for value in values:
            if len(value) > _MOST_CHARS:
                raise BadQueryError(f"a parameter has more than {_MOST_CHARS} characters")
    search = read_search(asked.one("q"))
    tags = tuple(read_tag(tag) for tag in asked.all("tag"))
    wanted = JobFilter(
        states=tuple(_member(JobState, "state", value) for value in asked.all("state")),
        providers=asked.all("provider"),
        models=asked.all("model"),
        users=(*asked.all("user"), *search.users),
        tags=(*tags, *search.tags),
        reasons=tuple(_member(Reason, "reason", value) for value in asked.all("reason")),
        flags=tuple(_member(Flag, "flag", value) for value in asked.all("flag")),
        failures=asked.all("failure"),
        since=read_time("since", asked.one("since"), now),
        until=read_time("until", asked.one("until"), now, whole_day=True),
        min_usd=_usd(asked.one("min_usd")),
    )
    return wanted, search


def read_place(asked: Asked, name: str) -> int | None:
    """Return the place that a page begins at.

    Raises:
        BadQueryError: it is no number.
    """
    return None if asked.one(name) is None else asked.number(name, 0, most=_LAST_PLACE)


def chips(asked: Asked) -> Iterator[Chip]:
    """Yield a sign for each filter that is on."""
    for name, values in given(asked).items():
        for value in values:
            yield Chip(name, value, parameters(asked, without=(name, value)))


def parameters(
    asked: Asked,
    *,
    without: tuple[str, str] | None = None,
    changes: Mapping[str, str | None] = _NOTHING,
) -> str:
    """Return the parameters of the list's first page, one value left out and some changed."""
    kept: list[tuple[str, str]] = []
    for name in (*SINGLE, *MANY):
        if name not in changes:
            kept += [(name, value) for value in _values(asked, name) if (name, value) != without]
    kept += [(name, value) for name, value in changes.items() if value is not None]
    return urlencode(kept)


def given(asked: Asked) -> dict[str, tuple[str, ...]]:
    """Return the filters that are on, each value once."""
    found = {name: _values(asked, name) for name in (*SINGLE, *MANY)}
    return {name: values for name, values in found.items() if values}


def read_time(
    name: str, given: str | None, now: datetime, *, whole_day: bool = False
) -> datetime | None:
    """Read a day, a time, or how long ago; `whole_day` is the end of a day that is named.

    Raises:
        BadQueryError: it is none of these.
    """
    if given is None:
        return None
    try:
        ago = _AGO.fullmatch(given)
        if ago is not None:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        if _DAY.fullmatch(given):
            day = date.fromisoformat(given)
            start = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return start + timedelta(days=1) if whole_day else start
        when = datetime.fromisoformat(given)
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise BadQueryError(
            f"{name}={scrub(given, 50)!r}: write 2026-01-31, 2026-01-31T12:00, 24h or 7d"
        ) from None


def _values(asked: Asked, name: str) -> tuple[str, ...]:
    """Return the values of a filter; of those that have one value only the last one counts."""
    values = tuple(dict.fromkeys(asked.all(name)))
    return values if name in MANY else values[-1:]


def _member(members: type[Member], name: str, value: str) -> Member:
    try:
        return members(value)
    except ValueError:
        known = [member.value for member in members]
        raise BadQueryError(unknown_name(name, scrub(value, 50), known)) from None


def _usd(given: str | None) -> Decimal | None:
    if given is None:
        return None
    try:
        usd = Decimal(given.removeprefix("$"))
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or not 0 <= usd <= _MOST_USD:
        raise BadQueryError(
            f"min_usd={scrub(given, 50)!r}: write an amount of dollars, such as 0.5"
        )
    return usd
