"""Failures that are alike: in figures, as bars over time, and by example."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import Reason
from vidobs.core.scrub import scrub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vidobs.core.jobs import Job
    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.answers import Failure, Point

MOST_BARS = 31


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs in equal parts of a period, the oldest first."""

    counts: tuple[int, ...]
    step_s: int  # length of a part

    @property
    def most(self) -> int:
        """The highest bar."""
        return max(self.counts, default=0)


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One of the jobs."""

    job_id: str
    created_at: datetime
    user: str | None
    message: str | None  # as the provider said it, scrubbed
    usd: Decimal | None  # None: unknown
    possible_usd: Decimal | None
    picture: bool  # there is a thumbnail


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that failed in the same way."""

    fingerprint: str
    provider: str
    model: str | None
    reason: Reason | None
    code: str | None
    message: str | None  # without its numbers and names
    moderation: bool
    jobs: int
    share: float | None  # of all jobs of the period
    usd: Decimal  # that they cost all the same
    possible_usd: Decimal  # what more they may have cost; in no total
    first_at: datetime
    last_at: datetime
    trend: Bars
    examples: tuple[Example, ...]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What the groups of one answer have in common."""

    since: datetime
    until: datetime
    step_s: int  # of the points
    jobs: int  # all there are


def group_of(failure: Failure, frame: Frame, jobs: Mapping[int, Example]) -> Group:
    """Return a group with those of its examples that are given by their places."""
    return Group(
        fingerprint=failure.fingerprint,
        provider=failure.provider,
        model=failure.model,
        reason=failure.reason,
        code=failure.code,
        message=failure.message,
        moderation=failure.reason is not None and failure.reason.moderation,
        jobs=failure.jobs,
        share=failure.jobs / frame.jobs if frame.jobs else None,
        usd=failure.usd,
        possible_usd=failure.possible_usd,
        first_at=failure.first_at,
        last_at=failure.last_at,
        trend=bars_of(failure.trend, frame),
        examples=tuple(jobs[place] for place in failure.examples if place in jobs),
    )


def bars_of(points: Sequence[Point], frame: Frame) -> Bars:
    """Return the points of a period in no more parts than can be seen, none shorter than a step."""
    length_s = max(1, int((frame.until - frame.since) / timedelta(seconds=1)))
    steps = -(-length_s // frame.step_s)
    together = -(-steps // MOST_BARS)
    step_s = together * frame.step_s
    counts = [0] * -(-steps // together)
    for point in points:
        place = int((point.start - frame.since).total_seconds() // step_s)
        if 0 <= place < len(counts):
            counts[place] += point.jobs
    return Bars(counts=tuple(counts), step_s=step_s)


def examples_of(desk: Desk, places: Sequence[int]) -> dict[int, Example]:
    """Return jobs by their places, without those that are not in the ledger any more."""
    jobs = desk.index.load(places)
    if len(jobs) == len(places):
        return {place: _example(desk, job) for place, job in zip(places, jobs, strict=True)}
    # Some were deleted just now, and the answer does not say which.
    one_by_one = ((place, desk.index.load([place])) for place in places)
    return {place: _example(desk, job) for place, found in one_by_one for job in found}


def _example(desk: Desk, job: Job) -> Example:
    said = None if job.error is None else job.error.message
    return Example(
        job_id=job.job_id,
        created_at=job.created_at,
        user=job.user,
        message=None if said is None else scrub(said),
        usd=job.cost.usd,
        possible_usd=job.cost.possible_usd,
        picture=desk.picture_of(job.job_id) is not None,
    )
