"""The overview: what is spent, what runs, how well it goes, and what needs care."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import Job, JobState, Notice
from vidobs.core.money import ZERO, to_nano
from vidobs.dashboard.chart import Chart, Period, floor, over_time
from vidobs.dashboard.index.answers import JobFilter, Outcome, SeriesBy, SourceState, Step
from vidobs.dashboard.page import Asked, BadQueryError, Page, Parameter
from vidobs.dashboard.pages.overview_alerts import Alert, alerts_of
from vidobs.dashboard.pages.overview_forecast import Forecast, forecast_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import PhaseRow, Totals

MOST_RUNNING = 8
MOST_MODELS = 8
MOST_VIDEOS = 6
MOST_LOOKED_AT = 24  # jobs, for as many pictures
_MADE = JobFilter(states=(JobState.COMPLETED,))


class Window(StrEnum):
    """How far back the page looks."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"


_DAYS = {Window.WEEK: 7, Window.MONTH: 30, Window.QUARTER: 90}


class OutcomeCount(msgspec.Struct, frozen=True):
    """How many jobs of the period stand so."""

    outcome: Outcome
    jobs: int


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the jobs that ended; `None` where none did. Moderated jobs failed as well."""

    ended: int = 0
    success: float | None = None
    failure: float | None = None
    moderation: float | None = None


class ModelTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long the finished jobs of a model took."""

    model: str | None
    jobs: int
    queue_p50_s: float | None
    queue_p95_s: float | None
    render_p50_s: float | None
    render_p95_s: float | None


class RunningJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that has not ended."""

    job_id: str
    provider: str
    model: str | None
    user: str | None
    state: JobState
    created_at: datetime
    progress: int | None  # per cent
    seconds: Decimal | None
    stuck: bool
    picture: bool  # there is a thumbnail


class RunningJobs(msgspec.Struct, frozen=True, kw_only=True):
    """The newest jobs that have not ended, and how many there are in all."""

    jobs: int = 0
    more: bool = False  # more than were counted
    rows: tuple[RunningJob, ...] = ()


class LatestVideo(msgspec.Struct, frozen=True, kw_only=True):
    """A video that was made lately, and of which there is a picture."""

    job_id: str
    model: str | None
    finished_at: datetime | None
    seconds: Decimal | None
    usd: Decimal | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What the overview shows. Money and jobs are those of the window, but for the first three."""

    window: Window
    since: datetime
    until: datetime
    ledger: str  # path of the file
    empty: bool  # nothing was ever observed
    today_usd: Decimal
    month_usd: Decimal
    forecast: Forecast
    usd: Decimal
    possible_usd: Decimal  # in no total
    unpriced: int  # jobs that nobody knows the price of
    usd_per_second: Decimal | None  # of video, in the jobs that made it; of known price only
    usd_per_successful_second: Decimal | None  # all that was spent, by the seconds that came of it
    seconds: Decimal
    priced_seconds: Decimal  # of these, of jobs whose price is known
    jobs: int
    outcomes: tuple[OutcomeCount, ...]
    rates: Rates
    spend: Chart
    times: tuple[ModelTimes, ...]
    running: RunningJobs
    videos: tuple[LatestVideo, ...]
    alerts: tuple[Alert, ...]


def answer(desk: Desk, asked: Asked) -> Overview:
    """Return the overview of a window, by default of the last 30 days."""
    window, now = _window(asked), desk.now()
    period = period_of(window, now)
    index = desk.index
    totals = index.totals(period.since)
    today = floor(now, Step.DAY)
    points = index.series(period.step, since=period.since, by=SeriesBy.MODEL)
    month_usd = index.totals(today.replace(day=1)).usd
    days = index.series(Step.DAY, until=today)
    return Overview(
        window=window,
        since=period.since,
        until=period.until,
        ledger=desk.ledger,
        empty=_is_empty(desk),
        today_usd=index.totals(today).usd,
        month_usd=month_usd,
        forecast=forecast_of(month_usd, days, now),
        usd=totals.usd,
        possible_usd=totals.possible_usd,
        unpriced=totals.unpriced,
        usd_per_second=rounded(totals.usd_per_second),
        usd_per_successful_second=rounded(totals.usd_per_successful_second),
        seconds=totals.seconds,
        priced_seconds=totals.priced_seconds,
        jobs=totals.jobs,
        outcomes=tuple(_outcomes(totals)),
        rates=rates_of(totals),
        spend=over_time(points, period),
        times=tuple(_times(row) for row in index.phases(period.since)[:MOST_MODELS]),
        running=_running(desk),
        videos=tuple(_videos(desk))[:MOST_VIDEOS],
        alerts=alerts_of(desk, now),
    )


def period_of(window: Window, now: datetime) -> Period:
    """Return the whole hours or days of a window, of which the last one is not over.

    >>> from datetime import UTC
    >>> period_of(Window.WEEK, datetime(2026, 3, 8, 17, tzinfo=UTC)).since.isoformat()
    '2026-03-02T00:00:00+00:00'
    """
    if window is Window.DAY:
        until = floor(now, Step.HOUR) + timedelta(hours=1)
        return Period(since=until - timedelta(days=1), until=until, step=Step.HOUR)
    until = floor(now, Step.DAY) + timedelta(days=1)
    return Period(since=until - timedelta(days=_DAYS[window]), until=until)


def rates_of(totals: Totals) -> Rates:
    """Return the rates of a period. What became of deleted jobs is not known: they do not count."""
    ended = totals.ended - totals.outcomes.get(Outcome.DELETED, 0)
    if not ended:
        return Rates()
    return Rates(
        ended=ended,
        success=totals.completed / ended,
        failure=totals.failed / ended,
        moderation=totals.moderated / ended,
    )


def rounded(usd: Decimal | None) -> Decimal | None:
    """Return an amount that was divided, to the places that money is kept to."""
    return None if usd is None else to_nano(usd)


def _window(asked: Asked) -> Window:
    given = asked.one("window") or Window.MONTH
    try:
        return Window(given)
    except ValueError:
        raise BadQueryError(f"window={given[:50]!r} is none of {', '.join(Window)}") from None


def _is_empty(desk: Desk) -> bool:
    progress = desk.index.progress()
    read = progress.built or progress.source is SourceState.MISSING
    return read and progress.jobs == 0 and desk.index.totals().usd == ZERO


def _outcomes(totals: Totals) -> list[OutcomeCount]:
    """Return what there is, in the order of a job's life."""
    counted = totals.outcomes
    return [OutcomeCount(one, counted[one]) for one in Outcome if counted.get(one)]


def _times(row: PhaseRow) -> ModelTimes:
    return ModelTimes(
        model=row.model,
        jobs=row.jobs,
        queue_p50_s=row.queue.p50_s,
        queue_p95_s=row.queue.p95_s,
        render_p50_s=row.render.p50_s,
        render_p95_s=row.render.p95_s,
    )


def _running(desk: Desk) -> RunningJobs:
    found = desk.index.running(MOST_RUNNING)
    jobs = desk.index.load([row.place for row in found.rows])
    return RunningJobs(
        jobs=found.jobs, more=found.more, rows=tuple(_running_job(desk, job) for job in jobs)
    )


def _running_job(desk: Desk, job: Job) -> RunningJob:
    return RunningJob(
        job_id=job.job_id,
        provider=job.provider,
        model=job.model,
        user=job.user,
        state=job.state,
        created_at=job.created_at,
        progress=job.progress,
        seconds=job.request.seconds,
        stuck=Notice.STUCK in job.notices,
        picture=desk.picture_of(job.job_id) is not None,
    )


def _videos(desk: Desk) -> Iterable[LatestVideo]:
    for job in desk.index.load(desk.index.jobs(_MADE, limit=MOST_LOOKED_AT).places):
        if desk.picture_of(job.job_id) is not None:
            length_s = job.file.seconds if job.file is not None else None
            yield LatestVideo(
                job_id=job.job_id,
                model=job.model,
                finished_at=job.finished_at,
                seconds=length_s or job.request.seconds,
                usd=job.cost.usd,
            )


PAGE = Page(
    name="overview",
    path="/",
    title="Overview",
    doc="What is spent, what runs, how well it goes, and what needs care.",
    template="overview.html",
    struct=Overview,
    answer=answer,
    parameters=(Parameter(name="window", doc="How far back to look.", choices=tuple(Window)),),
)
