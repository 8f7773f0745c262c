"""Ended jobs as spans of LLM Observability."""

import pytest
from datadog_kit import KEY, LlmObsIntake
from exporter_kit import EVIL, an_event, every_event
from msgspec.structs import replace

from vidobs import Cost, CostStatus, EventName, ExportError
from vidobs_exporters.datadog import DatadogExporter
from vidobs_exporters.datadog.llmobs import payload
from vidobs_exporters.datadog.names import Unified

STUDIO = Unified("studio", "prod", "4.1")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4701"
CREATE = "67667974448284161"  # 00f067aa0ba90201
VIDEO = "video_68d7512d07848190b3e45da0ecbebcde004da08e1e067801"
COUNTED = ["provider:openai", "model:sora-2"]
JOB = {
    "name": "video_job sora-2",
    "trace_id": TRACE,
    "apm_trace_id": TRACE,
    "span_id": CREATE,
    "parent_id": "undefined",
    "start_ns": 1795183401000000000,
    "duration": 60_000_000_000,
    "status": "ok",
    "meta": {
        "kind": "llm",
        "input": {"messages": [{"role": "user", "content": "a heron lands"}]},
        "output": {
            "messages": [{"role": "assistant", "content": f"{VIDEO}, completed, 720x1280, 8 s"}]
        },
        "metadata": {
            "model_name": "sora-2",
            "model_provider": "openai",
            "provider_name": "openai",
            "request_model": "sora-2",
            "response_id": VIDEO,
            "operation": "create",
            "job_id": "job_0199f77bf40676c8aa8d95b8c037e501",
            "job_state": "completed",
            "job_poll_count": 7,
            "job_attempts": 1,
            "job_queue_s": 2.75,
            "job_render_s": 57.0,
            "cost_status": "settled",
            "cost_usd": 0.8,
            "cost_basis": "usage",
            "video_seconds": 8.0,
            "video_size": "720x1280",
            "video_complete": True,
            "video_bytes": 1048576,
            "video_sha256": "ab" * 32,
            "event_id": "0199f77b-f406-76c8-aa8d-95b8c037e501",
            "user_id": "ada",
            "tag_team": "film",
        },
    },
    "metrics": {"total_cost": 0.8},
    "tags": [*COUNTED, "state:completed"],
}
DOWNLOAD = {
    "name": "download_video sora-2",
    "trace_id": TRACE,
    "apm_trace_id": TRACE,
    "span_id": "67667974448340225",
    "parent_id": CREATE,
    "start_ns": 1795183402000000000,
    "duration": 59_000_000_000,
    "status": "ok",
    "meta": {
        "kind": "tool",
        "metadata": {
            "operation_name": "download_video",
            "operation": "download",
            "provider_name": "openai",
            "request_model": "sora-2",
            "response_id": VIDEO,
            "response_status": "in_progress",
            "dialect": "openai",
            "server_address": "api.openai.com",
            "server_port": 443,
            "job_id": "job_0199f77bf40676c8aa8d95b8c037e501",
            "job_state": "in_progress",
            "video_complete": True,
            "video_bytes": 1048576,
            "video_sha256": "ab" * 32,
            "video_seconds": 8.0,
        },
    },
    "tags": [*COUNTED, "state:in_progress"],
}


@pytest.fixture
def intake():
    """LLM Observability's API, as it is published."""
    with LlmObsIntake() as one:
        yield one


def spans(*events):
    """Return the spans that are made of events."""
    made = payload(events, names=STUDIO, ml_app="studio")
    return [] if made is None else made["data"]["attributes"]["spans"]


def test_a_job_is_one_llm_span_with_its_cost():
    """From create to end with true times; what its calls were is under it."""
    events = [an_event(prompt="a heron lands"), an_event(EventName.DOWNLOADED)]

    assert payload(events, names=STUDIO, ml_app="Film Studio") == {
        "data": {
            "type": "span",
            "attributes": {
                "ml_app": "film_studio",
                "tags": ["env:prod", "service:studio", "version:4.1", "source:vidobs"],
                "spans": [JOB, DOWNLOAD],
            },
        }
    }


def test_a_failed_job_is_an_error():
    """The span has the reason and what the provider said."""
    [job] = spans(an_event(EventName.FAILED))

    assert job["status"] == "error"
    assert job["meta"]["error"] == {"type": "provider_error", "message": "the renderer broke"}
    assert job["tags"] == [*COUNTED, "state:failed", "reason:provider_error"]


def test_a_call_that_failed_is_an_error_of_its_own():
    """The span of the call has the exception; that of the job is not there yet."""
    event = an_event(EventName.CALL_FAILED)
    [span] = event.spans
    failed = replace(event, spans=(replace(span, error_type="RateLimitError"),))

    [call] = spans(failed)

    assert (call["name"], call["status"]) == ("fetch_response sora-2", "error")
    assert call["meta"]["error"] == {
        "type": "RateLimitError",
        "message": "RateLimitError: too many",
    }


def test_an_unknown_cost_is_none():
    """It is left out: zero would be a price."""
    [job] = spans(an_event(cost=Cost(CostStatus.UNKNOWN)))

    assert job["metrics"] == {}
    assert "cost_usd" not in job["meta"]["metadata"]


@pytest.mark.parametrize("prompt", [None, "hmac:5f2d"])
def test_a_prompt_that_was_not_kept_is_not_told(prompt):
    """Without one, or with its hash only, the job has no input."""
    [job] = spans(an_event(prompt=prompt))

    assert job["meta"]["input"] == {"messages": []}


def test_a_long_prompt_is_cut():
    """Texts are bounded, and can be written as UTF-8."""
    [job] = spans(an_event(prompt="\ud800" + "x" * 100_000))

    [message] = job["meta"]["input"]["messages"]
    assert message["content"] == "?" + "x" * 8191


def test_calls_of_other_traces_stay_there():
    """A poll within a trace of the caller's is no child of the job, and would have no parent."""
    event = an_event(EventName.STARTED)
    [span] = event.spans
    elsewhere = replace(event, spans=(replace(span, trace_id="ab" * 16),))

    assert spans(elsewhere) == []
    assert len(spans(event)) == 1


def test_the_create_is_the_job():
    """Its span has the id under which the job is told at the end, so it is not told twice."""
    assert spans(an_event(EventName.SUBMITTED)) == []


def test_a_job_that_ended_without_a_span(intake):
    """One that a sweep gave up on is told from what is known of it."""
    event = replace(an_event(EventName.EXPIRED, finished_at=None, model=None), spans=())

    [job] = spans(event)

    assert (job["name"], job["span_id"], job["duration"]) == ("video_job", CREATE, 60_000_000_000)
    assert job["meta"]["metadata"]["model_name"] == "unknown"


def test_the_api_takes_every_kind_of_event(intake):
    """Every payload is valid by the published schema, whatever is in the texts."""
    made = DatadogExporter(
        api_key=KEY,
        llmobs_url=f"{intake.url}/api/intake/llm-obs/v1/trace/spans",
        logs=False,
        metrics=False,
        ml_app="Film",
    )

    made.export(every_event())
    made.export([an_event(EventName.FAILED, model=EVIL, provider=EVIL)])
    made.export([an_event(EventName.SUBMITTED)])  # of no interest there
    made.close()

    assert intake.statuses == [202, 202]
    kinds = [span["meta"]["kind"] for span in intake.taken]
    assert kinds.count("llm") == len([e for e in EventName if e.terminal]) + 1


def test_a_wrong_key_is_told(intake):
    """The error is that of every HTTP request; a retry may help."""
    made = DatadogExporter(
        api_key="1" * 32, llmobs_url=intake.url, logs=False, metrics=False, llmobs="api"
    )

    with pytest.raises(ExportError, match="answered 403") as caught:
        made.export([an_event()])
    made.close()

    assert caught.value.retryable is None
