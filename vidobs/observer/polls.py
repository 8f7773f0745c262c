"""Watches polls, lists and deletes. A poll that changes nothing costs a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import ids
from vidobs.core.jobs import JobSnapshot
from vidobs.ledger.codec import moment
from vidobs.ledger.finder import Stranger

if TYPE_CHECKING:
    from vidobs.core.calls import VideoCall
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Recorded
    from vidobs.observer.observer import Observer
    from vidobs.observer.outcome import Failure
    from vidobs.telemetry.spans import OpenSpan

NO_SPANS = "none"  # of the setting `poll_spans`


class Poll:
    """A poll, list or delete that is worth a closer look: a first one, a change, an error."""

    __slots__ = ("_attached", "_call", "_job", "_observer", "_span", "_spanned", "_start_ns")

    def __init__(
        self, observer: Observer, call: VideoCall, start_ns: int, *, attach: bool = False
    ) -> None:
        self._observer = observer
        self._call = call
        self._start_ns = start_ns
        self._attached = attach
        self._job = self._known()
        self._spanned = observer.poll_spans != NO_SPANS
        self._span = self._open()

    def detach(self) -> None:
        """Stop being the current span; in the context that began it."""
        self._span.detach()

    def discard(self) -> None:
        """Forget the call: it was cancelled."""
        self._span.discard()

    @property
    def known(self) -> bool:
        """Whether the ledger knows the job that is asked about."""
        return self._job is not None

    def answer(
        self,
        snapshot: JobSnapshot,
        key: tuple[str, int | None] | None,
        *,
        prompt_hash: str | None = None,
    ) -> None:
        """Record what a poll of one job answered.

        `prompt_hash` is that of the prompt which the answer of an unknown job shows: it may belong
        to a create whose answer nobody saw.
        """
        if prompt_hash is not None:
            self._call = msgspec.structs.replace(self._call, prompt_hash=prompt_hash)
            self._recall(snapshot, prompt_hash)
        end_ns = self._observer.clock.time_ns()
        polls = self._count(key)
        try:
            recorded = self._observer.record(
                self._call,
                msgspec.structs.replace(snapshot, polls=polls),
                now_ns=end_ns,
                job=self._job,
                span=self._seen_by,
                adopt=self._span.trace,
            )
        except BaseException:  # not written: the next poll must not pass for an unchanged one
            self._observer.polls.forget((self._call.provider, self._call.video_id or ""))
            raise
        if recorded is not None and recorded.job is self._job:  # not worth a write
            self._keep_count(polls)
        self._finish(end_ns, snapshot.state or snapshot.raw_status, recorded)

    def listed(self, snapshots: list[JobSnapshot]) -> None:
        """Record what a list says of the jobs the ledger knows; others are not ours to follow."""
        end_ns = self._observer.clock.time_ns()
        events: list[Recorded] = []
        for snapshot in snapshots:
            recorded = self._one_of_list(snapshot, end_ns)
            if recorded is not None and recorded.events:
                events.append(recorded)
        self._finish(end_ns, None, events[0] if events else None)
        for recorded in events[1:]:
            self._observer.tell(self._call, self._start_ns, end_ns, recorded=recorded)

    def deleted(self, snapshot: JobSnapshot) -> None:
        """Record that a job and its assets were deleted."""
        end_ns = self._observer.clock.time_ns()
        recorded = None
        if self._job is not None:
            recorded = self._observer.record(
                self._call,
                msgspec.structs.replace(snapshot, provider_job_id=self._job.provider_job_id),
                now_ns=end_ns,
                job=self._job,
                span=self._seen_by,
            )
        self._finish(end_ns, snapshot.state, recorded)

    def done(self) -> None:
        """Record a call that says nothing new of any job."""
        self._finish(self._observer.clock.time_ns(), None, None)

    def fail(self, failure: Failure) -> None:
        """Record that the call raised; with a snapshot it was the job that failed, not the call."""
        if failure.snapshot is not None:
            self.answer(failure.snapshot, None)
            return
        end_ns = self._observer.clock.time_ns()
        recorded = None
        if self._job is not None:
            polls = self._count(None)
            recorded = self._observer.record(
                self._call,
                _nothing_new(self._job, polls),
                now_ns=end_ns,
                job=self._job,
                span=self._seen_by,
                failure=failure,
            )
            if recorded is not None and recorded.job is self._job:  # the event is written, they not
                self._keep_count(polls)
        self._finish(end_ns, None, recorded, failure)

    # -- inside ------------------------------------------------------------------------------------

    def _open(self) -> OpenSpan:
        job = self._job
        origin = job.trace if job is not None else None
        if not self._spanned:  # a job that is first seen here needs a trace all the same
            return self._observer.tracing.open_row(
                self._call, start_ns=self._start_ns, origin=origin, origin_ns=_created_ns(job)
            )
        return self._observer.open(
            self._call,
            start_ns=self._start_ns,
            job_id=job.job_id if job is not None else None,
            origin=origin,
            origin_ns=_created_ns(job),
            attach=self._attached,
        )

    def _recall(self, snapshot: JobSnapshot, prompt_hash: str) -> None:
        """Look for the create that an unknown job may come from: this poll is in its trace then.

        An attached span stays, since others may be under it.
        """
        now_ns = self._observer.clock.time_ns()
        like = Stranger(
            provider=self._call.provider,
            prompt_hash=prompt_hash,
            model=snapshot.model,
            created_at=snapshot.created_at or moment(now_ns // 1000),
            now_ns=now_ns,
            seed=self._observer.getrandbits(ids.SEED_BITS),
        )
        self._job = self._observer.backlog.unanswered(like)
        if self._job is not None and not self._attached:
            self._span.discard()
            self._span = self._open()

    @property
    def _seen_by(self) -> OpenSpan | None:
        """The span that events carry."""
        return self._span if self._spanned else None

    def _known(self) -> Job | None:
        call = self._call
        return (
            None if call.video_id is None else self._observer.job_of(call.provider, call.video_id)
        )

    def _count(self, key: tuple[str, int | None] | None) -> int:
        if self._call.video_id is None or not self._call.operation.polls:
            return 0
        return self._observer.polls.changed((self._call.provider, self._call.video_id), key)

    def _keep_count(self, polls: int) -> None:
        call = self._call
        if call.video_id is not None and call.operation.polls:
            self._observer.polls.keep((call.provider, call.video_id), polls)

    def _one_of_list(self, snapshot: JobSnapshot, end_ns: int) -> Recorded | None:
        if snapshot.provider_job_id is None:
            return None
        job = self._observer.job_of(self._call.provider, snapshot.provider_job_id)
        if job is None or job.state.terminal:
            return None
        return self._observer.record(
            self._call, snapshot, now_ns=end_ns, job=job, span=self._seen_by
        )

    def _finish(
        self,
        end_ns: int,
        status: str | None,
        recorded: Recorded | None,
        failure: Failure | None = None,
    ) -> None:
        error_type = None if failure is None else failure.error_type
        detail = None if failure is None else failure.detail
        job = recorded.job if recorded is not None else self._job
        self._observer.finish(
            self._span, end_ns, job=job, status=status, error_type=error_type, detail=detail
        )
        self._observer.tell(
            self._call,
            self._start_ns,
            end_ns,
            recorded=recorded,
            error_type=error_type,
            detail=detail,
        )


def _created_ns(job: Job | None) -> int | None:
    return None if job is None else int(job.created_at.timestamp() * 1e9)


def _nothing_new(job: Job, polls: int) -> JobSnapshot:
    return JobSnapshot(provider_job_id=job.provider_job_id, polls=polls)
