"""The attributes of spans as exporters say them."""

import msgspec
import pytest
from exporter_kit import an_event

from vidobs import EventName, SpanRecord, span_attributes
from vidobs.core.jobs import JobState

IDS = {
    "gen_ai.provider.name": "openai",
    "vidobs.dialect": "openai",
    "server.address": "api.openai.com",
    "server.port": 443,
    "vidobs.job.id": "job_0199f77bf40676c8aa8d95b8c037e501",
    "gen_ai.response.id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801",
}
ASKED = {
    "vidobs.operation": "create",
    "vidobs.job.attempts": 1,
    "gen_ai.request.model": "sora-2",
    "user.id": "ada",
    "vidobs.tag.team": "film",
    "vidobs.request.seconds": 8.0,
    "vidobs.request.size": "720x1280",
    "vidobs.request.prompt_chars": 27,
}
FILE = {
    "vidobs.video.complete": True,
    "vidobs.video.bytes": 1_048_576,
    "vidobs.video.sha256": "ab" * 32,
    "vidobs.video.seconds": 8.0,
}


def attributes(name, event, **changes):
    """Return the attributes of a span of an event."""
    span = SpanRecord(name=name, trace_id="a" * 32, span_id="b" * 16, start_ns=1, end_ns=2)
    return span_attributes(msgspec.structs.replace(span, **changes), event.job)


def test_a_create_says_what_was_asked_for():
    """And how the job stood then; what it came to is said once, on the span of the job."""
    event = an_event(EventName.SUBMITTED)

    assert attributes("generate_content sora-2", event, status="queued") == {
        **IDS,
        **ASKED,
        "vidobs.job.state": "queued",
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "video",
        "gen_ai.response.status": "queued",
    }


def test_the_span_of_a_job_says_everything():
    """What was asked for, what came of it, and what it cost."""
    assert attributes("video_job sora-2", an_event(), status="completed") == {
        **IDS,
        **ASKED,
        **FILE,
        "vidobs.job.state": "completed",
        "vidobs.job.poll_count": 7,
        "vidobs.job.queue_s": 2.75,
        "vidobs.job.render_s": 57.0,
        "vidobs.cost.status": "settled",
        "vidobs.cost.usd": 0.8,
        "vidobs.cost.basis": "usage",
        "vidobs.video.size": "720x1280",
    }


def test_a_poll_says_how_the_job_stands():
    """And which it is."""
    event = an_event(EventName.STARTED)

    assert attributes("fetch_response", event, status="in_progress") == {
        **IDS,
        "vidobs.job.state": "in_progress",
        "gen_ai.operation.name": "fetch_response",
        "gen_ai.response.status": "in_progress",
    }


@pytest.mark.parametrize(
    ("name", "model"),
    [("download_video", {}), ("download_video sora-2", {"gen_ai.request.model": "sora-2"})],
)
def test_a_download_says_what_was_read(name, model):
    """The model where the call named one."""
    event = an_event(EventName.DOWNLOADED, state=JobState.COMPLETED)

    assert attributes(name, event) == {
        **IDS,
        **FILE,
        **model,
        "vidobs.job.state": "completed",
        "vidobs.operation": "download",
        "gen_ai.operation.name": "download_video",
    }


@pytest.mark.parametrize("name", ["download_video", "fetch_response", "generate_content sora-2"])
def test_a_failed_call_has_its_error(name):
    """And no file: what another call read is not what this one did."""
    found = attributes(name, an_event(), error_type="ReadTimeout")

    assert found["error.type"] == "ReadTimeout"
    assert not [key for key in found if key.startswith("vidobs.video.")]
