"""Events as OTLP log records."""

import msgspec
from exporter_kit import TRACE_ID, an_event, every_event
from otlp_kit import plain, records_in

from vidobs import EventName, event_attributes
from vidobs_exporters.otlp.logs import log_request


def records(*events):
    """Return the log records of a request, as plain data."""
    return records_in(log_request(list(events), resource={}))


def test_an_event_is_a_record():
    """Its name, its time, its severity, and the create span of the job it is about."""
    event = an_event(EventName.FAILED)

    assert records(event) == [
        {
            "timeUnixNano": "1795183461000000000",
            "observedTimeUnixNano": "1795183461000000000",
            "severityNumber": "SEVERITY_NUMBER_WARN",
            "severityText": "WARN",
            "eventName": "video.failed",
            "body": "video.failed",
            "attributes": {
                "vidobs.job.id": "job_0199f77bf40676c8aa8d95b8c037e501",
                "gen_ai.provider.name": "openai",
                "vidobs.operation": "create",
                "vidobs.job.state": "failed",
                "vidobs.job.poll_count": 7,
                "vidobs.job.attempts": 1,
                "gen_ai.response.id": "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801",
                "gen_ai.request.model": "sora-2",
                "vidobs.job.reason": "provider_error",
                "vidobs.job.queue_s": 2.75,
                "vidobs.job.render_s": 57.0,
                "vidobs.cost.status": "settled",
                "vidobs.cost.usd": 0.8,
                "vidobs.cost.basis": "usage",
                "vidobs.video.seconds": 8.0,
                "vidobs.video.size": "720x1280",
                "vidobs.video.complete": True,
                "vidobs.video.bytes": 1048576,
                "vidobs.video.sha256": "ab" * 32,
                "user.id": "ada",
                "vidobs.tag.team": "film",
                "vidobs.event.id": "0199f77b-f406-76c8-aa8d-95b8c037e501",
                "error.type": "provider_error",
                "vidobs.job.error.code": "render_failed",
                "vidobs.job.error.message": "the renderer broke",
            },
            "flags": 1,
            "traceId": TRACE_ID[:-2] + "01",
            "spanId": "00f067aa0ba90201",
        }
    ]


def test_every_event_has_a_record_with_its_attributes():
    """In order, at the level it has in process, with what it says there."""
    events = every_event()

    sent = records(*events)

    assert [one["eventName"] for one in sent] == [event.name.value for event in events]
    assert [one["attributes"] for one in sent] == [event_attributes(event) for event in events]
    assert {one["eventName"]: one["severityText"] for one in sent}["video.progress"] == "DEBUG"


def test_what_was_not_sampled_is_logged():
    """Sampling is of traces: the record is there, and says that its trace is not."""
    event = an_event()
    trace = msgspec.structs.replace(event.job.trace, sampled=False)
    quiet = msgspec.structs.replace(event, job=msgspec.structs.replace(event.job, trace=trace))

    [sent] = records(quiet)

    assert "flags" not in sent  # zero
    assert sent["traceId"] == trace.trace_id


def test_a_prompt_is_never_logged():
    """Not even where it was kept."""
    event = an_event()
    kept = msgspec.structs.replace(event, job=msgspec.structs.replace(event.job, prompt="a heron"))

    assert "heron" not in str(plain(log_request([kept], resource={})))


def test_no_events_are_no_request():
    """There is nothing to send."""
    assert log_request([], resource={}) is None
