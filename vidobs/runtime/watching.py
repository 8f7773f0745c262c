"""Finds jobs that hang and videos that are soon gone, in small steps, and says so once each.

Run by the maintenance thread: once a minute, by one process of those that share the ledger.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from vidobs.core import ids, notices
from vidobs.core.errors import LedgerBusyError
from vidobs.core.jobs import JobSnapshot, Notice
from vidobs.core.protocols import Observed
from vidobs.ledger import codec, open_jobs
from vidobs.ledger.backlog import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.ledger.open_jobs import Watched
    from vidobs.ledger.sweeper import Sweeper

    Record: TypeAlias = Callable[[Observed], Recorded | None]

EVERY = timedelta(seconds=60)
STEP_S = 0.05  # for which a step goes on at most
ROWS = 200  # that are read at once
CLAIM = "watch_us"  # notes in the ledger: when a process began the last round,
FRONT = "watch_front"  # and the place before which there is nothing to watch any more
_BACK = timedelta(hours=1)  # by which the clocks of processes may differ
_OLDEST = timedelta(days=14)  # of a job that has not ended and is still looked at


class Watch:
    """Looks at the jobs of a ledger by the clock. `due` says when to call `step` again."""

    def __init__(
        self,
        *,
        stuck_after_s: float | None,
        expiring_before_s: float | None,
        getrandbits: Callable[[int], int],
    ) -> None:
        self._stuck_after_s = stuck_after_s
        self._expiring_before_s = expiring_before_s
        self._bits = getrandbits
        self._round: Iterator[Recorded | None] | None = None
        self._patience: dict[tuple[str, str | None], float] = {}  # by model, in one round
        self.due = codec.EPOCH

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is time; a time that is too far away is that of a clock put back."""
        return not timedelta() < self.due - now <= EVERY

    def step(self, sweeper: Sweeper, record: Record, now: datetime) -> list[Recorded]:
        """Go on for a moment; return what there was to say. Raises `LedgerError`."""
        if self._round is None:
            if not sweeper.claim(CLAIM, codec.us(now), EVERY // codec.MICROSECOND):
                self.due = now + EVERY
                return []
            self._round = self._look(sweeper, record, now)
        said: list[Recorded] = []
        try:
            over = self._go_on(self._round, said)
        except LedgerBusyError:
            self._round = self._look(sweeper, record, now)  # one that raised cannot be gone on with
            over = False
        if over:
            self._round = None
            self.due = now + EVERY
        return said

    def _go_on(self, found: Iterator[Recorded | None], said: list[Recorded]) -> bool:
        """Do a part of a round; return whether it is over."""
        end = time.monotonic() + STEP_S
        for recorded in found:
            if recorded is not None:
                said.append(recorded)
            if time.monotonic() >= end:
                return False
        return True

    def _look(self, sweeper: Sweeper, record: Record, now: datetime) -> Iterator[Recorded | None]:
        """Look at the rows one after another; yield what was said, and nothing as a pause."""
        self._patience.clear()
        after = sweeper.note(FRONT)
        front: int | None = None
        while rows := sweeper.ask(partial(open_jobs.to_watch, after=after, limit=ROWS)):
            for row in rows:
                recorded = self._seen(sweeper, record, row, now)
                over = recorded is not None and row.state.terminal
                if front is None and not over and _holds(row, now):
                    front = row.seq - 1
                yield recorded
            after = rows[-1].seq
        latest = codec.seq_at(now - _BACK)
        sweeper.keep_note(FRONT, min(latest, after if front is None else front))

    def _seen(
        self, sweeper: Sweeper, record: Record, row: Watched, now: datetime
    ) -> Recorded | None:
        """Say of a job what there is to say now."""
        job = row.job
        notice = None if job is None else self._notice(sweeper, row, job, now)
        if job is None or notice is None or notice in job.notices:
            return None
        seen = Observed(
            provider=job.provider,
            snapshot=JobSnapshot(),
            now_ns=codec.us(now) * 1000,
            job_id=job.job_id,
            seed=self._bits(ids.SEED_BITS),
            notice=notice,
            version=row.version,
        )
        try:
            return record(seen)
        except Deferred:
            return None

    def _notice(self, sweeper: Sweeper, row: Watched, job: Job, now: datetime) -> Notice | None:
        if job.state in notices.RUNNING:
            return Notice.STUCK if self._stuck(sweeper, row, job, now) else None
        start = notices.expiring_from(job, self._expiring_before_s)
        if start is None or job.expires_at is None or not notices.unread(job):
            return None
        return Notice.EXPIRING if start <= now < job.expires_at else None

    def _stuck(self, sweeper: Sweeper, row: Watched, job: Job, now: datetime) -> bool:
        least_s = self._stuck_after_s
        if least_s is None:
            least_s = notices.LEAST_STUCK_S
        if (now - job.created_at).total_seconds() < least_s or Notice.STUCK in job.notices:
            return False  # most jobs: no look at their events
        changed = sweeper.ask(partial(open_jobs.last_change, row=row))
        since = changed or job.started_at or job.submitted_at or job.created_at
        return (now - since).total_seconds() >= self._patience_s(sweeper, job)

    def _patience_s(self, sweeper: Sweeper, job: Job) -> float:
        if self._stuck_after_s is not None:
            return self._stuck_after_s
        model = job.provider, job.model
        if model not in self._patience:
            past = sweeper.ask(
                partial(open_jobs.past_times_s, provider=job.provider, model=job.model)
            )
            self._patience[model] = notices.stuck_after_s(past)
        return self._patience[model]


def _holds(row: Watched, now: datetime) -> bool:
    """Tell whether there may be something to say of a job later."""
    if not row.state.terminal:
        return now - codec.created_at(row.seq) < _OLDEST
    job = row.job
    if job is None or job.expires_at is None or Notice.EXPIRING in job.notices:
        return False
    return notices.unread(job) and now < job.expires_at
