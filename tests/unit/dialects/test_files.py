"""Answers that are a file, or say where one is."""

from decimal import Decimal

import pytest

from vidobs.core.jobs import AssetState, JobSnapshot, JobState, Usage
from vidobs.dialects.openai import charged, made_at_once, pointer_in
from vidobs.dialects.usage import MOST_STAGES, usage_of
from vidobs.dialects.wire import WireVideo

SYNC = {
    "content-type": "video/mp4",
    "x-request-id": "video_sync-8a1",
    "x-model": "Wan-AI/Wan2.2-T2V-A14B",
    "x-inference-time-s": "41.250",
    "x-stage-durations": '{"denoise":40.0,"vae":1.25}',
    "x-peak-memory-mb": "40960.500",
}


def test_a_create_may_be_answered_with_the_video():
    """The headers say what the job took."""
    assert made_at_once(SYNC) == JobSnapshot(
        provider_job_id="video_sync-8a1",
        state=JobState.COMPLETED,
        raw_status="completed",
        model="Wan-AI/Wan2.2-T2V-A14B",
        usage=Usage(
            gpu_seconds=Decimal("41.250"),
            peak_memory_mb=Decimal("40960.500"),
            stage_s={"denoise": Decimal("40.0"), "vae": Decimal("1.25")},
        ),
        asset=AssetState.DOWNLOADED,
    )


@pytest.mark.parametrize("kind", ["application/json", "text/html", ""])
def test_any_other_answer_to_a_create_is_none(kind):
    """Its body is read."""
    assert made_at_once({**SYNC, "content-type": kind}) is None


def test_headers_that_make_no_sense_say_nothing():
    """The job has ended all the same."""
    odd = {"x-stage-durations": "{", "x-inference-time-s": "soon", "x-peak-memory-mb": "-1"}
    seen = made_at_once({**SYNC, **odd})

    assert (seen.state, seen.usage) == (JobState.COMPLETED, None)


@pytest.mark.parametrize(
    ("body", "address"),
    [
        (
            b'{"detail":"Please use the cloud URL: https://b.s3.amazonaws.com/1.mp4?X-Amz-Sig=0a"}',
            "https://b.s3.amazonaws.com/1.mp4?X-Amz-Sig=0a",
        ),
        (b'{"detail":"Video variant 3 not found"}', None),
        (b'{"detail":["https://h/1.mp4"]}', None),
        (b'"https://h/1.mp4"', None),
        (b"https://h/1.mp4", None),
        (b"", None),
    ],
)
def test_an_error_may_say_where_the_file_is(body, address):
    """SGLang does; nothing else is taken for an address."""
    assert pointer_in(body) == address


@pytest.mark.parametrize(
    ("header", "usd"),
    [
        ("0.8", Decimal("0.8")),
        ("1e-3", Decimal("0.001")),
        ("0", None),
        ("0.0", None),
        ("None", None),
    ],
)
def test_a_header_says_what_a_create_costs(header, usd):
    """Zero is what LiteLLM says when it does not know: never a price."""
    queued = JobSnapshot(provider_job_id="v", state=JobState.QUEUED)
    seen = charged(queued, {"x-litellm-response-cost": header})

    assert (None if seen.usage is None else seen.usage.reported_usd) == usd
    assert charged(queued, {}) is queued


def test_a_server_names_only_so_many_stages():
    """What a span holds is bounded."""
    named = {f"stage-{number}" * 20: number for number in range(40)} | {"odd": "x", "": None}
    usage = usage_of(WireVideo(inference_time_s=1, stage_durations=named))

    assert len(usage.stage_s) == MOST_STAGES
    assert max(map(len, usage.stage_s)) == 64
    assert usage_of(WireVideo(inference_time_s=1, stage_durations=[1])).stage_s == {}
    assert usage_of(WireVideo(inference_time_s=1, peak_memory_mb=0.0)).peak_memory_mb is None
