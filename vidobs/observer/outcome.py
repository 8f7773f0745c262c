"""How a call that raised ended, in terms of the job."""

from __future__ import annotations

import msgspec

from vidobs.core.jobs import JobSnapshot, JobState


class Failure(msgspec.Struct, frozen=True):
    """A call raised.

    `snapshot` says what that means for the job: refused for a reason, in an unknown state, or (on
    a poll) nothing at all.
    """

    error_type: str
    detail: str  # "Type: message", scrubbed
    snapshot: JobSnapshot | None = None


UNREADABLE = Failure("UnreadableAnswer", "UnreadableAnswer: the answer is not JSON")
UNKNOWN_OUTCOME = JobSnapshot(state=JobState.UNKNOWN)
