"""What a reconciliation comes to: each job that was open, and what the servers have besides."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from vidobs.core.jobs import Job, JobState


class Outcome(StrEnum):
    """What became of a job that had not ended."""

    SETTLED = "settled"  # it has ended now, and counts once
    RUNNING = "running"  # its server works on it, or its create is still under way
    UNKNOWN = "unknown"  # nobody knows yet whether the create was accepted
    MISSING = "missing"  # its server does not know it; when that stays so, it is lost
    UNREACHABLE = "unreachable"  # asking did not work
    SKIPPED = "skipped"  # nobody was asked; `fix` says what to do
    PLANNED = "planned"  # would be asked: this was a dry run


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """One job, as it stands after it was looked after."""

    job: Job
    before: JobState
    outcome: Outcome
    server: str | None = None  # who was asked
    why: str | None = None
    fix: str | None = None


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """A video of the period that its server has and the ledger does not know."""

    server: str
    video_id: str
    status: str
    model: str | None = None
    created_at: datetime | None = None
    like: str | None = None  # our id of the job that was made from the same prompt at that time


class Double(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that may have been made twice: one and the same request, within minutes."""

    provider: str
    video_ids: tuple[str, ...]  # the first one first
    job_ids: tuple[str, ...]  # ours; less than videos where the ledger does not know all
    model: str | None
    apart_s: float  # between the first and the last
    usd: Decimal | None = None  # what all but the first cost, as far as that is known


class ReconcileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What `vidobs.reconcile` returns."""

    jobs: tuple[Reconciled, ...] = ()  # oldest first
    orphans: tuple[Orphan, ...] = ()
    doubles: tuple[Double, ...] = ()

    @property
    def settled(self) -> tuple[Reconciled, ...]:
        """The jobs that have ended."""
        return tuple(one for one in self.jobs if one.outcome is Outcome.SETTLED)

    @property
    def left(self) -> tuple[Reconciled, ...]:
        """The jobs of which it is still not known how they end."""
        return tuple(one for one in self.jobs if one.outcome is not Outcome.SETTLED)
