"""A create that is refused before anything is sent: one row in the ledger, or none."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.jobs import JobError, JobSnapshot, JobState, Reason
from vidobs.core.scrub import scrub
from vidobs.gateway.guardrails.guards import CODE, UNAVAILABLE
from vidobs.observer.outcome import Failure

if TYPE_CHECKING:
    from vidobs.gateway.seams import Refusal
    from vidobs.observer.creates import Create

# What a refusal is in terms of a job, and the error it is told as. Others make no job: a key that
# is wrong or goes too fast could fill a ledger with them.
_TOLD = MappingProxyType(
    {
        "budget_exceeded": (Reason.BUDGET, "BudgetExceededError"),
        CODE: (Reason.MODERATION_INPUT, "ContentPolicyViolationError"),
        UNAVAILABLE: (Reason.MODERATION_INPUT, "GuardrailUnavailableError"),
    }
)


def tell_refused(create: Create, refusal: Refusal) -> bool:
    """Tell the ledger, exporters and metrics of a refused create; return whether it got a row.

    A budget and a guardrail make a failed job that cost nothing, with `budget.exceeded` or
    `guardrail.blocked` before its `video.failed`; whatever else refuses leaves no trace. The span
    of the create ends here, so that this is called once, in the context that opened it.
    """
    told = _TOLD.get(refusal.code)
    if told is None:
        create.discard()
        return False
    reason, error_type = told
    message = scrub(refusal.message)
    snapshot = JobSnapshot(
        state=JobState.FAILED, reason=reason, error=JobError(refusal.code, message)
    )
    create.turn_away(Failure(error_type, f"{error_type}: {message}", snapshot))
    return True
