"""Events as logs for Datadog's intake."""

import json

import pytest
from datadog_kit import KEY, MB, LogsIntake
from exporter_kit import AT, EVIL, an_event, every_event
from hypothesis import given
from hypothesis import strategies as st

from vidobs import EventName, ExportError
from vidobs_exporters.datadog import DatadogExporter
from vidobs_exporters.datadog.logs import entry, parts
from vidobs_exporters.datadog.names import Unified

STUDIO = Unified("studio", "prod", "4.1")
FAILED = {
    "ddsource": "vidobs",
    "ddtags": (
        "env:prod,service:studio,version:4.1,event:video.failed,provider:openai,model:sora-2,"
        "state:failed,reason:provider_error"
    ),
    "service": "studio",
    "status": "warn",
    "message": (
        "video.failed sora-2 video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801 provider_error"
    ),
    "timestamp": 1795183461000,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4701",
    "span_id": "00f067aa0ba90201",
    "dd.trace_id": "4bf92f3577b34da6a3ce929d0e0e4701",
    "dd.span_id": "67667974448284161",
    "vidobs.event.name": "video.failed",
    "vidobs.event.id": "0199f77b-f406-76c8-aa8d-95b8c037e501",
    "vidobs.job.id": "job_0199f77bf40676c8aa8d95b8c037e501",
    "vidobs.job.state": "failed",
    "vidobs.job.reason": "provider_error",
    "vidobs.job.error.code": "render_failed",
    "vidobs.job.error.message": "the renderer broke",
    "vidobs.job.poll_count": 7,
    "vidobs.job.attempts": 1,
    "vidobs.job.queue_s": 2.75,
    "vidobs.job.render_s": 57.0,
    "vidobs.operation": "create",
    "vidobs.cost.status": "settled",
    "vidobs.cost.usd": 0.8,
    "vidobs.cost.basis": "usage",
    "vidobs.video.seconds": 8.0,
    "vidobs.video.size": "720x1280",
    "vidobs.video.complete": True,
    "vidobs.video.bytes": 1048576,
    "vidobs.video.sha256": "ab" * 32,
    "vidobs.tag.team": "film",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "sora-2",
    "gen_ai.response.id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801",
    "error.type": "provider_error",
    "user.id": "ada",
}


@pytest.fixture
def intake():
    """The logs intake, as it is published."""
    with LogsIntake() as one:
        yield one


def exporter(intake, **options):
    """Make an exporter of nothing but logs."""
    known = {"api_key": KEY, "logs_url": f"{intake.url}/api/v2/logs", "metrics": False}
    return DatadogExporter(**{**known, "llmobs": False, **options})


def test_a_log_says_everything():
    """Datadog's own fields, the trace in both spellings, and every attribute of the event."""
    assert entry(an_event(EventName.FAILED), STUDIO) == FAILED


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (EventName.COMPLETED, "info"),
        (EventName.PROGRESS, "debug"),
        (EventName.CALL_FAILED, "warn"),
    ],
)
def test_the_status_is_the_level(name, status):
    """A log has the status that its record in process has as its level."""
    assert entry(an_event(name), STUDIO)["status"] == status


def test_a_call_that_failed_says_why():
    """The message names what was raised."""
    assert entry(an_event(EventName.CALL_FAILED), STUDIO)["message"].endswith(" RateLimitError")


def test_tags_are_few_and_whole():
    """Ids, users and free tags are no tags of Datadog's; a comma in a model ends no tag."""
    job = {"model": "a,env:evil b", "provider": EVIL}

    tags = entry(an_event(**job), Unified("studio"))["ddtags"].split(",")

    assert [tag.partition(":")[0] for tag in tags] == [
        *("service", "event", "provider", "model", "state"),
    ]
    assert "model:a_env:evil_b" in tags


@given(
    sizes=st.lists(st.integers(0, 40), max_size=60),
    most_entries=st.integers(1, 9),
    most_bytes=st.integers(10, 90),
)
def test_parts_hold_every_entry_in_order(sizes, most_entries, most_bytes):
    """Nothing is lost or doubled; only an entry that is too large by itself is above the limits."""
    entries = ["x" * size for size in sizes]

    made = list(parts(entries, most_entries=most_entries, most_bytes=most_bytes))

    assert [one for part in made for one in json.loads(part.body)] == entries
    for part in made:
        assert part.entries == len(json.loads(part.body)) <= most_entries
        assert len(part.body) <= most_bytes or part.entries == 1


def test_the_intake_takes_every_kind_of_event(intake):
    """Each event is one log, compressed, with the key in the header only."""
    made = exporter(intake, service="studio")
    events = every_event()

    made.export(events)
    made.close()

    assert intake.statuses == [202]
    assert [log["vidobs.event.name"] for log in intake.taken] == [e.name for e in events]
    [request] = intake.requests
    assert request.headers["content-encoding"] == "gzip"
    assert request.headers["dd-api-key"] == KEY
    assert KEY.encode() not in request.body


def test_a_large_batch_is_split(intake):
    """No request has more than 1000 logs, and all arrive once."""
    made = exporter(intake)
    first = an_event()
    events = [
        type(first)(id=f"event-{number}", name=first.name, at=AT, job=first.job)
        for number in range(2100)
    ]

    made.export(events)
    made.close()

    assert intake.statuses == [202, 202, 202]
    assert [log["vidobs.event.id"] for log in intake.taken] == [event.id for event in events]


def test_no_log_comes_near_the_limit():
    """The longest texts an event can hold make a log far below 1 MB: none is ever cut."""
    long = "\u2028" * 100_000
    event = an_event(EventName.FAILED, model=long, provider=long, provider_job_id=long)

    [part] = parts([entry(event, STUDIO)])

    assert len(part.body) < MB // 10


def test_after_a_failure_only_the_rest_is_sent(intake):
    """Logs that had arrived when the intake failed do not go there again."""
    made = exporter(intake)
    first = an_event()
    events = [
        type(first)(id=f"event-{number}", name=first.name, at=AT, job=first.job)
        for number in range(1200)
    ]
    intake.answers_next(202)
    intake.answers_next(503, {"Retry-After": "3"})

    with pytest.raises(ExportError) as caught:
        made.export(events)
    made.export(events)
    made.close()

    assert (caught.value.retryable, caught.value.retry_after_s) == (True, 3)
    assert [len(request.json()) for request in intake.requests] == [1000, 200, 200]
    assert intake.requests[1].body == intake.requests[2].body


def test_a_wrong_key(intake):
    """Nobody knows whether it will be right one day; the key is not in the text."""
    key = "1" * 32
    made = exporter(intake, api_key=key)

    with pytest.raises(ExportError, match=r"answered 403: .*forbidden.*; check its key") as caught:
        made.export([an_event()])
    made.close()

    assert caught.value.retryable is None
    assert key not in str(caught.value)
