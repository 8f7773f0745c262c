"""Watches one create: the intent before the request leaves, the outcome after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import billing, ids
from vidobs.core.jobs import JobSnapshot, JobState, Reason
from vidobs.observer.observer import Observer, new_job
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure

if TYPE_CHECKING:
    from vidobs.core.calls import VideoCall
    from vidobs.core.errors import SpendLimitError
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.observer.limits import SpendLimit


class Create:
    """A create, remix, edit or extension under way."""

    __slots__ = ("_call", "_observer", "_span", "_start_ns", "job")

    def __init__(self, observer: Observer, call: VideoCall) -> None:
        """Open the span, make the job with its quote; nothing is written yet."""
        now_ns = observer.clock.time_ns()
        job_id = ids.job_id(now_ns, observer.getrandbits(ids.SEED_BITS))
        self._observer = observer
        self._call = call
        self._start_ns = now_ns
        self._span = observer.tracing.open(call, start_ns=now_ns, job_id=job_id, attach=True)
        job = new_job(call, self._span, job_id=job_id, now_ns=now_ns)
        quote = billing.quote(
            job.provider, job.model, job.request, observer.rules.book, operation=job.operation
        )
        self.job: Job = msgspec.structs.replace(job, cost=quote)

    def admit(self, limit: SpendLimit) -> None:
        """Reserve the quote; raise `SpendLimitError` when that would pass the limit."""
        limit.admit(self.job)
        self._observer.limits[self.job.job_id] = limit

    def refuse(self, error: SpendLimitError) -> None:
        """Record a create that was not let through: nothing was sent."""
        self.detach()
        self.begin()
        refused = JobSnapshot(state=JobState.FAILED, reason=Reason.BUDGET)
        self.fail(Failure(type(error).__name__, f"{type(error).__name__}: {error}", refused))

    def begin(self) -> None:
        """Write the intent, before the request leaves."""
        self._observer.backlog.intend(self.job)

    def detach(self) -> None:
        """Stop being the current span; in the context that began it."""
        self._span.detach()

    def answer(self, snapshot: JobSnapshot | None) -> Recorded | None:
        """Record what the provider answered; `None` when the answer could not be read."""
        return self._end(snapshot or UNKNOWN_OUTCOME, None)

    def fail(self, failure: Failure) -> None:
        """Record that the call raised."""
        self._end(failure.snapshot or UNKNOWN_OUTCOME, failure)

    def _end(self, snapshot: JobSnapshot, failure: Failure | None) -> Recorded | None:
        observer = self._observer
        end_ns = observer.clock.time_ns()
        error_type = None if failure is None else failure.error_type
        detail = None if failure is None else failure.detail
        recorded = observer.record(
            self._call,
            snapshot,
            now_ns=end_ns,
            job=self.job,
            span=self._span,
            failure=detail,
        )
        job = recorded.job if recorded is not None else self.job
        self._span.finish(
            end_ns, job=job, status=snapshot.state, error_type=error_type, detail=detail
        )
        observer.tell(
            self._call,
            self._start_ns,
            end_ns,
            recorded=recorded,
            error_type=error_type,
            detail=detail,
        )
        return recorded
