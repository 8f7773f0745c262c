"""The costs: by model, provider, user, tag or day; what was paid in vain; how right quotes are."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import msgspec

from vidobs.core.jobs import Reason
from vidobs.core.money import to_nano
from vidobs.dashboard.chart import Chart
from vidobs.dashboard.index.answers import Outcome, SpendBy
from vidobs.dashboard.page import Asked, BadQueryError, Page, Parameter
from vidobs.dashboard.pages.costs_chart import chart_of
from vidobs.dashboard.pages.costs_drift import Drifts, drifts_of
from vidobs.dashboard.pages.costs_period import DAY, Days, Preset, days_of
from vidobs.dashboard.pages.costs_table import CostRow, Order, Sort, cost_row, in_order

if TYPE_CHECKING:
    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import Totals

MOST_KEYS = 10_000  # that are put in order and exported
ROWS = 100  # unless more are asked for
MODERATED = tuple(reason.value for reason in Reason if reason.moderation)

Choice = TypeVar("Choice", bound=StrEnum)


class InVain(msgspec.Struct, frozen=True, kw_only=True):
    """What was paid for jobs that made no video. The jobs were created in the period."""

    failed_usd: Decimal  # moderated jobs included
    moderated_usd: Decimal
    failed: int
    moderated: int


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What the costs page shows. `usd` is what `vidobs spend` says, and never holds possible."""

    window: Preset | None  # None: from one date to another
    since: datetime | None  # None: from the first job on
    until: datetime | None  # None: until now
    first: str | None  # day
    last: str | None
    by: SpendBy
    sort: Sort
    order: Order
    usd: Decimal
    possible_usd: Decimal
    unpriced: int  # jobs that nobody knows the price of
    jobs: int  # settled or released, or in doubt
    seconds: Decimal  # of finished video
    priced_seconds: Decimal  # of these, of jobs whose price is known
    usd_per_second: Decimal | None  # in the jobs that made it; of known price only
    usd_per_successful_second: Decimal | None  # of everything that was paid
    in_vain: InVain
    drift: Drifts
    chart: Chart
    rows: tuple[CostRow, ...]
    keys: int  # rows that there are; those beyond the limit are left out here
    complete: bool  # whether these are all; else the dearest 10,000

    @property
    def address(self) -> dict[str, tuple[str, ...]]:
        """The parameters that lead to this very page."""
        days = (
            {"from": self.first, "to": self.last}
            if self.window is None
            else {"window": self.window}
        )
        given = {**days, "by": self.by, "sort": self.sort, "order": self.order}
        return {name: (value,) for name, value in given.items() if value is not None}

    def jobs_of(self, row: CostRow) -> dict[str, tuple[str, ...]] | None:
        """Return the parameters that narrow the list of jobs to those of a row, where that goes."""
        if row.key is None:
            return None
        if self.by is SpendBy.DAY:
            start = datetime.fromisoformat(row.key).replace(tzinfo=UTC)
            return _between(start, start + DAY)
        return {self.by.value: (row.key,), **_between(self.since, self.until)}

    @property
    def moderated_jobs(self) -> dict[str, tuple[str, ...]]:
        """The parameters that narrow the list of jobs to those that a filter stopped."""
        return {"reason": MODERATED, **self.all_jobs}

    @property
    def all_jobs(self) -> dict[str, tuple[str, ...]]:
        """The parameters that narrow the list of jobs to those of the period."""
        return _between(self.since, self.until)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What an address of the costs asks for."""

    days: Days
    by: SpendBy
    sort: Sort
    order: Order


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Every row of the answer, and the totals over all jobs, each of which counts once."""

    rows: tuple[CostRow, ...]
    usd: Decimal
    possible_usd: Decimal
    dearest: tuple[str | None, ...]  # keys


def answer(desk: Desk, asked: Asked) -> Costs:
    """Return the costs of a period."""
    question = question_of(asked, desk.now())
    days = question.days
    table = table_of(desk, question)
    totals = desk.index.totals(days.since, days.until)
    return Costs(
        window=days.preset,
        since=days.since,
        until=days.until,
        first=None if days.first is None else days.first.isoformat(),
        last=None if days.last is None else days.last.isoformat(),
        by=question.by,
        sort=question.sort,
        order=question.order,
        usd=table.usd,
        possible_usd=table.possible_usd,
        unpriced=totals.unpriced,
        jobs=totals.settled + totals.outcomes.get(Outcome.UNKNOWN, 0),
        seconds=totals.seconds,
        priced_seconds=totals.priced_seconds,
        usd_per_second=_rounded(totals.usd_per_second),
        usd_per_successful_second=_rounded(totals.usd_per_successful_second),
        in_vain=_in_vain(totals),
        drift=drifts_of(desk, days),
        chart=chart_of(desk, question.by, days, table.dearest),
        rows=table.rows[: asked.number("limit", ROWS, most=MOST_KEYS)],
        keys=len(table.rows),
        complete=len(table.rows) < MOST_KEYS,
    )


def question_of(asked: Asked, now: datetime) -> Question:
    """Read an address.

    Raises:
        BadQueryError: it makes no sense.
    """
    by = _choice(asked, "by", SpendBy, SpendBy.MODEL)
    sort = _choice(asked, "sort", Sort, Sort.KEY if by is SpendBy.DAY else Sort.SPEND)
    order = _choice(asked, "order", Order, Order.DOWN)
    return Question(days=days_of(asked, now), by=by, sort=sort, order=order)


def table_of(desk: Desk, question: Question) -> Table:
    """Return the rows of a period in the order that is asked for."""
    days = question.days
    spend = desk.index.spend(question.by, days.since, days.until, limit=MOST_KEYS)
    rows = in_order(map(cost_row, spend.rows), question.sort, question.order)
    return Table(
        rows=rows,
        usd=spend.total_usd,
        possible_usd=spend.possible_usd,
        dearest=tuple(row.key for row in spend.rows),
    )


def _between(since: datetime | None, until: datetime | None) -> dict[str, tuple[str, ...]]:
    days = {"since": since, "until": until}
    return {name: (f"{day:%Y-%m-%dT%H:%M}",) for name, day in days.items() if day is not None}


def _in_vain(totals: Totals) -> InVain:
    return InVain(
        failed_usd=totals.failed_usd,
        moderated_usd=totals.moderated_usd,
        failed=totals.failed,
        moderated=totals.moderated,
    )


def _rounded(usd: Decimal | None) -> Decimal | None:
    return None if usd is None else to_nano(usd)


def _choice(asked: Asked, name: str, choices: type[Choice], default: Choice) -> Choice:
    given = asked.one(name) or default
    try:
        return choices(given)
    except ValueError:
        known = ", ".join(choices)
        raise BadQueryError(f"{name}={given[:50]!r} is none of {known}") from None


PARAMETERS = (
    Parameter(name="window", doc="Days that have a name.", choices=tuple(Preset)),
    Parameter(name="from", doc="First day, in UTC, such as 2026-01-31; instead of `window`."),
    Parameter(name="to", doc="Last day, in UTC."),
    Parameter(name="by", doc="What the rows are.", choices=tuple(SpendBy)),
    Parameter(name="sort", doc="What orders the rows.", choices=tuple(Sort)),
    Parameter(name="order", doc="Which end is first.", choices=tuple(Order)),
    Parameter(name="limit", doc="How many rows at most; 100 unless told otherwise."),
)
PAGE = Page(
    name="costs",
    path="/costs",
    title="Costs",
    doc="What jobs cost, by model, provider, user, tag or day, and what was paid in vain.",
    template="costs.html",
    struct=Costs,
    answer=answer,
    parameters=PARAMETERS,
)
