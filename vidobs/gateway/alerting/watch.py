"""What events of jobs come to: failures, stuck and expiring jobs, slow providers. Pure.

Everything is counted by model, so that a provider that breaks is one condition and not a thousand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import EventName
from vidobs.core.jobs import AssetState, JobState, Notice, Reason
from vidobs.core.notices import RUNNING, unread
from vidobs.gateway.alerting.engine import AlertKind

if TYPE_CHECKING:
    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job

KINDS = (AlertKind.FAILURE_RATIO, AlertKind.STUCK, AlertKind.EXPIRING, AlertKind.SLOW_PROVIDER)
MOST_JOBS = 10_000  # of which times and ends are kept
MOST_MODELS = 1_000
_NOT_THE_PROVIDER = frozenset(  # that did not fail of itself
    {Reason.MODERATION_INPUT, Reason.MODERATION_OUTPUT, Reason.BUDGET, Reason.INVALID_REQUEST}
)
_ENDS = frozenset({EventName.COMPLETED, EventName.FAILED, EventName.EXPIRED})


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """From when on something is worth telling."""

    window_s: float = 900.0  # over which failures and times are counted
    failure_ratio: float = 0.25
    failure_jobs: int = 8  # that must have ended in the window
    slow_times: float = 2.0  # the 95th percentile against that of before
    slow_jobs: int = 8  # of the window
    slow_past: int = 30  # of before it


class Holding(msgspec.Struct, frozen=True):
    """A condition that holds now."""

    kind: AlertKind
    key: str
    message: str
    facts: Mapping[str, str]


class _End(msgspec.Struct, frozen=True):
    at: datetime
    model: str
    failed: bool
    took_s: float | None  # of a video that came


class Watch:
    """Follows events. Not thread-safe."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._given = thresholds
        self._ends: deque[_End] = deque(maxlen=MOST_JOBS)
        self._stuck: dict[str, Job] = {}
        self._expiring: dict[str, Job] = {}

    def begin(self, jobs: Iterable[Job]) -> None:
        """Take in what was before the start, the oldest first."""
        for job in jobs:
            if job.state in _STATES and job.finished_at is not None:
                self._end(job, job.finished_at)
            if Notice.STUCK in job.notices and job.state in RUNNING:
                self._stuck[job.job_id] = job
            if Notice.EXPIRING in job.notices and unread(job):
                self._expiring[job.job_id] = job

    def take(self, event: VideoEvent) -> None:
        """Follow an event."""
        job, name = event.job, event.name
        if name in _ENDS:
            self._end(job, event.at)
        if name is EventName.STUCK:
            self._keep(self._stuck, job)
        elif name in (EventName.STARTED, EventName.PROGRESS) or name.terminal:
            self._stuck.pop(job.job_id, None)
        if name is EventName.EXPIRING:
            self._keep(self._expiring, job)
        elif job.asset is not AssetState.AVAILABLE:
            self._expiring.pop(job.job_id, None)

    def holding(self, now: datetime) -> Iterator[Holding]:
        """Yield what holds now."""
        start = now - timedelta(seconds=self._given.window_s)
        by_model: dict[str, list[_End]] = {}
        for end in self._ends:
            by_model.setdefault(end.model, []).append(end)
        for model, ends in by_model.items():
            yield from self._failures(model, [end for end in ends if end.at >= start])
            yield from self._slow(model, ends, start)
        for job in [one for one in self._expiring.values() if _gone(one, now)]:
            del self._expiring[job.job_id]
        yield from _listed(AlertKind.STUCK, self._stuck, "without progress")
        yield from _listed(AlertKind.EXPIRING, self._expiring, "not downloaded and soon gone")

    # -- inside ------------------------------------------------------------------------------------

    def _end(self, job: Job, at: datetime) -> None:
        if job.provider_job_id is None and job.reason is not Reason.PROVIDER_ERROR:
            return  # it never was the provider's
        if job.reason in _NOT_THE_PROVIDER:
            return
        failed = job.state is not JobState.COMPLETED
        self._ends.append(_End(at, model_of(job), failed, None if failed else job.total_s))

    def _failures(self, model: str, ends: list[_End]) -> Iterator[Holding]:
        failed = sum(end.failed for end in ends)
        if len(ends) < self._given.failure_jobs or failed < self._given.failure_ratio * len(ends):
            return
        minutes = f"{self._given.window_s / 60:g}"
        yield Holding(
            AlertKind.FAILURE_RATIO,
            model,
            f"{failed} of {len(ends)} jobs of {model} failed in the last {minutes} minutes",
            {"model": model, "failed": str(failed), "ended": str(len(ends))},
        )

    def _slow(self, model: str, ends: list[_End], start: datetime) -> Iterator[Holding]:
        now_s = [end.took_s for end in ends if end.took_s is not None and end.at >= start]
        past_s = [end.took_s for end in ends if end.took_s is not None and end.at < start]
        if len(now_s) < self._given.slow_jobs or len(past_s) < self._given.slow_past:
            return
        now_95, past_95 = percentile(now_s, 95), percentile(past_s, 95)
        if past_95 <= 0 or now_95 < self._given.slow_times * past_95:
            return
        yield Holding(
            AlertKind.SLOW_PROVIDER,
            model,
            f"jobs of {model} take {now_95:.0f} s now (95th percentile), {past_95:.0f} s before",
            {"model": model, "p95_s": f"{now_95:.1f}", "past_p95_s": f"{past_95:.1f}"},
        )

    @staticmethod
    def _keep(where: dict[str, Job], job: Job) -> None:
        if len(where) < MOST_JOBS:
            where[job.job_id] = job


_STATES = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.EXPIRED})


def model_of(job: Job) -> str:
    """Return what a job is counted by: provider and model."""
    return f"{job.provider}/{job.model or job.served_model or 'unknown'}"[:200]


def percentile(values: list[float], share: int) -> float:
    """Return the smallest value that so many per cent do not pass (nearest rank).

    >>> percentile([3.0, 1.0, 2.0], 95), percentile([1.0, 2.0, 3.0, 4.0], 50)
    (3.0, 2.0)
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * share / 100) - 1)]


def _gone(job: Job, now: datetime) -> bool:
    return job.expires_at is not None and job.expires_at <= now


def _listed(kind: AlertKind, jobs: Mapping[str, Job], what: str) -> Iterator[Holding]:
    by_model: dict[str, list[Job]] = {}
    for job in jobs.values():
        by_model.setdefault(model_of(job), []).append(job)
    for model, some in by_model.items():
        first = min(some, key=lambda job: job.created_at)
        yield Holding(
            kind,
            model,
            f"{len(some)} {'job' if len(some) == 1 else 'jobs'} of {model} {what}",
            {"model": model, "jobs": str(len(some)), "first_job_id": first.job_id},
        )
