"""What budgets need of a job's document: a part of it, which costs less to read than the whole."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from vidobs.core.calls import NOBODY, Attribution, Operation
from vidobs.core.jobs import JobState
from vidobs.core.money import CostStatus


class Bill(msgspec.Struct, frozen=True, gc=False):
    """The figures of a `Cost`, without its lines."""

    status: CostStatus = CostStatus.UNKNOWN
    usd: Decimal | None = None
    possible_usd: Decimal | None = None
    quoted_usd: Decimal | None = None


class Length(msgspec.Struct, frozen=True, gc=False):
    """How much video a `VideoRequest` asks for."""

    seconds: Decimal | None = None
    n: int = 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The members of a `Job` that `figures_of` reads, under the same names."""

    job_id: str
    provider: str
    operation: Operation = Operation.CREATE
    state: JobState = JobState.SUBMITTING
    model: str | None = None
    finished_at: datetime | None = None
    request: Length = Length()
    cost: Bill = Bill()
    attribution: Attribution = NOBODY


_decoder = msgspec.json.Decoder(list[Facts])


def facts_of(docs: bytes) -> list[Facts]:
    """Return the facts of jobs, which are given as one array of their documents."""
    return _decoder.decode(docs)
