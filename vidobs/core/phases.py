"""A job's life in phases, with what is not known of their borders. Pure.

Nobody is told when rendering begins: a poll says `queued`, a later one `in_progress`, and the
border lies somewhere between them. Polls that changed nothing are only counted, so that the last of
them is placed by their mean distance.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import TERMINAL_EVENTS, EventName, spans_of
from vidobs.core.jobs import JobState, VideoFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs.core.events import SpanRecord, VideoEvent
    from vidobs.core.jobs import Job

_WITHIN_SECOND = timedelta(microseconds=999_999)  # see `core.machine`: a time in whole seconds
_ANSWERS = frozenset({EventName.SUBMITTED, EventName.STARTED, EventName.PROGRESS}) | TERMINAL_EVENTS
_POLL = "fetch_response"
_DOWNLOAD = "download_video"


class PhaseName(StrEnum):
    """The phases, in their order."""

    SUBMIT = "submit"  # the create, from the request to the answer
    QUEUE = "queue"  # accepted, not rendering
    RENDER = "render"
    DOWNLOAD = "download"


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase: at the earliest from `start`, at the latest to `end`, certainly between the others.

    Where `sure_start` is not before `sure_end`, no moment of it is certain.
    """

    name: PhaseName
    start: datetime
    sure_start: datetime
    sure_end: datetime
    end: datetime
    estimated: bool = False  # a border was placed by the mean distance of polls
    open: bool = False  # it goes on
    failed: bool = False
    file: VideoFile | None = None  # what a download brought
    error_type: str | None = None

    @property
    def least_s(self) -> float:
        """How long it took at least."""
        return max(0.0, (self.sure_end - self.sure_start).total_seconds())

    @property
    def most_s(self) -> float:
        """How long it took at most."""
        return max(0.0, (self.end - self.start).total_seconds())


class Poll(msgspec.Struct, frozen=True):
    """A poll that was worth recording."""

    at: datetime
    status: str | None = None
    error_type: str | None = None


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of when things happened."""

    start: datetime
    phases: tuple[Phase, ...]
    polls: tuple[Poll, ...]

    @property
    def end(self) -> datetime:
        """When the last thing happened that belongs to the making of the video."""
        made = [phase.end for phase in self.phases if phase.name is not PhaseName.DOWNLOAD]
        return max([self.start, *made, *(poll.at for poll in self.polls)])


def story_of(job: Job, events: Sequence[VideoEvent], now: datetime) -> Story:
    """Tell the story of a job from its events, the oldest first; `now` ends what goes on."""
    spans = spans_of(events)
    phases = [*_submit(job, spans, now), *_made(job, _Sightings(job, events), now)]
    polls = tuple(
        Poll(_at(span.end_ns), span.status, span.error_type)
        for span in spans
        if span.name.startswith(_POLL)
    )
    downloads = _downloads(spans, events)
    return Story(start=job.created_at, phases=(*phases, *downloads), polls=polls)


class _Sightings:
    """What the answers said of the job's state, and when."""

    def __init__(self, job: Job, events: Sequence[VideoEvent]) -> None:
        self._first = job.submitted_at or job.created_at
        self._seen = [event for event in events if event.name in _ANSWERS]

    @property
    def last(self) -> datetime:
        """When the job was seen last."""
        return max((event.at for event in self._seen), default=self._first)

    @property
    def ended(self) -> datetime | None:
        """When the job was first seen to have ended."""
        return next((event.at for event in self._seen if event.name.terminal), None)

    def before(self, moment: datetime) -> tuple[datetime, bool]:
        """Return when the answer before that of `moment` came, and whether that is an estimate."""
        earlier = [event for event in self._seen if event.at < moment]
        known = max(earlier[-1].at, self._first) if earlier else self._first
        polls = earlier[-1].job.polls if earlier else 0
        here = next((event.job.polls for event in self._seen if event.at >= moment), 0)
        if here - polls > 1:
            return moment - (moment - known) / (here - polls), True
        return known, False


def _submit(job: Job, spans: Sequence[SpanRecord], now: datetime) -> Iterator[Phase]:
    create = next((span for span in spans if span.span_id == job.trace.span_id), None)
    end = job.submitted_at
    error_type = None
    if create is not None:
        end, error_type = _at(create.end_ns), create.error_type
    elif job.adopted:  # created where nobody watched
        return
    going_on = job.state is JobState.SUBMITTING
    end = now if going_on else end or job.finished_at or job.created_at
    yield Phase(
        name=PhaseName.SUBMIT,
        start=job.created_at,
        sure_start=job.created_at,
        sure_end=end,
        end=end,
        open=going_on,
        failed=error_type is not None or (job.submitted_at is None and not going_on),
        error_type=error_type,
    )


def _made(job: Job, seen: _Sightings, now: datetime) -> Iterator[Phase]:
    """Yield queue and render, as far as the job came."""
    accepted = job.submitted_at
    if accepted is None:
        return
    left_queue = job.started_at or job.finished_at
    last_queued, estimated = (seen.last, False) if left_queue is None else seen.before(left_queue)
    rendered = job.started_at is not None or job.state is JobState.COMPLETED
    yield _ordered(
        name=PhaseName.QUEUE,
        start=accepted,
        sure_start=accepted,
        sure_end=last_queued,
        end=left_queue or now,
        estimated=estimated,
        open=left_queue is None,
        failed=not rendered and job.state.terminal,
    )
    if not rendered:
        return
    finished = job.finished_at
    sure_end, guessed = (seen.last, False) if finished is None else _sure_end(job, seen, finished)
    yield _ordered(
        name=PhaseName.RENDER,
        start=min(last_queued, left_queue or now),
        sure_start=job.started_at or finished or now,
        sure_end=sure_end,
        end=finished or now,
        estimated=estimated or guessed,
        open=finished is None,
        failed=job.state.terminal and job.state is not JobState.COMPLETED,
    )


def _sure_end(job: Job, seen: _Sightings, finished: datetime) -> tuple[datetime, bool]:
    """Return until when it certainly rendered, and whether that is an estimate."""
    ended = seen.ended
    if ended is not None and finished < ended:  # the provider named the time
        whole_second = finished.microsecond == _WITHIN_SECOND.microseconds
        return (finished - _WITHIN_SECOND if whole_second else finished), False
    return seen.before(ended or finished) if job.started_at is not None else (finished, False)


def _ordered(**fields: object) -> Phase:
    """Return a phase whose times do not overtake each other, as clocks of two machines may."""
    phase = Phase(**fields)  # type: ignore[arg-type]  # passed on as they came
    end = max(phase.start, phase.end)
    return msgspec.structs.replace(
        phase,
        sure_start=min(max(phase.sure_start, phase.start), end),
        sure_end=min(max(phase.sure_end, phase.start), end),
        end=end,
    )


def _downloads(spans: Sequence[SpanRecord], events: Sequence[VideoEvent]) -> Iterator[Phase]:
    brought = {
        span.span_id: event.job.file
        for event in events
        if event.name is EventName.DOWNLOADED
        for span in event.spans
    }
    for span in spans:
        if not span.name.startswith(_DOWNLOAD):
            continue
        start, end = _at(span.start_ns), _at(span.end_ns)
        file = brought.get(span.span_id)
        yield Phase(
            name=PhaseName.DOWNLOAD,
            start=start,
            sure_start=start,
            sure_end=end,
            end=end,
            failed=span.error_type is not None or (file is not None and not file.complete),
            file=file,
            error_type=span.error_type,
        )


def _at(ns: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=ns // 1000)
