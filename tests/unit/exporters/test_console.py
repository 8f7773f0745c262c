"""Events on a terminal."""

import io
import re
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from vidobs import EventName, Job, JobState, VideoEvent
from vidobs.core.calls import VideoRequest
from vidobs.core.jobs import JobError, Reason, TraceRef, VideoFile
from vidobs.core.money import Cost, CostStatus
from vidobs_exporters.console import ConsoleExporter

AT = datetime(2026, 11, 20, 14, 3, 21, tzinfo=UTC)


def an_event(name=EventName.COMPLETED, number=1, detail=None, **job):
    """Build an event of the job `number`."""
    known = {
        "job_id": f"job_0199f77bf40676c8aa8d95b8c037e5{number:02}",
        "provider": "openai",
        "dialect": "openai",
        "model": "sora-2",
        "provider_job_id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5",
        "created_at": AT,
        "trace": TraceRef(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7"),
    }
    job = Job(**{**known, **job})
    return VideoEvent(id=f"event-{number}", name=name, at=AT, job=job, detail=detail)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch):
    """Run in UTC, on a terminal that can do colours."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    yield
    monkeypatch.undo()
    time.tzset()


def shown(*events, stream=None):
    """Return what the console shows of some events."""
    stream = stream or io.StringIO()
    ConsoleExporter(stream=stream).export(events)
    return stream.getvalue().splitlines()


def cost(status, usd, possible=None):
    """Build a cost."""
    return Cost(
        status=status,
        usd=None if usd is None else Decimal(usd),
        possible_usd=None if possible is None else Decimal(possible),
    )


SECONDS_APART = [AT.replace(second=second) for second in range(60)]

LINES = [
    (
        an_event(
            EventName.SUBMITTED,
            state=JobState.QUEUED,
            request=VideoRequest(seconds=Decimal("8.0"), size="720x1280"),
            cost=cost(CostStatus.RESERVED, "0.800000000"),
        ),
        (
            "14:03:21 ○ video.submitted  sora-2     c037e501/video_…1e0678d5"
            "  8s 720x1280 · $0.80 reserved · trace 4bf92f35"
        ),
    ),
    (
        an_event(
            EventName.STARTED,
            state=JobState.IN_PROGRESS,
            submitted_at=SECONDS_APART[1],
            started_at=SECONDS_APART[3],
            cost=cost(CostStatus.RESERVED, "0.80"),
        ),
        (
            "14:03:21 ▶ video.started    sora-2     c037e501/video_…1e0678d5"
            "  queue 2.0s · $0.80 reserved · trace 4bf92f35"
        ),
    ),
    (
        an_event(EventName.PROGRESS, state=JobState.IN_PROGRESS, progress=40, provider_job_id="v1"),
        "14:03:21 · video.progress   sora-2     c037e501/v1  40 % · trace 4bf92f35",
    ),
    (
        an_event(
            EventName.COMPLETED,
            state=JobState.COMPLETED,
            served_model="sora-2-2025-10-06",
            submitted_at=SECONDS_APART[1],
            started_at=SECONDS_APART[3],
            finished_at=SECONDS_APART[44],
            cost=cost(CostStatus.SETTLED, "0.000123"),
        ),
        (
            "14:03:21 ✓ video.completed  sora-2     c037e501/video_…1e0678d5"
            "  queue 2.0s · render 41.0s · $0.000123 settled · trace 4bf92f35"
        ),
    ),
    (
        an_event(
            EventName.FAILED,
            state=JobState.FAILED,
            reason=Reason.MODERATION_OUTPUT,
            error=JobError(code="moderation_blocked", message="The video was withheld"),
            cost=cost(CostStatus.RELEASED, "0", possible="0.80"),
        ),
        (
            "14:03:21 ✗ video.failed     sora-2     c037e501/video_…1e0678d5"
            "  moderation_output: The video was withheld"
            " · $0.00 released (possibly $0.80) · trace 4bf92f35"
        ),
    ),
    (
        an_event(
            EventName.UNKNOWN,
            detail="APITimeoutError: Request timed out.",
            model=None,
            provider_job_id=None,
            state=JobState.UNKNOWN,
            cost=cost(CostStatus.UNKNOWN, None, possible="0.80"),
        ),
        (
            "14:03:21 ? video.unknown    -          c037e501"
            "  APITimeoutError: Request timed out."
            " · cost unknown (possibly $0.80) · trace 4bf92f35"
        ),
    ),
    (
        an_event(
            EventName.DOWNLOADED,
            state=JobState.COMPLETED,
            file=VideoFile(size_bytes=1_234_567, complete=False),
        ),
        (
            "14:03:21 ↓ video.downloaded sora-2     c037e501/video_…1e0678d5"
            "  1.2 MB · incomplete · cost unknown · trace 4bf92f35"
        ),
    ),
    (
        an_event(
            EventName.THUMBNAIL, state=JobState.COMPLETED, file=VideoFile(thumbnail="job_1.jpg")
        ),
        (
            "14:03:21 ▣ video.thumbnail  sora-2     c037e501/video_…1e0678d5"
            "  job_1.jpg · cost unknown · trace 4bf92f35"
        ),
    ),
    (
        an_event(EventName.CALL_FAILED, detail="RateLimitError: slow down", state=JobState.QUEUED),
        (
            "14:03:21 ✗ call.failed      sora-2     c037e501/video_…1e0678d5"
            "  RateLimitError: slow down · trace 4bf92f35"
        ),
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES, ids=[event.name for event, _ in LINES])
def test_the_console_shows_what_matters(event, line):
    """Each kind of event has its facts, in one plain line where there are no colours."""
    assert shown(event) == [line]


def test_a_terminal_gets_colours():
    """The state can be seen from afar; without the colours the line is the same."""
    event, line = LINES[3]

    [coloured] = shown(event, stream=Terminal())

    assert "\x1b[32m✓\x1b[0m \x1b[1m\x1b[32mvideo.completed " in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == line


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_refused(monkeypatch, variable):
    """NO_COLOR and dumb terminals are respected."""
    monkeypatch.setenv(*variable)
    event, line = LINES[0]

    assert shown(event, stream=Terminal()) == [line]


def test_a_terminal_without_unicode_gets_ascii():
    """Where a glyph cannot be written, a letter stands for it and the rest is escaped."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    ConsoleExporter(stream=stream).export([LINES[4][0], an_event(model="ső-2")])

    assert raw.getvalue().decode("ascii").splitlines() == [
        (
            "14:03:21 x video.failed     sora-2     c037e501/video_..1e0678d5"
            "  moderation_output: The video was withheld,"
            " $0.00 released (possibly $0.80), trace 4bf92f35"
        ),
        "14:03:21 + video.completed  s\\u0151-2       c037e501/video_..1e0678d5  trace 4bf92f35",
    ]


def test_long_messages_are_cut():
    """A page of error text does not flood the terminal."""
    event = an_event(EventName.FAILED, error=JobError(message="no " * 500))

    [line] = shown(event)

    assert line.count("no ") < 70
    assert "..." in line


def test_a_process_without_a_console_shows_nothing(monkeypatch):
    """Where there is no stderr at all, nothing happens."""
    monkeypatch.setattr(sys, "stderr", None)

    ConsoleExporter().export([an_event()])
