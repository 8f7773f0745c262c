"""An event as one line, where the terminal is narrow."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from vidobs import EventLine
from vidobs.core.calls import VideoRequest
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, JobError, JobState, Reason, TraceRef
from vidobs.core.money import Cost, CostStatus

AT = datetime(2026, 11, 20, 14, 3, 21, tzinfo=UTC)


def an_event(name=EventName.COMPLETED, **job):
    """Build an event of a job that was rendered and settled."""
    known = {
        "job_id": "job_0199f77bf40676c8aa8d95b8c037e501",
        "provider": "openai",
        "dialect": "openai",
        "model": "sora-2",
        "provider_job_id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e0678d5",
        "created_at": AT,
        "submitted_at": AT,
        "started_at": AT + timedelta(seconds=8),
        "finished_at": AT + timedelta(seconds=92),
        "state": JobState.COMPLETED,
        "request": VideoRequest(seconds=Decimal(8), size="720x1280"),
        "cost": Cost(status=CostStatus.SETTLED, usd=Decimal("0.8")),
        "trace": TraceRef(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7"),
    }
    return VideoEvent(id="e", name=name, at=AT, job=Job(**{**known, **job}))


@pytest.mark.parametrize(
    ("width", "behind"),
    [
        (
            None,
            "c037e501/video_…1e0678d5  queue 8.0s · render 84.0s · $0.80 settled · trace 4bf92f35",
        ),
        (
            130,
            "c037e501/video_…1e0678d5  queue 8.0s · render 84.0s · $0.80 settled · trace 4bf92f35",
        ),
        (110, "c037e501  queue 8.0s · render 84.0s · $0.80 settled · trace 4bf92f35"),
        (90, "c037e501  queue 8.0s · render 84.0s · $0.80 settled"),
        (70, "c037e501  $0.80 settled"),
    ],
)
def test_what_is_spared_first(width, behind):
    """The provider's id goes first, then the trace, then the times; the cost stays."""
    line = EventLine(colour=False, ascii_only=False, width=width).of(an_event())

    assert line.split("sora-2     ")[1] == behind
    assert width is None or len(line) <= width


def test_an_error_is_cut_but_never_away():
    """A long message gives way to the cost, down to its first words."""
    event = an_event(
        EventName.FAILED,
        state=JobState.FAILED,
        reason=Reason.MODERATION_OUTPUT,
        error=JobError(message="The generated video was blocked by moderation."),
    )

    lines = [EventLine(colour=False, ascii_only=True, width=width).of(event) for width in (100, 40)]

    assert len(lines[0]) == 100
    assert lines[0].endswith("moderation_output: The generated v.., $0.80 settled")
    assert lines[1].endswith("  moderation_output: The g.., $0.80 settled")
