"""What guardrails said of a result, on its way to the ledger, exporters and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core import ids
from vidobs.core.calls import Operation
from vidobs.core.jobs import JobSnapshot
from vidobs.core.protocols import Happening, Observed
from vidobs.core.verdicts import judged
from vidobs.ledger.backlog import Deferred

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.jobs import Job
    from vidobs.core.verdicts import Verdict
    from vidobs.observer.observer import Observer


def judge(observer: Observer, job: Job, verdicts: Sequence[Verdict]) -> Job:
    """Record what guardrails said of a job that ended; return the job as it stands then.

    A ledger that cannot be written now gets it later. Waits for nothing but its 25 ms.
    """
    now_ns = observer.clock.time_ns()
    seen = Observed(
        provider=job.provider,
        snapshot=JobSnapshot(provider_job_id=job.provider_job_id),
        now_ns=now_ns,
        job_id=job.job_id,
        seed=observer.getrandbits(ids.SEED_BITS),
        verdicts=observer.traced(verdicts, job),
    )
    try:
        recorded = observer.backlog.record(seen)
    except Deferred:
        recorded = None
    if recorded is None:
        return judged(job, verdicts)
    observer.hand_on(
        Happening(
            operation=Operation.RETRIEVE,
            provider=job.provider,
            model=job.model,
            start_ns=now_ns,
            end_ns=now_ns,
            events=recorded.events,
            late=True,
        )
    )
    return recorded.job
