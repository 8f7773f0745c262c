"""What an answer makes of a job: the step of the state machine, and the events to write. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core import ids, machine, notices, verdicts
from vidobs.core.delivered import mismatch
from vidobs.core.events import TERMINAL_EVENTS, EventName, VideoEvent
from vidobs.core.jobs import JobState
from vidobs.ledger import codec

if TYPE_CHECKING:
    from vidobs.core.jobs import Job
    from vidobs.core.machine import Advance, Rules
    from vidobs.core.protocols import Observed

_MISMATCH = EventName.MISMATCH
MOST_EVENTS = 8  # that one step can cause; their ids lie so close together


def take(job: Job, seen: Observed, rules: Rules) -> Advance:
    """Return the job after what was seen."""
    if seen.notice is not None:
        step = notices.noticed(job, seen.notice)
    elif seen.download:
        step = _read(job, seen, rules)
    else:
        step = machine.advance(job, seen.snapshot, codec.moment(seen.now_ns // 1000), rules)
    if not seen.verdicts:
        return step
    return msgspec.structs.replace(step, job=verdicts.judged(step.job, seen.verdicts), changed=True)


def _read(job: Job, seen: Observed, rules: Rules) -> Advance:
    if seen.failure is not None:
        return machine.cut_off(job, seen.snapshot, rules)
    if seen.snapshot.state is JobState.COMPLETED:
        return machine.delivered(job, seen.snapshot, codec.moment(seen.now_ns // 1000), rules)
    return machine.downloaded(job, seen.snapshot, rules)


def events_of(step: Advance, seen: Observed) -> tuple[VideoEvent, ...]:
    """Make the events of a step. The spans ride on the last one, the job span on the terminal.

    Verdicts of guardrails come first, each with its own span. What an event says besides the job is
    why the call raised, or what does not match.
    """
    names = step.events
    if not names and seen.failure is not None:
        names = (EventName.CALL_FAILED,)
    made = _verdicts(step, seen) if seen.verdicts else []
    if not names:
        return tuple(made)
    at, job_span = codec.moment(seen.now_ns // 1000), seen.job_span
    seed, last = seen.seed + len(made), len(names) - 1
    for place, name in enumerate(names):
        spans = (seen.span,) if place == last and seen.span is not None else ()
        if job_span is not None and name in TERMINAL_EVENTS:
            spans = (*spans, job_span)
        detail = seen.failure if place == last else None
        made.append(
            VideoEvent(
                id=ids.event_id(seen.now_ns, seed + place),
                name=name,
                at=at,
                job=step.job,
                spans=spans,
                detail=mismatch(step.job) if name is _MISMATCH else detail,
            )
        )
    return tuple(made)


def _verdicts(step: Advance, seen: Observed) -> list[VideoEvent]:
    return [
        VideoEvent(
            id=ids.event_id(seen.now_ns, seen.seed + place),
            name=verdict.event,
            at=codec.moment(verdict.end_ns // 1000),
            job=step.job,
            spans=() if verdict.span is None else (verdict.span,),
            detail=verdict.detail,
        )
        for place, verdict in enumerate(seen.verdicts)
    ]


def as_created_here(adopted: Job, intent: Job) -> Job:
    """Return a job that a poll saw before the create's answer was written, with what it lacked."""
    return msgspec.structs.replace(
        adopted,
        created_at=intent.created_at,
        operation=intent.operation,
        trace=intent.trace,
        adopted=False,
        request_hash=intent.request_hash,
        idempotency_key=intent.idempotency_key,
        attribution=intent.attribution,
        prompt=intent.prompt,
    )
