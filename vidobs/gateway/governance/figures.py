"""What a job of the ledger means for budgets: held while it runs, counted once it has ended. Pure.

A job counts in the window in which it was made, whenever it ends: so what was reserved there is
settled there, and a window that is over never changes the next one. The time is read from the job's
id, which is the same before anything is written, in the ledger, and after a restart.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import TERMINAL, JobState
from vidobs.core.money import CostStatus
from vidobs.gateway.governance.directory import whose_of
from vidobs.gateway.governance.holders import nano
from vidobs.gateway.seams import KEY_TAG, MODEL_TAG, TEAM_TAG, USER_TAG

if TYPE_CHECKING:
    from decimal import Decimal

    from vidobs.core.jobs import Job
    from vidobs.core.money import Cost
    from vidobs.gateway.governance.facts import Bill, Facts
    from vidobs.gateway.governance.records import Whose

_IDLE = TERMINAL | {JobState.UNKNOWN}
_ID = slice(4, 16)  # `job_` and the 48 bits of milliseconds of a UUIDv7


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One job of the gateway."""

    job_id: str
    at_ms: int
    owner: str
    user_id: str | None = None
    team_id: str | None = None
    model: str = ""
    provider: str
    upstream_model: str | None = None
    operation: str
    state: JobState
    cost_status: str
    quoted_nano: int | None = None
    usd_nano: int | None = None
    possible_nano: int | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    nano: int  # held, or once it has ended counted

    @property
    def final(self) -> bool:
        """Whether the job has ended."""
        return self.state in TERMINAL

    @property
    def busy(self) -> bool:
        """Whether it takes a place among running jobs; see `busy_of`."""
        return busy_of(self.state)

    @property
    def whose(self) -> tuple[Whose, ...]:
        """Everybody it counts against."""
        return whose_of(self.owner, self.user_id, self.team_id)


def made_ms(job_id: str) -> int:
    """Return when the job of an id was made, in milliseconds since 1970."""
    return int(job_id[_ID], 16)


def busy_of(state: JobState) -> bool:
    """Whether a job takes a place among running ones; one that nobody knows of does not."""
    return state not in _IDLE


def held_nano(job: Job | Facts) -> int:
    """Return what a job that has not ended holds, in billionths of a dollar."""
    return nano(_held(job.cost)) or 0


def figures_of(job: Job | Facts) -> Figures | None:
    """Return what a job means for budgets; `None` for one that the gateway did not make."""
    tags = job.attribution.tags
    owner = tags.get(KEY_TAG)
    if owner is None or MODEL_TAG not in tags:
        return None
    cost, asked = job.cost, job.request
    final = job.state in TERMINAL
    return Figures(
        job_id=job.job_id,
        at_ms=made_ms(job.job_id),
        owner=owner,
        user_id=tags.get(USER_TAG),
        team_id=tags.get(TEAM_TAG),
        model=tags[MODEL_TAG],
        provider=job.provider,
        upstream_model=job.model,
        operation=job.operation,
        state=job.state,
        cost_status=cost.status,
        quoted_nano=nano(cost.quoted_usd),
        usd_nano=nano(cost.usd) if final else None,
        possible_nano=nano(cost.possible_usd),
        finished_at=job.finished_at,
        seconds=None if asked.seconds is None else float(asked.seconds * asked.n),
        nano=(nano(_counted(cost)) or 0) if final else held_nano(job),
    )


def _held(cost: Cost | Bill) -> Decimal | None:
    """What a running job may come to; of an ambiguous create, what was quoted."""
    if cost.usd is not None:
        return cost.usd
    return cost.quoted_usd if cost.possible_usd is None else cost.possible_usd


def _counted(cost: Cost | Bill) -> Decimal | None:
    """What a job that ended came to, with what it may have cost besides.

    Completed at a price that nobody knows, it counts as what was reserved for it: never as nothing.
    """
    if cost.status is CostStatus.UNKNOWN:
        return _held(cost)
    if cost.possible_usd is None:
        return cost.usd
    return cost.possible_usd + (cost.usd or 0)
