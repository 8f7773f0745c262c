"""Watches one create: the intent before the request leaves, the outcome after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import billing, ids
from vidobs.core.calls import Operation
from vidobs.core.jobs import Job, JobSnapshot, JobState, Reason
from vidobs.ledger.codec import moment
from vidobs.observer.outcome import UNKNOWN_OUTCOME, Failure

if TYPE_CHECKING:
    from vidobs.core.calls import VideoCall
    from vidobs.core.errors import SpendLimitError
    from vidobs.core.jobs import TraceRef
    from vidobs.core.money import Cost
    from vidobs.core.protocols import Recorded
    from vidobs.observer.limits import SpendLimit
    from vidobs.observer.observer import Answered, Observer


class Create:
    """A create, remix, edit or extension under way."""

    __slots__ = ("_call", "_observer", "_span", "_start_ns", "job")

    def __init__(
        self,
        observer: Observer,
        call: VideoCall,
        *,
        job_id: str | None = None,
        begun_ns: int | None = None,
    ) -> None:
        """Open the span, make the job with its quote; nothing is written yet.

        `job_id` is one that was made a moment ago, at `begun_ns`, where somebody had to know it
        before.
        """
        now_ns = begun_ns or observer.clock.time_ns()
        job_id = job_id or ids.job_id(now_ns, observer.getrandbits(ids.SEED_BITS))
        quote = _quote(observer, call)
        self._observer = observer
        self._call = call
        self._start_ns = now_ns
        self._span = observer.open_create(call, now_ns, job_id)
        self.job = _intent(call, self._span.trace, job_id, now_ns, quote)

    def admit(self, limit: SpendLimit) -> SpendLimitError | None:
        """Reserve the quote; return why not, where that would pass the limit."""
        refusal = limit.admit(self.job)
        if refusal is None:
            self._observer.limits[self.job.job_id] = limit
        return refusal

    def refuse(self, error: SpendLimitError) -> None:
        """Record a create that was not let through: nothing was sent."""
        refused = JobSnapshot(state=JobState.FAILED, reason=Reason.BUDGET)
        self.turn_away(Failure(type(error).__name__, f"{type(error).__name__}: {error}", refused))

    def turn_away(self, failure: Failure) -> None:
        """Record a create that was refused here, for the reason that the failure gives."""
        self.detach()
        self.begin()
        self.fail(failure)

    def discard(self) -> None:
        """Forget a create that came to nothing and needs no row: its span never ends."""
        self._span.discard()
        self._observer.drop_reservation(self.job.job_id)
        self._observer.verdicts.pop(self.job.job_id, None)

    def begin(self) -> None:
        """Write the intent, before the request leaves."""
        self._observer.backlog.intend(self.job)

    def detach(self) -> None:
        """Stop being the current span; in the context that began it."""
        self._span.detach()

    def answer(self, snapshot: JobSnapshot | None, *, prompt: str | None = None) -> None:
        """Record what the provider answered; `None` when the answer could not be read.

        `prompt` is kept in memory for a while: a later answer may quote it.
        """
        self._record(self.answered(snapshot, prompt=prompt))

    def fail(self, failure: Failure) -> None:
        """Record that the call raised."""
        self._record(self.failed(failure))

    def _record(self, ending: Answered) -> None:
        self.ended(ending, self._observer.write(ending.seen))

    # -- the same in two steps, for who writes several creates together ----------------------------

    def answered(self, snapshot: JobSnapshot | None, *, prompt: str | None = None) -> Answered:
        """Return what has to be written of an answer; `ended` has to follow."""
        observer, now_ns = self._observer, self._observer.clock.time_ns()
        if snapshot is None or snapshot.provider_job_id is None:
            return observer.created(self.job, UNKNOWN_OUTCOME, self._span, now_ns)
        if prompt is not None:
            observer.prompts.keep((self._call.provider, snapshot.provider_job_id), prompt)
        return observer.created(self.job, snapshot, self._span, now_ns)

    def failed(self, failure: Failure) -> Answered:
        """Return what has to be written of a call that raised; `ended` has to follow."""
        observer, snapshot = self._observer, failure.snapshot or UNKNOWN_OUTCOME
        now_ns = observer.clock.time_ns()
        return observer.created(self.job, snapshot, self._span, now_ns, failure=failure)

    def ended(self, ending: Answered, written: Recorded | None) -> None:
        """End the spans and tell of the call, after it was written."""
        observer, failure = self._observer, ending.failure
        end_ns = ending.seen.now_ns
        error_type = None if failure is None else failure.error_type
        detail = None if failure is None else failure.detail
        recorded = observer.recorded(ending, written)
        job = recorded.job if recorded is not None else self.job
        if job.job_id != self.job.job_id:  # the provider had this job already: it is one
            observer.drop_reservation(self.job.job_id)
        observer.finish(
            self._span,
            end_ns,
            job=job,
            status=ending.seen.snapshot.state,
            error_type=error_type,
            detail=detail,
        )
        observer.tell(
            self._call,
            self._start_ns,
            end_ns,
            recorded=recorded,
            error_type=error_type,
            detail=detail,
        )


def _intent(call: VideoCall, trace: TraceRef, job_id: str, begun_ns: int, quote: Cost) -> Job:
    """Return the job that a create is about to make."""
    return Job(
        job_id=job_id,
        provider=call.provider,
        dialect=call.dialect,
        operation=call.operation,
        created_at=moment(begun_ns // 1000),
        trace=trace,
        parent_id=call.video_id if call.operation is not Operation.CREATE else None,
        model=call.model,
        request=call.request,
        cost=quote,
        request_hash=call.request_hash,
        idempotency_key=call.idempotency_key,
        server_address=call.server_address,
        server_port=call.server_port,
        attribution=call.attribution,
        prompt_hash=call.prompt_hash,
        prompt=call.prompt,
    )


def _quote(observer: Observer, call: VideoCall) -> Cost:
    """Return what the call will cost; a remix is as long and as large as its source."""
    model, request = call.model, call.request
    source = None
    if call.operation is not Operation.CREATE and call.video_id is not None:
        source = observer.job_of(call.provider, call.video_id)
    if source is not None:
        model = model or source.model
        request = msgspec.structs.replace(
            request,
            seconds=request.seconds or source.request.seconds,
            size=request.size or source.request.size,
        )
    return billing.quote(
        call.provider, model, request, observer.rules.book, operation=call.operation
    )
