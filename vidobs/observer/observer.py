"""The observer: what every edge tells about its calls, and where that goes.

It opens spans, writes intents and answers to the ledger, and hands what happened on to the
maintenance thread. It never waits for anything but the ledger's 25 ms.
"""

from __future__ import annotations

import logging
from copy import copy
from typing import TYPE_CHECKING

import msgspec

from vidobs.core import ids, machine
from vidobs.core.jobs import TERMINAL, Job, JobSnapshot
from vidobs.core.protocols import Happening, Observed, Recorded
from vidobs.core.scrub import scrub
from vidobs.ledger.backlog import Deferred
from vidobs.ledger.codec import moment
from vidobs.observer.memory import PollCounts, Prompts
from vidobs.observer.outcome import Failure
from vidobs.telemetry.rows import OpenSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vidobs._guard import Guard
    from vidobs.core.calls import VideoCall
    from vidobs.core.events import SpanRecord
    from vidobs.core.jobs import TraceRef
    from vidobs.core.machine import Rules
    from vidobs.core.protocols import Clock
    from vidobs.core.verdicts import Verdict
    from vidobs.ledger.backlog import Backlog
    from vidobs.observer.keeping import Keeper
    from vidobs.observer.limits import SpendLimit
    from vidobs.telemetry.spans import Tracing

MOST_MODELS = 1000  # names looked up; a caller that makes names up is warned of no more

_log = logging.getLogger("vidobs")


class Answered(msgspec.Struct, frozen=True, gc=False):
    """An answer on its way to the ledger, and the span of the whole job if it seems to end it."""

    seen: Observed
    job_span: OpenSpan | None
    failure: Failure | None = None


class Observer:
    """Collaborators of all observations of a process. Thread-safe."""

    def __init__(
        self,
        *,
        backlog: Backlog,
        tracing: Tracing,
        rules: Rules,
        clock: Clock,
        getrandbits: Callable[[int], int],
        hand_on: Callable[[Happening], None],
        guard: Guard,
        poll_spans: str = "changes",
        keeper: Keeper | None = None,
    ) -> None:
        self.backlog = backlog
        self.tracing = tracing
        self.rules = rules
        self.clock = clock
        self.getrandbits = getrandbits
        self.hand_on = hand_on
        self.guard = guard
        self.poll_spans = poll_spans
        self.keeper = keeper
        self.polls = PollCounts()
        self.prompts = Prompts()
        self.limits: dict[str, SpendLimit] = {}  # by jobs that have not ended
        self.verdicts: dict[str, tuple[Verdict, ...]] = {}  # by jobs whose create has no answer
        self._looked_up: set[tuple[str, str]] = set()  # models, whether they are retired

    def at(self, clock: Clock) -> Observer:
        """Return this observer by another clock, for calls that it is told of afterwards."""
        made = copy(self)
        made.clock = clock
        return made

    # -- looking things up -------------------------------------------------------------------------

    def job_of(self, provider: str, video_id: str) -> Job | None:
        """Return the job with the provider's id: as seen here last, or from the ledger."""
        return self.backlog.known(provider, video_id) or self.backlog.find(provider, video_id)

    def warn_if_retired(self, call: VideoCall) -> None:
        """Say once that a model is gone, by the price table's dates."""
        named = (call.provider, call.model or "")
        if named in self._looked_up or len(self._looked_up) >= MOST_MODELS:
            return
        self._looked_up.add(named)
        today = moment(self.clock.time_ns() // 1000).date()
        row = self.rules.book.retired(*named, on=today)
        if row is not None:
            _log.warning(
                "model %s of %s was retired on %s, says the price table (%s); the call is sent all "
                "the same. If it is served under this name elsewhere, say so with "
                "wrap(client, provider=...) or a price row of your own",
                scrub(named[1], 100), named[0], row.retired_on, row.source,
            )  # fmt: skip

    # -- spans: a provider of the user's may raise -------------------------------------------------

    def open(
        self,
        call: VideoCall,
        *,
        start_ns: int,
        job_id: str | None = None,
        origin: TraceRef | None = None,
        origin_ns: int | None = None,
        attach: bool = False,
    ) -> OpenSpan:
        """Open the span of a call; a row of our own where the user's provider fails."""
        opened = self.guard.run(
            "span start",
            self.tracing.open,
            call,
            start_ns=start_ns,
            job_id=job_id,
            origin=origin,
            origin_ns=origin_ns,
            attach=attach,
        )
        if opened is not None:
            return opened
        return self.tracing.open_row(call, start_ns=start_ns, origin=origin, origin_ns=origin_ns)

    def open_create(self, call: VideoCall, start_ns: int, job_id: str) -> OpenSpan:
        """Open the span of a create, the current one of its context until it is detached."""
        opened = self.guard.run("span start", self.tracing.open_create, call, start_ns, job_id)
        return self.tracing.open_row(call, start_ns=start_ns) if opened is None else opened

    def finish(
        self,
        span: OpenSpan,
        end_ns: int,
        *,
        job: Job | None = None,
        status: str | None = None,
        error_type: str | None = None,
        detail: str | None = None,
    ) -> None:
        """End a span; of one that is only a row, nothing comes any more."""
        if not span.live:
            return
        self.guard.run(
            "span end",
            span.finish,
            end_ns,
            job=job,
            status=status,
            error_type=error_type,
            detail=detail,
        )

    # -- writing -----------------------------------------------------------------------------------

    def record(
        self,
        call: VideoCall,
        snapshot: JobSnapshot,
        *,
        now_ns: int,
        job: Job | None = None,
        span: OpenSpan | None = None,
        adopt: TraceRef | None = None,
        download: bool = False,
        failure: Failure | None = None,
        version: int | None = None,
    ) -> Recorded | None:
        """Bring an answer to the ledger and end the spans that go with it.

        `job`, `span` and `failure` are what is known of the call beside what the answer says.
        `adopt` is the trace of a job that the ledger turns out not to know. With a `version` the
        answer is only written if the row still has it.
        """
        start = self._adoptable(call, snapshot, adopt, now_ns) if adopt is not None else None
        job_span = self._job_span(job or start, snapshot, now_ns)
        seen = Observed(
            provider=call.provider,
            snapshot=snapshot,
            now_ns=now_ns,
            job_id=job.job_id if job is not None else None,
            seed=self.getrandbits(ids.SEED_BITS),
            span=_row(span, now_ns, snapshot, failure),
            job_span=job_span.record(now_ns) if job_span is not None else None,
            adopt=start,
            download=download,
            failure=failure.detail if failure is not None else None,
            version=version,
            verdicts=self._verdicts(job) if self.verdicts and job is not None else (),
        )
        return self.recorded(Answered(seen, job_span, failure), self.write(seen))

    def created(
        self,
        job: Job,
        snapshot: JobSnapshot,
        span: OpenSpan,
        now_ns: int,
        *,
        failure: Failure | None = None,
    ) -> Answered:
        """Return the answer to a create as the ledger takes it; `recorded` has to follow."""
        ends = snapshot.state in TERMINAL
        job_span = self._job_span(job, snapshot, now_ns) if ends else None
        seen = Observed(
            provider=job.provider,
            snapshot=snapshot,
            now_ns=now_ns,
            job_id=job.job_id,
            seed=self.getrandbits(ids.SEED_BITS),
            span=_row(span, now_ns, snapshot, failure),
            job_span=job_span.record(now_ns) if job_span is not None else None,
            failure=failure.detail if failure is not None else None,
            verdicts=self._verdicts(job) if self.verdicts else (),
        )
        return Answered(seen, job_span, failure)

    def write(self, seen: Observed) -> Recorded | None:
        """Write what was observed, now or as soon as it goes."""
        try:
            return self.backlog.record(seen)
        except Deferred:
            return None

    def recorded(self, answered: Answered, recorded: Recorded | None) -> Recorded | None:
        """End the span of the whole job, if the answer ended it; return what was written."""
        job_span = answered.job_span
        if job_span is not None:
            if recorded is not None and recorded.settled:
                self.finish(job_span, answered.seen.now_ns, job=recorded.job)
            else:  # another process, or an earlier answer, ended the job
                job_span.discard()
        if recorded is not None and self.limits:
            self.note_spend(recorded.job)
        return recorded

    def tell(
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

    def traced(self, verdicts: Sequence[Verdict], job: Job) -> tuple[Verdict, ...]:
        """Return what guardrails said of a job, each with its span in the job's trace."""
        return tuple(
            msgspec.structs.replace(
                one, span=self.guard.run("span of a verdict", self.tracing.judged, one, job)
            )
            for one in verdicts
        )

    def note_spend(self, job: Job) -> None:
        """Tell the limit that a job counts against, if there is one, how it stands."""
        limit = self.limits.get(job.job_id)
        if limit is not None:
            limit.note(job)
            if job.state.terminal:
                self.limits.pop(job.job_id, None)

    def drop_reservation(self, job_id: str) -> None:
        """Give back what was reserved for a create that turned out to make no job of its own."""
        limit = self.limits.pop(job_id, None)
        if limit is not None:
            limit.give_back(job_id)

    def _verdicts(self, job: Job) -> tuple[Verdict, ...]:
        return self.traced(self.verdicts.pop(job.job_id, ()), job)

    # -- inside ------------------------------------------------------------------------------------

    def _job_span(self, job: Job | None, snapshot: JobSnapshot, now_ns: int) -> OpenSpan | None:
        """Open the span of the whole job when this answer seems to end it.

        It is opened before the write, because the terminal event carries its id.
        """
        if job is None or snapshot.state not in TERMINAL or job.state in TERMINAL:
            return None
        ended = machine.advance(job, snapshot, moment(now_ns // 1000), self.rules).job
        return self.guard.run("span start", self.tracing.open_job, ended)

    def _adoptable(
        self, call: VideoCall, snapshot: JobSnapshot, trace: TraceRef, now_ns: int
    ) -> Job | None:
        """A job to start from when the ledger does not know the one that a poll shows."""
        if snapshot.provider_job_id is None or snapshot.state is None:
            return None
        return Job(
            job_id=ids.job_id(now_ns, self.getrandbits(ids.SEED_BITS)),
            provider=call.provider,
            dialect=call.dialect,
            created_at=snapshot.created_at or moment(now_ns // 1000),
            trace=trace,
            provider_job_id=snapshot.provider_job_id,
            model=snapshot.model,
            prompt_hash=call.prompt_hash,
            server_address=call.server_address,
            server_port=call.server_port,
            attribution=call.attribution,
            adopted=True,
        )


def _row(
    span: OpenSpan | None, now_ns: int, snapshot: JobSnapshot, failure: Failure | None
) -> SpanRecord | None:
    if span is None:
        return None
    if failure is None:
        return span.record(now_ns, status=snapshot.state)
    return span.record(
        end_ns=now_ns,
        status=snapshot.state,
        error_type=failure.error_type,
    )
