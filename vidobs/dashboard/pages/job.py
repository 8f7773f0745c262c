"""One job: everything that is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from vidobs.core.delivered import Compared, compared
from vidobs.core.job_objects import JobDetailObject, SpanObject, job_detail
from vidobs.core.jobs import JobState
from vidobs.core.lineage import lineage_of
from vidobs.core.phases import story_of
from vidobs.core.reports import EventDelivery
from vidobs.dashboard.links import Link, links_of
from vidobs.dashboard.page import Asked, ElsewhereError, NotThereError, Page, Parameter
from vidobs.dashboard.pages import job_parts
from vidobs.dashboard.pages.job_parts import (
    EventRecord,
    ExporterSummary,
    MoneyStep,
    PriceObject,
    Relative,
    TreeSpan,
)
from vidobs.dashboard.waterfall import Life, PollMark, Waterfall, waterfall
from vidobs.ledger.deliveries import deliveries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.core.jobs import Job
    from vidobs.dashboard.desk import Desk
    from vidobs.ledger.reader import LedgerReader

_NAMED = 5  # candidates that an error text lists


class JobAnswer(JobDetailObject, msgspec.Struct, frozen=True, kw_only=True):
    """The job of `vidobs job ID`, and what only the page shows."""

    at: datetime  # when the answer was made
    notices: tuple[str, ...]  # `stuck`, `expiring`
    withheld: str | None  # the guardrail that holds the video back
    video: bool  # a file is kept on this machine
    picture: bool
    links: tuple[Link, ...]
    poll_marks: tuple[PollMark, ...]
    compared: tuple[Compared, ...]
    money: tuple[MoneyStep, ...]
    prices: tuple[PriceObject, ...]
    records: tuple[EventRecord, ...]  # of the last 200 events
    tree: tuple[TreeSpan, ...]
    deliveries: tuple[EventDelivery, ...]
    ancestors: tuple[Relative, ...]
    descendants: tuple[Relative, ...]

    @property
    def over(self) -> bool:
        """Whether the job has ended."""
        return JobState(self.state).terminal

    @property
    def differs(self) -> bool:
        """Whether the file is not what was asked for."""
        return any(one.differs for one in self.compared)

    @property
    def waterfall(self) -> Waterfall:
        """The drawing of its phases."""
        return waterfall(
            Life(
                phases=self.phases,
                polls=self.poll_marks,
                asked=self.polls,
                attempts=self.attempts,
                queue_s=self.queue_s,
                render_s=self.render_s,
            )
        )

    @property
    def span_rows(self) -> tuple[tuple[SpanObject, int], ...]:
        """The first spans with their depths, parents first."""
        named = {span.span_id: span for span in self.spans}
        return tuple((named[one.span_id], one.depth) for one in self.tree[: job_parts.MOST_SHOWN])

    @property
    def spans_s(self) -> float:
        """How long all spans took together, from the first start to the last end."""
        return max((span.start_s + span.duration_s for span in self.spans), default=0.0)

    @property
    def exporters(self) -> tuple[ExporterSummary, ...]:
        """What each exporter did with its events."""
        return job_parts.summaries(self.deliveries)

    @property
    def price_names(self) -> frozenset[str]:
        """The names of the price rows that are still there."""
        return frozenset(price.row_id for price in self.prices)

    @property
    def event_names(self) -> Mapping[str, str]:
        """The names of its events by their ids."""
        return {event.id: event.name for event in self.events}


def answer(desk: Desk, asked: Asked) -> JobAnswer:
    """Return one job.

    Raises:
        NotThereError: there is none with this id.
        ElsewhereError: the id was that of the provider, or the beginning of ours.
    """
    with desk.reader() as reader:
        job = _only(reader, asked.path["job_id"])
        return _answer(desk, reader, job)


def _answer(desk: Desk, reader: LedgerReader, job: Job) -> JobAnswer:
    now = desk.now()
    events = reader.events(job.job_id)
    story = story_of(job, events, now)
    lineage = lineage_of(reader, job)

    def pictured(job_id: str) -> bool:
        return desk.picture_of(job_id) is not None

    detail = job_detail(job, events, story, lineage)
    return JobAnswer(
        **{name: getattr(detail, name) for name in detail.__struct_fields__},
        at=now,
        notices=tuple(notice.value for notice in job.notices),
        withheld=job.withheld,
        video=desk.video_of(job.job_id) is not None,
        picture=pictured(job.job_id),
        links=tuple(links_of(job, desk.links, now)),
        poll_marks=tuple(
            PollMark((poll.at - job.created_at).total_seconds(), poll.status, poll.error_type)
            for poll in story.polls
        ),
        compared=compared(job),
        money=tuple(job_parts.money(job, events)),
        prices=job_parts.prices(job, desk.settings.prices),
        records=job_parts.records(events),
        tree=job_parts.tree(events),
        deliveries=deliveries(desk.ledger, job.job_id),
        ancestors=job_parts.ancestors(job, lineage, reader, pictured),
        descendants=tuple(
            job_parts.relative(child.provider_job_id, child, pictured)
            for child in lineage.children.jobs
        ),
    )


def _only(reader: LedgerReader, given: str) -> Job:
    """Return the one job that is meant, by our whole id."""
    found = reader.job(given)
    exact = [job for job in found if given in (job.job_id, job.provider_job_id)]
    if len(found) == 1 or len(exact) == 1:
        job = (exact or found)[0]
        if job.job_id != given:
            raise ElsewhereError(f"/jobs/{quote(job.job_id, safe='')}")
        return job
    if not found:
        raise NotThereError(
            f"There is no job {given[:80]!r} in the ledger: it was never seen here, or is deleted."
        )
    names = ", ".join(job.job_id for job in found[:_NAMED])
    more = ", ..." if len(found) > _NAMED else ""
    raise NotThereError(f"{given[:80]!r} fits several jobs: {names}{more}; give more of the id.")


PAGE = Page(
    name="job",
    path="/jobs/{job_id}",
    title="Job",
    doc="One job: phases, video, cost, events, spans, deliveries and family.",
    template="job.html",
    struct=JobAnswer,
    answer=answer,
    parameters=(
        Parameter(name="job_id", doc="Our id, its beginning, or the provider's id.", where="path"),
    ),
    menu=False,
)
