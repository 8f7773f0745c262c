"""The observer: what every edge tells about its calls, and where that goes.

It opens spans, writes intents and answers to the ledger, and hands what happened on to the
maintenance thread. It never waits for anything but the ledger's 25 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import ids, machine
from vidobs.core.calls import Operation, VideoCall
from vidobs.core.jobs import Job, JobSnapshot
from vidobs.core.money import NO_COST
from vidobs.core.protocols import Happening, Observed, Recorded
from vidobs.ledger.backlog import Deferred
from vidobs.ledger.codec import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.core.events import SpanRecord
    from vidobs.core.machine import Rules
    from vidobs.core.protocols import Clock
    from vidobs.ledger.backlog import Backlog
    from vidobs.observer.limits import SpendLimit
    from vidobs.telemetry.spans import OpenSpan, Tracing


class Observer:
    """Collaborators of all observations of a process. Thread-safe."""

    def __init__(  # noqa: PLR0913 - the composition root brings everything
        self,
        *,
        backlog: Backlog,
        tracing: Tracing,
        rules: Rules,
        clock: Clock,
        getrandbits: Callable[[int], int],
        hand_on: Callable[[Happening], None],
        poll_spans: str = "changes",
    ) -> None:
        self.backlog = backlog
        self.tracing = tracing
        self.rules = rules
        self.clock = clock
        self.getrandbits = getrandbits
        self.hand_on = hand_on
        self.poll_spans = poll_spans
        self.polls = PollCounts()
        self.limits: dict[str, SpendLimit] = {}

    # -- writing -----------------------------------------------------------------------------------

    def record(  # noqa: PLR0913 - the facts of one answer
        self,
        call: VideoCall,
        snapshot: JobSnapshot,
        *,
        now_ns: int,
        job: Job | None = None,
        span: OpenSpan | None = None,
        adopt: bool = False,
        download: bool = False,
        failure: str | None = None,
    ) -> Recorded | None:
        """Bring an answer to the ledger and end the spans that go with it."""
        start = self._adoptable(call, snapshot, span, now_ns) if adopt else None
        job_span = self._job_span(job or start, snapshot, now_ns)
        seen = Observed(
            provider=call.provider,
            snapshot=snapshot,
            now_ns=now_ns,
            job_id=job.job_id if job is not None else None,
            seed=self.getrandbits(ids.SEED_BITS),
            span=_row(span, now_ns, call, snapshot, failure),
            job_span=job_span.record(now_ns) if job_span is not None else None,
            adopt=start,
            download=download,
            failure=failure,
        )
        try:
            recorded = self.backlog.record(seen)
        except Deferred:
            recorded = None
        if job_span is not None and recorded is not None and recorded.settled:
            job_span.finish(now_ns, job=recorded.job)
        elif job_span is not None:  # another process, or an earlier answer, ended the job
            job_span.discard()
        if recorded is not None and self.limits:
            self._note_spend(recorded.job)
        return recorded

    def tell(  # noqa: PLR0913 - the facts of one call
        self,
        call: VideoCall,
        start_ns: int,
        end_ns: int,
        *,
        recorded: Recorded | None = None,
        error_type: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Hand a finished call on to metrics, log lines and callbacks."""
        self.hand_on(
            Happening(
                operation=call.operation,
                provider=call.provider,
                model=call.model or (recorded.job.model if recorded is not None else None),
                start_ns=start_ns,
                end_ns=end_ns,
                error_type=error_type,
                detail=detail,
                events=recorded.events if recorded is not None else (),
                settled=recorded.settled if recorded is not None else False,
            )
        )

    # -- inside ------------------------------------------------------------------------------------

    def _job_span(self, job: Job | None, snapshot: JobSnapshot, now_ns: int) -> OpenSpan | None:
        """Open the span of the whole job when this answer seems to end it.

        It is opened before the write, because the terminal event carries its id.
        """
        ends = snapshot.state is not None and snapshot.state.terminal
        if job is None or not ends or job.state.terminal:
            return None
        ended = machine.advance(job, snapshot, moment(now_ns // 1000), self.rules).job
        return self.tracing.open_job(ended)

    def _adoptable(
        self, call: VideoCall, snapshot: JobSnapshot, span: OpenSpan | None, now_ns: int
    ) -> Job | None:
        """A job to start from when the ledger does not know the one that a poll shows."""
        if span is None or snapshot.provider_job_id is None or snapshot.state is None:
            return None
        return Job(
            job_id=ids.job_id(now_ns, self.getrandbits(ids.SEED_BITS)),
            provider=call.provider,
            dialect=call.dialect,
            created_at=snapshot.created_at or moment(now_ns // 1000),
            trace=span.trace,
            provider_job_id=snapshot.provider_job_id,
            model=snapshot.model,
            prompt_hash=call.prompt_hash,
            server_address=call.server_address,
            server_port=call.server_port,
            attribution=call.attribution,
            adopted=True,
        )

    def _note_spend(self, job: Job) -> None:
        limit = self.limits.get(job.job_id)
        if limit is not None:
            limit.note(job)
            if job.state.terminal:
                self.limits.pop(job.job_id, None)


class PollCounts:
    """What the last poll of each job said, and how many since then said the same."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._last: dict[tuple[str, str], list[object]] = {}

    def same(self, job: tuple[str, str], key: tuple[str, int | None]) -> bool:
        """Count a poll; tell whether it says what the one before said."""
        last = self._last.get(job)
        if last is None or last[0] != key:
            return False
        last[1] += 1  # type: ignore[operator]  # [key, count]
        return True

    def changed(self, job: tuple[str, str], key: tuple[str, int | None] | None) -> int:
        """Remember what this poll says; return the polls since the last change, this one included."""
        last = self._last.pop(job, None)
        if len(self._last) >= self._most:
            self._last.pop(next(iter(self._last)), None)
        self._last[job] = [key, 0]
        return 1 if last is None else int(last[1]) + 1  # type: ignore[call-overload]

    def first(self, job: tuple[str, str]) -> bool:
        """Whether this process never polled the job."""
        return job not in self._last


def new_job(call: VideoCall, span: OpenSpan, *, job_id: str, now_ns: int) -> Job:
    """Return the job that a create is about to make."""
    return Job(
        job_id=job_id,
        provider=call.provider,
        dialect=call.dialect,
        operation=call.operation,
        created_at=moment(now_ns // 1000),
        trace=span.trace,
        parent_id=call.video_id if call.operation is not Operation.CREATE else None,
        model=call.model,
        request=call.request,
        cost=NO_COST,
        request_hash=call.request_hash,
        idempotency_key=call.idempotency_key,
        server_address=call.server_address,
        server_port=call.server_port,
        attribution=call.attribution,
        prompt_hash=call.prompt_hash,
        prompt=call.prompt,
    )


def _row(
    span: OpenSpan | None,
    now_ns: int,
    call: VideoCall,
    snapshot: JobSnapshot,
    failure: str | None,
) -> SpanRecord | None:
    if span is None:
        return None
    return span.record(
        end_ns=now_ns,
        status=snapshot.state,
        error_type=failure.partition(":")[0] if failure is not None else None,
    )
