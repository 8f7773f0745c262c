"""What is found out about a job by the clock alone: it hangs, or its video is soon gone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import EventName
from vidobs.core.jobs import AssetState, Job, JobState, Notice
from vidobs.core.machine import Advance

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_STUCK_S = 900.0  # no job is called stuck before
UNKNOWN_STUCK_S = 3600.0  # of a model of which too few jobs have ended
TIMES_LONGER = 10  # than the model takes as a rule
ENOUGH_PAST = 3  # jobs, to say how long a model takes
MOST_BEFORE_S = 3600.0
SHARE_BEFORE = 0.1  # of the time that a video is kept

RUNNING = frozenset({JobState.QUEUED, JobState.IN_PROGRESS})
_EVENTS = MappingProxyType(
    {Notice.STUCK: EventName.STUCK, Notice.EXPIRING: EventName.EXPIRING},
)


def noticed(job: Job, notice: Notice) -> Advance:
    """Return the job after a notice; nothing changes where it does not hold, or was said before."""
    holds = job.state in RUNNING if notice is Notice.STUCK else unread(job)
    if not holds or notice in job.notices:
        return Advance(job)
    moved = msgspec.structs.replace(job, notices=(*job.notices, notice))
    return Advance(moved, (_EVENTS[notice],), changed=True)


def unread(job: Job) -> bool:
    """Tell whether there is a video that nobody has downloaded."""
    return job.state is JobState.COMPLETED and job.asset is AssetState.AVAILABLE


def stuck_after_s(past_s: Sequence[float]) -> float:
    """Return for how long a job may show no change, from how long jobs of its model took."""
    if len(past_s) < ENOUGH_PAST:
        return UNKNOWN_STUCK_S
    return max(LEAST_STUCK_S, TIMES_LONGER * median(past_s))


def expiring_from(job: Job, before_s: float | None) -> datetime | None:
    """Return from when on a video counts as soon gone; `None` where that is not known.

    `before_s` seconds before the end, else an hour or a tenth of its time, whichever is less.
    """
    if job.expires_at is None:
        return None
    if before_s is None:
        kept = job.expires_at - (job.finished_at or job.created_at)
        before_s = min(MOST_BEFORE_S, SHARE_BEFORE * max(0.0, kept.total_seconds()))
    return job.expires_at - timedelta(seconds=before_s)
