"""When a job did what, and what of that is not known; and how it is drawn."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from vidobs.cli.waterfall import Waterfall
from vidobs.core.events import TERMINAL_EVENT_OF, EventName, SpanRecord, VideoEvent
from vidobs.core.jobs import Job, JobState, Reason, TraceRef, VideoFile
from vidobs.core.phases import PhaseName, story_of

START = datetime(2026, 11, 20, 11, tzinfo=UTC)
TRACE = TraceRef("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
NOW = START + timedelta(hours=1)
Q, R, C, F = JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED, JobState.FAILED


def at(seconds: float) -> datetime:
    """Return a time after the start."""
    return START + timedelta(seconds=seconds)


def a_job(state, **times) -> Job:
    """Return a job with times in seconds after the start."""
    moments = {f"{name}_at": at(times.pop(name)) for name in list(times) if name in MOMENTS}
    return Job(
        job_id="job_019aa0b1c2d170000000000000000001",
        provider="openai",
        dialect="openai",
        created_at=START,
        trace=TRACE,
        state=state,
        **{**moments, **times},
    )


MOMENTS = ("submitted", "started", "finished")
NAMES = {Q: EventName.SUBMITTED, R: EventName.STARTED, **TERMINAL_EVENT_OF}


def seen(job, *sightings, spans=()):
    """Return events: `(seconds, state, polls so far)` each; the spans ride on the last."""
    events = [
        VideoEvent(
            id=f"e{number}",
            name=NAMES[state],
            at=at(seconds),
            job=msgspec.structs.replace(job, state=state, polls=polls),
        )
        for number, (seconds, state, polls) in enumerate(sightings)
    ]
    if events:
        events[-1] = msgspec.structs.replace(events[-1], spans=tuple(spans))
    return events


def a_span(name, start, end, span_id="1", **more) -> SpanRecord:
    """Return a span, in seconds after the start."""
    zero = int(START.timestamp()) * 10**9
    return SpanRecord(
        name=name,
        trace_id=TRACE.trace_id,
        span_id=span_id,
        start_ns=zero + int(start * 1e9),
        end_ns=zero + int(end * 1e9),
        **more,
    )


def phases(job, events, now=NOW):
    """Return each phase's times in seconds: at the earliest, certainly from, to, at the latest."""
    return {
        phase.name.value: tuple(
            round((moment - START).total_seconds(), 3)
            for moment in (phase.start, phase.sure_start, phase.sure_end, phase.end)
        )
        for phase in story_of(job, events, now).phases
    }


def test_a_border_lies_between_two_polls():
    """With a poll a second, queue and render meet somewhere in the second before it was seen."""
    job = a_job(C, submitted=1, started=11, finished=31, polls=30)
    events = seen(job, (1, Q, 0), (11, R, 10), (31, C, 30))

    assert phases(job, events) == {
        "submit": (0, 0, 1, 1),
        "queue": (1, 1, 10, 11),
        "render": (10, 11, 30, 31),
    }


def test_an_end_that_the_provider_named_is_known_to_the_second():
    """A time in whole seconds lies within that second; an exact one is exact."""
    job = a_job(C, submitted=1, started=11, finished=31.999999, polls=4)
    events = seen(job, (1, Q, 0), (11, R, 1), (40, C, 4))
    exact = msgspec.structs.replace(job, finished_at=at(31.5))

    assert phases(job, events)["render"] == (1, 11, 31, 32)
    assert phases(exact, events)["render"] == (1, 11, 31.5, 31.5)


def test_a_job_that_was_never_seen_rendering():
    """Where no poll said `in_progress`, the border lies anywhere before the end."""
    job = a_job(C, submitted=1, finished=20.5, polls=2)
    events = seen(job, (1, Q, 0), (25, C, 1))

    assert phases(job, events) == {
        "submit": (0, 0, 1, 1),
        "queue": (1, 1, 1, 20.5),
        "render": (1, 20.5, 20.5, 20.5),
    }


def test_a_job_that_failed_in_the_queue_did_not_render():
    """Nobody saw it render and there is no video: the failure is the queue's."""
    job = a_job(F, submitted=1, finished=5, reason=Reason.PROVIDER_ERROR)
    (_, queue) = story_of(job, seen(job, (1, Q, 0), (5, F, 3)), NOW).phases

    assert (queue.name, queue.failed, queue.open) == (PhaseName.QUEUE, True, False)


def test_a_create_that_was_refused_has_one_phase():
    """Nothing was accepted: only the request is there, and it failed."""
    job = a_job(F, finished=0.4)
    create = a_span("generate_content sora-2", 0, 0.4, TRACE.span_id, error_type="BadRequestError")
    (submit,) = story_of(job, seen(job, (0.4, F, 0), spans=[create]), NOW).phases

    assert (submit.failed, submit.error_type, submit.most_s) == (True, "BadRequestError", 0.4)


@pytest.mark.parametrize(
    ("job", "sightings", "last"),
    [
        (a_job(JobState.SUBMITTING), (), ("submit", (0, 0, 3600, 3600))),
        (a_job(Q, submitted=1), ((1, Q, 0),), ("queue", (1, 1, 1, 3600))),
        (a_job(R, submitted=1, started=9), ((1, Q, 0), (9, R, 1)), ("render", (1, 9, 9, 3600))),
    ],
    ids=["submitting", "queued", "in_progress"],
)
def test_what_goes_on_goes_on_until_now(job, sightings, last):
    """The last phase is open, and certain only as far as an answer said so."""
    story = story_of(job, seen(job, *sightings), NOW)

    assert list(phases(job, seen(job, *sightings)).items())[-1] == last
    assert [phase.open for phase in story.phases][-1]


def test_a_create_whose_answer_nobody_saw():
    """A job of unknown outcome shows the request, as failed, and nothing that is not known."""
    job = a_job(JobState.UNKNOWN)
    create = a_span("generate_content", 0, 30, TRACE.span_id, error_type="APITimeoutError")
    event = VideoEvent(id="e", name=EventName.UNKNOWN, at=at(30), job=job, spans=(create,))
    (submit,) = story_of(job, [event], NOW).phases

    assert (submit.failed, submit.open, submit.most_s) == (True, False, 30)


def test_an_adopted_job_has_no_submit():
    """A job that was created elsewhere begins in the queue."""
    job = a_job(R, submitted=0, started=5, adopted=True)

    assert list(phases(job, seen(job, (5, R, 1)))) == ["queue", "render"]


def test_downloads_and_polls_come_from_their_spans():
    """Each download is a phase of its own with its file; each recorded poll has its place."""
    job = a_job(C, submitted=1, started=2, finished=9, polls=5)
    half = VideoFile(size_bytes=10, complete=False)
    spans = [
        a_span("fetch_response", 3, 3.5, "p1", status="in_progress"),
        a_span("fetch_response", 8, 9, "p2", error_type="APITimeoutError"),
        a_span("download_video sora-2", 10, 12, "d1"),
    ]
    ended = seen(job, (1, Q, 0), (2, R, 1), (9, C, 5), spans=spans[:2])
    read = VideoEvent(
        id="d",
        name=EventName.DOWNLOADED,
        at=at(12),
        job=msgspec.structs.replace(job, file=half),
        spans=spans[2:],
    )

    story = story_of(job, [*ended, read], NOW)

    assert [(poll.at, poll.error_type) for poll in story.polls] == [
        (at(3.5), None),
        (at(9), "APITimeoutError"),
    ]
    download = story.phases[-1]
    assert (download.name, download.most_s, download.failed) == (PhaseName.DOWNLOAD, 2, True)
    assert download.file == half
    assert story.end == at(9)


TIMES = st.floats(0, 1e6)


@settings(deadline=None)  # a machine may be busy
@given(
    st.sampled_from(JobState),
    st.fixed_dictionaries({}, optional=dict.fromkeys(MOMENTS, TIMES)),
    st.lists(st.tuples(TIMES, st.sampled_from([Q, R, C, F]), st.integers(0, 99)), max_size=6),
    st.sampled_from([20, 80, 120, 300]),
)
def test_no_clock_can_break_the_picture(state, times, sightings, width):
    """Whatever times the machines claim: phases never end before they begin, and lines fit."""
    job = a_job(state, **times)
    story = story_of(job, seen(job, *sorted(sightings)), NOW + timedelta(days=20))

    for phase in story.phases:
        assert phase.start <= phase.end
        assert phase.least_s <= phase.most_s
    assert all(len(line) <= max(width, 60) for line in drawn(job, story, width))


def drawn(job, story, width=80):
    """Return the lines of the picture."""
    console = Console(width=width, color_system=None)
    with console.capture() as shown:
        console.print(Waterfall(job, story))
    return [line.rstrip() for line in shown.get().splitlines()]


def test_a_late_download_does_not_squeeze_the_rest():
    """What was read hours later is named with its distance; the scale stays that of the making."""
    job = a_job(C, submitted=1, started=20, finished=80, polls=2)
    spans = [a_span("download_video", 7300, 7302, "d1")]
    events = seen(job, (1, Q, 0), (20, R, 1), (80, C, 2), spans=spans)

    lines = drawn(job, story_of(job, events, NOW))

    assert lines[0].split() == ["0", "30", "s", "1m"]
    assert lines[-1].split() == ["download", "»", "2.00", "s", "2h", "01m", "later"]


@pytest.mark.parametrize(
    ("seconds", "marks"),
    [
        (0.02, "0 0.005 s 0.01 s 0.015 s 0.02 s"),
        (4, "0 1 s 2 s 3 s 4 s"),
        (50, "0 15 s 30 s 45 s"),
        (200, "0 1m 2m 3m"),
        (5000, "0 30m 1h"),
        (90_000, "0 12h 1d"),
        (3_000_000, "0 9d 18d 27d"),
    ],
)
def test_the_scale_has_round_marks(seconds, marks):
    """Marks are round in the unit that people use for such a time, and there are a few of them."""
    job = a_job(Q, submitted=0)
    story = story_of(job, seen(job, (0, Q, 0)), at(seconds))

    assert " ".join(drawn(job, story)[0].split()) == marks
