"""One failure: every example, how often over time, what it cost, and what to do about it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.dashboard.chart import Chart, Period, Unit, over_time
from vidobs.dashboard.page import Asked, NotThereError, Page, Parameter
from vidobs.dashboard.pages.failures import frame_of
from vidobs.dashboard.pages.failures_groups import Group, examples_of, group_of
from vidobs.dashboard.pages.failures_hints import billing, hint
from vidobs.dashboard.pages.failures_window import PARAMETERS, Span, Window, span_of

if TYPE_CHECKING:
    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import Failure, Point, Step
    from vidobs.dashboard.pages.failures_groups import Frame

EXAMPLES = 50
_FINGERPRINT = re.compile(r"[0-9a-f]{1,64}")


class FailurePage(msgspec.Struct, frozen=True, kw_only=True):
    """A group of failures with its newest examples."""

    window: Window | None
    since: datetime | None
    until: datetime | None
    group: Group
    hint: str
    billing: str | None
    chart: Chart


def answer(desk: Desk, asked: Asked) -> FailurePage:
    """Return one group, of the last 30 days; of any time where it is older and none was asked."""
    now = desk.now()
    span, wanted = span_of(asked, now), asked.path.get("fingerprint", "")
    found = _found(desk, wanted, span)
    if found is None and not any(map(asked.one, ("window", "since", "until"))):
        span = span_of(Asked(query={"window": (Window.ALL,)}), now)
        found = _found(desk, wanted, span)
    if found is None:
        raise NotThereError(
            f"No failure {wanted[:40]!r} in this time. It may have been before, or its jobs are "
            "not in the ledger any more."
        )
    totals = desk.index.totals(span.since, span.until)
    frame = frame_of(span, now, jobs=totals.jobs)
    return FailurePage(
        window=span.window,
        since=span.since,
        until=span.until,
        group=group_of(found, frame, examples_of(desk, found.examples)),
        hint=hint(found.reason),
        billing=billing(found.provider, found.reason, desk.settings.policies),
        chart=_chart(found.trend, frame, span.step),
    )


def _found(desk: Desk, wanted: str, span: Span) -> Failure | None:
    if not _FINGERPRINT.fullmatch(wanted):
        return None
    return desk.index.failure(wanted, span.since, span.until, examples=EXAMPLES)


def _chart(points: tuple[Point, ...], frame: Frame, step: Step) -> Chart:
    return over_time(
        points,
        Period(since=frame.since, until=frame.until, step=step),
        measure=lambda point: point.jobs,
        unit=Unit.COUNT,
        label="jobs",
    )


PAGE = Page(
    name="failure",
    path="/failures/{fingerprint}",
    title="Failure",
    doc="One group of failures with its examples, its trend, and what to do about it",
    template="failure.html",
    struct=FailurePage,
    answer=answer,
    parameters=(
        Parameter(name="fingerprint", doc="Of the group, as in the list", where="path"),
        *PARAMETERS,
    ),
    menu=False,
)
