"""Failures: what goes wrong in the same way, how often, since when, and what it cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import Reason
from vidobs.dashboard.chart import floor
from vidobs.dashboard.page import BadQueryError, Page, Parameter
from vidobs.dashboard.pages.failures_groups import Frame, Group, examples_of, group_of
from vidobs.dashboard.pages.failures_window import LENGTHS, PARAMETERS, Span, Window, span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import Failure, Totals
    from vidobs.dashboard.page import Asked

MOST_GROUPS = 500  # that are looked through
MOST_SHOWN = 50
_EXAMPLES = 3
_TREND = timedelta(days=30)  # what the index says of a trend


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What the list is narrowed to."""

    provider: str | None = None
    model: str | None = None
    reason: Reason | None = None

    @property
    def any(self) -> bool:
        """Whether it is narrowed at all."""
        return any((self.provider, self.model, self.reason))


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """The failures of a period. `jobs` and `failed` are of the whole period, whatever is shown."""

    window: Window | None  # None: `since` and `until` were given
    since: datetime | None  # None: from the first job on
    until: datetime | None  # None: until now
    filters: Filters
    jobs: int
    failed: int  # moderated ones included
    moderated: int
    rate: float | None  # of the jobs that ended, those that failed without a filter
    moderation_rate: float | None
    failed_usd: Decimal  # moderated ones included
    moderated_usd: Decimal
    errors: tuple[Group, ...]  # failures that no filter caused, the most frequent first
    moderation: tuple[Group, ...]  # those that a filter caused
    more: int  # groups that are not shown
    providers: tuple[str, ...]  # what can be filtered by
    models: tuple[str, ...]
    reasons: tuple[Reason, ...]


def answer(desk: Desk, asked: Asked) -> Failures:
    """Return the groups of a period, by default of the last 30 days."""
    now = desk.now()
    span, filters = span_of(asked, now), _filters(asked)
    totals = desk.index.totals(
        span.since, span.until, provider=filters.provider, model=filters.model
    )
    found = desk.index.failures(span.since, span.until, limit=MOST_GROUPS)
    fit = [row for row in found.rows if _fits(row, filters)]
    groups = _groups(desk, fit[:MOST_SHOWN], span, totals.jobs)
    return Failures(
        window=span.window,
        since=span.since,
        until=span.until,
        filters=filters,
        jobs=totals.jobs,
        failed=totals.failed,
        moderated=totals.moderated,
        rate=_rate(totals.failed - totals.moderated, totals),
        moderation_rate=_rate(totals.moderated, totals),
        failed_usd=totals.failed_usd,
        moderated_usd=totals.moderated_usd,
        errors=tuple(group for group in groups if not group.moderation),
        moderation=tuple(group for group in groups if group.moderation),
        more=len(fit) - len(groups) + (0 if filters.any else found.groups - len(found.rows)),
        providers=tuple(sorted({row.provider for row in found.rows})),
        models=tuple(sorted({row.model for row in found.rows if row.model is not None})),
        reasons=tuple(sorted({row.reason for row in found.rows if row.reason is not None})),
    )


def frame_of(span: Span, now: datetime, *, jobs: int) -> Frame:
    """Return the part of a time that trends show: its last 30 days at most."""
    until = span.until or now
    since = floor(until - _TREND, span.step) + LENGTHS[span.step]
    return Frame(since=max(since, span.since or since), until=until, step_s=span.step_s, jobs=jobs)


def _groups(desk: Desk, rows: Sequence[Failure], span: Span, jobs: int) -> list[Group]:
    frame = frame_of(span, desk.now(), jobs=jobs)
    shown = [place for row in rows for place in row.examples[:_EXAMPLES]]
    examples = examples_of(desk, shown)
    return [group_of(row, frame, examples) for row in rows]


def _fits(row: Failure, filters: Filters) -> bool:
    return (
        filters.provider in (None, row.provider)
        and filters.model in (None, row.model)
        and filters.reason in (None, row.reason)
    )


def _rate(jobs: int, totals: Totals) -> float | None:
    return jobs / totals.ended if totals.ended else None


def _filters(asked: Asked) -> Filters:
    given = asked.one("reason")
    try:
        reason = None if given is None else Reason(given)
    except ValueError:
        raise BadQueryError(f"reason={given!r:.60} is none of {', '.join(Reason)}") from None
    return Filters(provider=asked.one("provider"), model=asked.one("model"), reason=reason)


PAGE = Page(
    name="failures",
    path="/failures",
    title="Failures",
    doc="Failures that are alike: how many, since when, what they cost, with examples",
    template="failures.html",
    struct=Failures,
    answer=answer,
    parameters=(
        *PARAMETERS,
        Parameter(name="provider", doc="Only failures at this provider"),
        Parameter(name="model", doc="Only failures of this model"),
        Parameter(
            name="reason", doc="Only failures for this reason", choices=tuple(map(str, Reason))
        ),
    ),
)
