"""What the index is asked, and what it answers.

Jobs are named by their *place*, the `seq` of their row in the ledger. Whoever shows one loads its
document from the ledger, so that what was purged there is seen nowhere.

Two clocks: a **job** counts at the time of its creation, **money** at the time it was settled or
adjusted, as in `vidobs spend`. Periods are `[since, until)`, `None` is open; they are widened to
whole hours, and to whole days where users, tags and phases are asked for. Days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import ZERO


class Flag(StrEnum):
    """What a list of jobs can be narrowed to, beside their state."""

    RUNNING = "running"  # neither ended nor unknown: submitting, queued, in progress
    STUCK = "stuck"  # running, and no change for longer than it should take
    EXPIRING = "expiring"  # its video is not downloaded, and soon gone
    UNREAD = "unread"  # there is a video that nobody has downloaded
    UNKNOWN = "unknown"  # nobody knows whether the create was accepted
    UNPRICED = "unpriced"  # it ended, and nobody knows what it cost
    ADOPTED = "adopted"  # created elsewhere


class Outcome(StrEnum):
    """How a job stands, with failures apart that a filter caused."""

    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    MODERATED = "moderated"  # failed, because a filter stopped it
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DELETED = "deleted"  # not in the ledger any more; only what it cost is known

    @property
    def open(self) -> bool:
        """Whether the job has not ended."""
        return self in _OPEN


_OPEN = frozenset({Outcome.SUBMITTING, Outcome.UNKNOWN, Outcome.QUEUED, Outcome.IN_PROGRESS})


class Step(StrEnum):
    """How far the points of a series are apart."""

    HOUR = "hour"
    DAY = "day"


class SeriesBy(StrEnum):
    """What a series is split by."""

    MODEL = "model"
    PROVIDER = "provider"
    OUTCOME = "outcome"


class SpendBy(StrEnum):
    """What spend is grouped by."""

    MODEL = "model"
    PROVIDER = "provider"
    USER = "user"
    TAG = "tag"
    DAY = "day"


class PhaseName(StrEnum):
    """The times of a job that are counted."""

    QUEUE = "queue"  # from acceptance to the first sight of rendering
    RENDER = "render"  # from there to the end
    TOTAL = "total"  # from the intent to the end


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs. Within one field any value will do; every field that is given must fit."""

    states: tuple[JobState, ...] = ()
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()  # name and value
    reasons: tuple[Reason, ...] = ()
    flags: tuple[Flag, ...] = ()
    failures: tuple[str, ...] = ()  # fingerprints
    moderated: bool | None = None  # whether a filter stopped the job
    since: datetime | None = None  # created then or later
    until: datetime | None = None  # created before
    min_usd: Decimal | None = None  # known to cost at least that
    text: str | None = None  # words of the prompt, the last one may be the beginning of one


EVERYTHING = JobFilter()


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a list: enough to draw a line while its document is on its way."""

    place: int
    state: JobState
    provider: str
    model: str | None
    created_at: datetime
    usd: Decimal | None  # what counts in a total; None: unknown


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list, the newest first.

    A filter that fits hardly any job is looked for among so many and no more; then `complete` is
    false, and `older` leads on from where the look ended, even when nothing was found.
    """

    rows: tuple[JobRow, ...] = ()
    newer: int | None = None  # give it as `after`; None: there is nothing newer
    older: int | None = None  # give it as `before`; None: these were the last
    complete: bool = True
    looked_back_to: datetime | None = None  # where it is not complete

    @property
    def places(self) -> tuple[int, ...]:
        """The places of the rows, for `Index.load`."""
        return tuple(row.place for row in self.rows)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a period came to. `usd` never holds possible spend."""

    jobs: int = 0  # created in the period
    outcomes: Mapping[Outcome, int] = {}  # the same jobs, as they stand now
    settled: int = 0  # jobs that were settled or released in the period
    usd: Decimal = ZERO
    possible_usd: Decimal = ZERO
    unpriced: int = 0  # jobs in no sum, for nobody knows what they cost
    seconds: Decimal = ZERO  # of finished video
    priced_seconds: Decimal = ZERO  # of these: jobs whose price is known
    asked_seconds: Decimal = ZERO  # of the jobs that ended, however they did
    completed_usd: Decimal = ZERO  # of `usd`: what jobs with a video cost,
    failed_usd: Decimal = ZERO  # jobs that failed, moderated ones included,
    moderated_usd: Decimal = ZERO  # and those alone
    compared: int = 0  # jobs that were quoted, and are settled or released
    quoted_usd: Decimal = ZERO  # what these were quoted,
    billed_usd: Decimal = ZERO  # and what they cost in the end

    @property
    def states(self) -> dict[JobState, int]:
        """Jobs by state; of deleted ones it is not known."""
        found: dict[JobState, int] = {}
        for outcome, jobs in self.outcomes.items():
            if outcome is not Outcome.DELETED:
                name = Outcome.FAILED if outcome is Outcome.MODERATED else outcome
                found[JobState(name.value)] = found.get(JobState(name.value), 0) + jobs
        return found

    @property
    def completed(self) -> int:
        """Jobs with a video."""
        return self.outcomes.get(Outcome.COMPLETED, 0)

    @property
    def moderated(self) -> int:
        """Jobs that a filter stopped."""
        return self.outcomes.get(Outcome.MODERATED, 0)

    @property
    def failed(self) -> int:
        """Jobs that failed, for whatever reason."""
        return self.outcomes.get(Outcome.FAILED, 0) + self.moderated

    @property
    def ended(self) -> int:
        """Jobs that ended, however they did."""
        return sum(jobs for outcome, jobs in self.outcomes.items() if not outcome.open)

    @property
    def usd_per_second(self) -> Decimal | None:
        """What a second of video cost in the jobs that made it, and whose price is known."""
        return self.completed_usd / self.priced_seconds if self.priced_seconds else None

    @property
    def usd_per_successful_second(self) -> Decimal | None:
        """What a second of video cost with everything that was paid in vain."""
        return self.usd / self.priced_seconds if self.priced_seconds else None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One hour or day of a series. Those in which nothing happened are left out."""

    start: datetime
    key: str | None  # of what the series is split by; None: not split, or there is no such thing
    jobs: int = 0  # created
    settled: int = 0
    usd: Decimal = ZERO
    possible_usd: Decimal = ZERO
    seconds: Decimal = ZERO


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """How long a phase takes. Read from buckets 5 % apart, so that each is right within 2.5 %."""

    jobs: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


class PhaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """The phases of the jobs of a model that ended with a video."""

    model: str | None
    jobs: int
    queue: Quantiles
    render: Quantiles
    total: Quantiles


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that failed in the same way. `message` has its numbers and names taken out."""

    fingerprint: str
    provider: str
    model: str | None
    reason: Reason | None
    code: str | None
    message: str | None
    jobs: int
    usd: Decimal  # that they cost all the same
    possible_usd: Decimal = ZERO  # what more they may have cost
    first_at: datetime  # creation of the first and the last of them that are in the ledger
    last_at: datetime
    examples: tuple[int, ...]  # places, the newest first
    trend: tuple[Point, ...] = ()  # by hour or day, as the period is short or long


class Failures(msgspec.Struct, frozen=True, kw_only=True):
    """The most frequent failures of a period."""

    rows: tuple[Failure, ...] = ()
    groups: int = 0  # how many there are in all
    jobs: int = 0  # how many jobs in all


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that have not ended, the newest first."""

    rows: tuple[JobRow, ...] = ()
    jobs: int = 0
    more: bool = False  # there are more than were counted


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that need care."""

    jobs: int = 0
    places: tuple[int, ...] = ()  # some of them, the most urgent first
    more: bool = False  # there are more than were counted


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """What needs care now."""

    stuck: Alert = Alert()
    expiring: Alert = Alert()
    unknown: Alert = Alert()


class Choice(msgspec.Struct, frozen=True):
    """A value that a filter can take, and how many jobs have it."""

    value: str
    jobs: int


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What filters can be set to, the most frequent first; no more than fit in a menu."""

    states: tuple[Choice, ...] = ()
    providers: tuple[Choice, ...] = ()
    models: tuple[Choice, ...] = ()
    users: tuple[Choice, ...] = ()
    tags: tuple[Choice, ...] = ()  # NAME=VALUE
    reasons: tuple[Choice, ...] = ()
    prompts: bool = False  # whether prompts are kept, so that they can be searched


class SourceState(StrEnum):
    """How the ledger stands."""

    READY = "ready"
    MISSING = "missing"  # nothing has been observed yet
    BUSY = "busy"  # somebody is at work on the file; answers are those of before
    UNUSABLE = "unusable"  # it cannot be read; answers are those of before


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the index is."""

    source: SourceState
    problem: str | None = None  # what the ledger said, in a sentence
    jobs: int = 0  # indexed
    total: int = 0  # jobs in the ledger, as far as counted
    built: bool = False  # every job was read once: totals are right
    behind: int = 0  # events
    version: int = 0
    shared: bool = True  # False: another process has the cache; this index is for itself

    @property
    def caught_up(self) -> bool:
        """Whether the answers are those of the ledger as it stands."""
        return self.built and self.behind == 0

    @property
    def said(self) -> str | None:
        """What a page says of it; `None` when there is nothing to say."""
        if self.source is SourceState.MISSING or self.caught_up:
            return None
        if not self.built:
            return f"reading the ledger: {self.jobs:,} of {max(self.jobs, self.total):,} jobs"
        return f"{self.behind:,} events behind"
