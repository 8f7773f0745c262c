"""What is read of a job's document for budgets says the same as the whole job."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from vidobs.core.calls import Attribution, Operation, VideoRequest
from vidobs.core.jobs import Job, JobState, TraceRef
from vidobs.core.money import Cost, CostBasis, CostLine, CostStatus
from vidobs.gateway.governance.facts import documents_in
from vidobs.gateway.governance.figures import figures_of
from vidobs.ledger.codec import dump_job

AT = datetime(2026, 11, 20, 14, tzinfo=UTC)
LINE = CostLine("output_second", Decimal(4), Decimal("0.1"), Decimal("0.4"))
JOBS = {
    "bare": {},
    "foreign": {"attribution": Attribution(user="ada", tags={"key": "vk"})},
    "reserved": {
        "state": JobState.QUEUED,
        "model": "sora-2",
        "request": VideoRequest(seconds=Decimal("4.5"), size="720x1280", n=2),
        "cost": Cost(
            CostStatus.RESERVED,
            CostBasis.REQUESTED,
            usd=Decimal("0.4"),
            quoted_usd=Decimal("0.4"),
            lines=(LINE,),
        ),
    },
    "ended": {
        "state": JobState.FAILED,
        "operation": Operation.REMIX,
        "finished_at": AT + timedelta(seconds=90),
        "cost": Cost(CostStatus.RELEASED, CostBasis.POLICY_UNKNOWN, possible_usd=Decimal("0.8")),
    },
}


@pytest.mark.parametrize("case", JOBS)
def test_the_facts_of_a_job_come_to_the_same_figures(case):
    """Whatever is known of it, and of many at once."""
    given = {"attribution": Attribution(tags={"key": "vk", "model": "sora", "team": "t"})}
    job = Job(
        job_id=f"job_{15:032x}",
        provider="openai",
        dialect="openai",
        created_at=AT,
        trace=TraceRef("1" * 32, "2" * 16),
        **{**given, **JOBS[case]},
    )
    later = msgspec.structs.replace(job, job_id=f"job_{15 << 80:032x}")
    stored = documents_in(f"[{dump_job(job)},{dump_job(later)}]")
    assert [one.figures() for one in stored] == [figures_of(job), figures_of(later)]
