"""The job's state machine: what an answer changes, and which events that causes.

Pure: `(job, snapshot, now) -> Advance`. Terminal states are sticky, progress never falls, an
unknown raw status keeps the last state, and however often and in whatever order answers arrive a
job gets at most one terminal event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vidobs.core import billing
from vidobs.core.calls import Operation, VideoRequest
from vidobs.core.delivered import mismatch
from vidobs.core.events import TERMINAL_EVENT_OF, EventName
from vidobs.core.jobs import TERMINAL, AssetState, Job, JobSnapshot, JobState, Reason, VideoFile
from vidobs.core.money import CostStatus
from vidobs.core.policies import BillingPolicy
from vidobs.core.prices import PriceBook

PROGRESS_STEP = 10  # per cent; smaller steps are seen but neither written nor exported
_NOT_WORTH_A_WRITE = frozenset({"polls", "progress", "raw_status"})

# Members of an enum by plain names: asking the class costs more than the comparison.
_UNKNOWN, _STARTED, _FAILED = JobState.UNKNOWN, JobState.IN_PROGRESS, JobState.FAILED
_SUBMITTED = EventName.SUBMITTED
_RUNNING = (JobState.QUEUED, JobState.IN_PROGRESS)
_NO_FILE = VideoFile()
_WITHIN_SECOND = timedelta(microseconds=999_999)

_ORDER = {
    JobState.SUBMITTING: 0,
    JobState.UNKNOWN: 1,
    JobState.QUEUED: 2,
    JobState.IN_PROGRESS: 3,
    JobState.COMPLETED: 4,
    JobState.FAILED: 4,
    JobState.CANCELLED: 4,
    JobState.EXPIRED: 4,
}


class Rules(msgspec.Struct, frozen=True):
    """What money needs to know: the prices and each provider's billing policy."""

    book: PriceBook
    policies: Mapping[str, BillingPolicy]


class Advance(msgspec.Struct, frozen=True, gc=False):
    """The job after an answer, and the events it caused, oldest first."""

    job: Job
    events: tuple[EventName, ...] = ()
    changed: bool = False  # there is something to write
    settled: bool = False  # the cost became final in this step
    adjusted: bool = False  # a final cost was corrected by better evidence


def advance(job: Job, snapshot: JobSnapshot, now: datetime, rules: Rules) -> Advance:
    """Return the job as it stands after `snapshot`, seen at `now` (aware UTC)."""
    target = _target(job.state, snapshot)
    changes = _facts(job, snapshot)
    if _stale(job, snapshot.state, target):
        changes.pop("raw_status", None)
        changes.pop("error", None)
    events: list[EventName] = []
    if target is not job.state:
        changes["state"] = target
        _enter(job, snapshot, target, now=now, changes=changes, events=events)
    elif _new_tenth(job, changes):
        events.append(EventName.PROGRESS)
    if "file" in changes:
        events.append(EventName.THUMBNAIL)
    if not (events or _worth_a_write(snapshot, changes)):
        return Advance(job)
    if target is job.state:
        return _corrected(msgspec.structs.replace(job, **changes), job, events, rules)
    if _as_quoted(job, target, changes):
        changes["cost"] = billing.reserve(job.cost)
        return Advance(msgspec.structs.replace(job, **changes), tuple(events), changed=True)
    return _priced(msgspec.structs.replace(job, **changes), events, rules)


def _worth_a_write(snapshot: JobSnapshot, changes: dict[str, Any]) -> bool:
    """Whether an answer that causes no event is written all the same."""
    new_word = snapshot.state is None and "raw_status" in changes
    return new_word or not changes.keys() <= _NOT_WORTH_A_WRITE


def downloaded(job: Job, snapshot: JobSnapshot, rules: Rules) -> Advance:
    """Return the job after an asset was read; a truncated read does not count as downloaded."""
    complete = snapshot.file is None or snapshot.file.complete
    changes: dict[str, Any] = {}
    if snapshot.file is not None:
        file = snapshot.file if complete else _with_what_is_known(snapshot.file, job)
        changes["file"] = msgspec.structs.replace(file, thumbnail=_file(job).thumbnail)
    if complete and snapshot.file is not None:
        changes["asset"] = AssetState.DOWNLOADED
    moved = msgspec.structs.replace(job, **changes)
    events = [EventName.DOWNLOADED]
    if mismatch(moved) not in (None, mismatch(job)):
        events.append(EventName.MISMATCH)
    return _corrected(moved, job, events, rules)


def delivered(job: Job, snapshot: JobSnapshot, now: datetime, rules: Rules) -> Advance:
    """Return the job after its whole video was read: nobody has to ask any more how it ended."""
    ended = advance(job, JobSnapshot(state=JobState.COMPLETED), now, rules)
    read = downloaded(ended.job, snapshot, rules)
    return msgspec.structs.replace(
        read, events=(*ended.events, *read.events), settled=ended.settled
    )


def cut_off(job: Job, snapshot: JobSnapshot, rules: Rules) -> Advance:
    """Return the job after reading an asset raised: what came until then, and no event of its own.

    `snapshot.file` is that part of the file, not complete.
    """
    return msgspec.structs.replace(downloaded(job, snapshot, rules), events=())


def _with_what_is_known(part: VideoFile, job: Job) -> VideoFile:
    """Return what was read of a file, with what was learnt from the whole file before."""
    whole = job.file or part
    return msgspec.structs.replace(
        part,
        seconds=whole.seconds,
        size=whole.size,
        fps=whole.fps,
        audio=whole.audio,
        codec=whole.codec,
    )


def _file(job: Job) -> VideoFile:
    return job.file or _NO_FILE


def _target(current: JobState, snapshot: JobSnapshot) -> JobState:
    """The state to be in: never backwards, never out of a terminal state."""
    seen = snapshot.state
    if seen is None and snapshot.provider_job_id:
        seen = JobState.QUEUED  # an id was given: accepted, whatever the status is called
    if seen is None or current in TERMINAL or _ORDER[seen] < _ORDER[current]:
        return current
    return seen


def _stale(job: Job, seen: JobState | None, target: JobState) -> bool:
    """Whether the answer is older than what is known: its word and its error say nothing."""
    return seen is not target and (seen is not None or job.state.terminal)


def _facts(job: Job, snapshot: JobSnapshot) -> dict[str, Any]:
    """Everything new in the snapshot besides the state."""
    changes = _words(job, snapshot)
    if snapshot.progress is not None and snapshot.progress > (job.progress or 0):
        changes["progress"] = snapshot.progress
    if snapshot.model is not None and snapshot.model not in (job.model, job.served_model):
        changes["served_model" if job.model else "model"] = snapshot.model
    if snapshot.request is not None and (merged := _merge(job, snapshot.request)) is not None:
        changes["request"] = merged
    if snapshot.attempts is not None and snapshot.attempts != job.attempts:
        changes["attempts"] = snapshot.attempts
    if snapshot.asset is not None and _moves(job.asset, snapshot.asset):
        changes["asset"] = snapshot.asset
    if snapshot.thumbnail is not None and snapshot.thumbnail != _file(job).thumbnail:
        changes["file"] = msgspec.structs.replace(_file(job), thumbnail=snapshot.thumbnail)
    if snapshot.polls:
        changes["polls"] = job.polls + snapshot.polls
    return changes


def _moves(current: AssetState, seen: AssetState) -> bool:
    """Whether a file is in another state now; only one that was there and unread can expire."""
    if seen is AssetState.EXPIRED:
        return current is AssetState.AVAILABLE
    return seen is not current


def _words(job: Job, snapshot: JobSnapshot) -> dict[str, Any]:
    """What the snapshot says as it is, and says anew. One by one: a loop over names takes twice."""
    changes: dict[str, Any] = {}
    if (said := snapshot.provider_job_id) is not None and said != job.provider_job_id:
        changes["provider_job_id"] = said
    if (word := snapshot.raw_status) is not None and word != job.raw_status:
        changes["raw_status"] = word
    if (until := snapshot.expires_at) is not None and until != job.expires_at:
        changes["expires_at"] = until
    if (error := snapshot.error) is not None and error != job.error:
        changes["error"] = error
    if (parent := snapshot.parent_id) is not None and parent != job.parent_id:
        changes["parent_id"] = parent
    if (usage := snapshot.usage) is not None and usage != job.usage:
        changes["usage"] = usage
    return changes


def _merge(job: Job, seen: VideoRequest) -> VideoRequest | None:
    """What was asked for, corrected by what the provider will make; `None` if that is the same."""
    asked = job.request
    # The answer to an extension gives the length of old and new together; only the new is billed.
    keep_seconds = seen.seconds is None or job.operation is Operation.EXTEND
    seconds = asked.seconds if keep_seconds else seen.seconds
    size = seen.size or asked.size
    fps = seen.fps if seen.fps is not None else asked.fps
    chars = asked.prompt_chars if asked.prompt_chars is not None else seen.prompt_chars
    if (seconds, size, fps, chars) == (asked.seconds, asked.size, asked.fps, asked.prompt_chars):
        return None
    return msgspec.structs.replace(asked, seconds=seconds, size=size, fps=fps, prompt_chars=chars)


def _enter(
    job: Job,
    snapshot: JobSnapshot,
    target: JobState,
    *,
    now: datetime,
    changes: dict[str, Any],
    events: list[EventName],
) -> None:
    """Record times, reason and events of the step from `job.state` to `target`."""
    if target is _UNKNOWN:
        events.append(EventName.UNKNOWN)
        return
    known = snapshot.provider_job_id or job.provider_job_id
    accepted = target is not _FAILED or known  # a create may fail by being refused
    if job.submitted_at is None and accepted:
        changes["submitted_at"] = job.created_at if job.adopted else now
        events.append(_SUBMITTED)
    if target is _STARTED:
        changes["started_at"] = now
        events.append(EventName.STARTED)
    if target in TERMINAL:
        _finish(snapshot, target, now=now, start=job.created_at, changes=changes)
        if changes.get("reason") is Reason.BUDGET:
            events.append(EventName.BUDGET_EXCEEDED)
        events.append(TERMINAL_EVENT_OF[target])


def _finish(
    snapshot: JobSnapshot,
    target: JobState,
    *,
    now: datetime,
    start: datetime,
    changes: dict[str, Any],
) -> None:
    """The facts of the end. The provider's clock is held between the start and now."""
    changes["finished_at"] = min(max(_end_of_second(snapshot.finished_at or now), start), now)
    if target is JobState.COMPLETED:
        changes["progress"] = 100
        changes["asset"] = snapshot.asset or AssetState.AVAILABLE
    if target is JobState.FAILED:
        changes["reason"] = snapshot.reason or Reason.PROVIDER_ERROR


def _end_of_second(moment: datetime) -> datetime:
    """A provider's time in whole seconds was cut: the job ended within that second."""
    return moment if moment.microsecond else moment + _WITHIN_SECOND


def _new_tenth(job: Job, changes: dict[str, Any]) -> bool:
    if "progress" not in changes or job.state not in _RUNNING:
        return False
    return bool(changes["progress"] // PROGRESS_STEP > (job.progress or 0) // PROGRESS_STEP)


def _as_quoted(job: Job, target: JobState, changes: dict[str, Any]) -> bool:
    """Whether an accepted job is held at its quote: nothing that this rests on has changed."""
    unchanged = "request" not in changes and "model" not in changes
    return target in _RUNNING and unchanged and job.cost.status is CostStatus.QUOTED


def _priced(job: Job, events: list[EventName], rules: Rules) -> Advance:
    """Move the money along with the state."""
    if job.state is JobState.UNKNOWN:
        cost = billing.ambiguous(job.cost)
    elif job.state.terminal:
        cost = billing.end(job, rules.book, rules.policies)
    else:
        quote = billing.quote(
            job.provider, job.model, job.request, rules.book, operation=job.operation
        )
        cost = billing.reserve(quote, held=job.cost)
    moved = msgspec.structs.replace(job, cost=cost)
    return Advance(moved, tuple(events), changed=True, settled=job.state.terminal)


def _corrected(job: Job, before: Job, events: list[EventName], rules: Rules) -> Advance:
    """Let better evidence correct a settled cost."""
    if not (job.state.terminal and (job.usage != before.usage or job.file != before.file)):
        return Advance(job, tuple(events), changed=True)
    cost = billing.adjust(job, rules.book)
    if cost is None:
        return Advance(job, tuple(events), changed=True)
    moved = msgspec.structs.replace(job, cost=cost)
    return Advance(moved, tuple(events), changed=True, adjusted=True)
