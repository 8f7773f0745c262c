"""The time that failures are asked of: a preset, or from one moment to another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.dashboard.chart import floor
from vidobs.dashboard.index.answers import Step
from vidobs.dashboard.page import BadQueryError, Parameter

if TYPE_CHECKING:
    from vidobs.dashboard.page import Asked

_YEARS = range(1970, 3000)
_HOURLY = timedelta(days=3)  # up to so long, hours are told apart
LENGTHS = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}


class Window(StrEnum):
    """How far back a page looks."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    ALL = "all"


_DAYS = {Window.DAY: 1, Window.WEEK: 7, Window.MONTH: 30, Window.QUARTER: 90}
PARAMETERS = (
    Parameter(
        name="window",
        doc="How far back; 30d unless told otherwise",
        choices=tuple(map(str, Window)),
    ),
    Parameter(name="since", doc="Instead: jobs created then or later, such as 2026-01-31 (UTC)"),
    Parameter(name="until", doc="Jobs created before, such as 2026-02-28T12:00 (UTC)"),
)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Whole hours or days. `None` is open: from the first job on, or until now."""

    window: Window | None  # None: the moments were given
    since: datetime | None
    until: datetime | None
    step: Step

    @property
    def step_s(self) -> int:
        """The length of a step, in seconds."""
        return int(LENGTHS[self.step].total_seconds())


def span_of(asked: Asked, now: datetime) -> Span:
    """Return what an address asks for: `since` and `until`, else a `window`, else 30 days.

    Raises:
        BadQueryError: it is no time, or the wrong way round.
    """
    since, until = _moment(asked, "since"), _moment(asked, "until")
    if since is None and until is None:
        return _of_window(_window(asked), now)
    if since is not None and until is not None and since >= until:
        raise BadQueryError(f"until={asked.one('until')!r:.60} is not after since")
    short = since is not None and (until or now) - since <= _HOURLY
    step = Step.HOUR if short else Step.DAY
    return Span(window=None, since=_floored(since, step), until=until, step=step)


def _of_window(window: Window, now: datetime) -> Span:
    if window is Window.ALL:
        return Span(window=window, since=None, until=None, step=Step.DAY)
    step = Step.HOUR if window is Window.DAY else Step.DAY
    since = floor(now, step) + LENGTHS[step] - timedelta(days=_DAYS[window])
    return Span(window=window, since=since, until=None, step=step)


def _floored(since: datetime | None, step: Step) -> datetime | None:
    return None if since is None else floor(since, step)


def _window(asked: Asked) -> Window:
    given = asked.one("window") or Window.MONTH
    try:
        return Window(given)
    except ValueError:
        raise BadQueryError(f"window={given[:50]!r} is none of {', '.join(Window)}") from None


def _moment(asked: Asked, name: str) -> datetime | None:
    given = asked.one(name)
    if given is None:
        return None
    try:
        when = datetime.fromisoformat(given)
    except ValueError:
        raise BadQueryError(
            f"{name}={given[:50]!r} is no time such as 2026-01-31 or 2026-01-31T12:00"
        ) from None
    if when.year not in _YEARS:
        raise BadQueryError(f"{name}={given[:50]!r} is not between 1970 and 2999")
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
