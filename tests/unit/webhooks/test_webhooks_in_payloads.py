"""What the bodies of webhooks say; the shapes are those that providers document."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from vidobs.core.jobs import JobError, JobState, Reason, Usage
from vidobs.webhooks._payloads import read
from vidobs.webhooks._signatures import Kind

ANY = frozenset({Kind.OPENAI, Kind.REPLICATE})
FAL = frozenset({Kind.FAL})


def body(**members):
    """Return a body."""
    return json.dumps(members).encode()


OPENAI = {
    "id": "evt_1",
    "object": "event",
    "created_at": 1_795_000_000,
    "type": "video.completed",
    "data": {"id": "video_1"},
}
REPLICATE = {
    "id": "ufawqhfynnddngldkgtslldrkq",
    "model": "google/veo-3.1-fast",
    "version": "hidden",
    "input": {"prompt": "a cat", "duration": 8},
    "status": "succeeded",
    "output": "https://replicate.delivery/x/out.mp4",
    "error": None,
    "created_at": "2026-11-20T12:00:00.000Z",
    "started_at": "2026-11-20T12:00:05.000Z",
    "completed_at": "2026-11-20T12:01:00.000Z",
    "metrics": {"predict_time": 55.25, "total_time": 60.0},
    "urls": {"get": "https://api.replicate.com/v1/predictions/ufawqhfynnddngldkgtslldrkq"},
}
FAL_OK = {
    "request_id": "123e4567-e89b-12d3-a456-426614174000",
    "gateway_request_id": "123e4567-e89b-12d3-a456-426614174000",
    "status": "OK",
    "payload": {"video": {"url": "https://fal.media/out.mp4", "content_type": "video/mp4"}},
}


@pytest.mark.parametrize("event", ["video.completed", "video.failed"])
def test_an_event_of_openai_names_the_job_only(event):
    """How it stands is to be asked."""
    told = read(body(**{**OPENAI, "type": event}), ANY)

    assert (told.kind, told.event, told.video_id) == (Kind.OPENAI, event, "video_1")
    assert (told.snapshot, told.ends) == (None, True)


@pytest.mark.parametrize("event", ["response.completed", "batch.failed", "videos", ""])
def test_an_event_that_is_about_no_video(event):
    """An endpoint may have subscribed to anything."""
    told = read(body(type=event, data={"id": "resp_1"}), ANY)

    assert (told.event, told.video_id) == (event, None)


def test_a_prediction_of_replicate_is_the_job():
    """With its state, its times and the seconds that the GPU worked."""
    told = read(body(**REPLICATE), ANY)

    seen = told.snapshot
    assert (told.kind, told.video_id, told.prompt) == (Kind.REPLICATE, REPLICATE["id"], "a cat")
    assert (seen.state, seen.raw_status, seen.model) == (
        JobState.COMPLETED,
        "succeeded",
        "google/veo-3.1-fast",
    )
    assert seen.finished_at == datetime(2026, 11, 20, 12, 1, tzinfo=UTC)
    assert seen.request.seconds == Decimal(8)
    assert seen.usage == Usage(gpu_seconds=Decimal("55.25"))
    assert told.ends


@pytest.mark.parametrize(
    ("status", "state", "ends"),
    [
        ("starting", JobState.QUEUED, False),
        ("processing", JobState.IN_PROGRESS, False),
        ("failed", JobState.FAILED, True),
        ("canceled", JobState.CANCELLED, True),
        ("sleeping", None, False),
    ],
)
def test_the_words_of_replicate(status, state, ends):
    """One that nobody knows leaves the state open."""
    told = read(body(**{**REPLICATE, "status": status}), ANY)

    assert (told.snapshot.state, told.ends) == (state, ends)


def test_an_error_of_replicate():
    """It may quote the prompt, which is taken out."""
    failed = {**REPLICATE, "status": "failed", "error": "sensitive content in 'a cat'"}

    seen = read(body(**failed), ANY).snapshot

    assert seen.reason is Reason.MODERATION_OUTPUT
    assert "a cat" not in seen.error.message


def test_a_result_of_fal():
    """Status `OK` is a video, unless there is an error inside."""
    told = read(body(**FAL_OK), FAL)
    blocked = read(body(**{**FAL_OK, "payload": {"error": "content_policy_violation"}}), FAL)

    assert (told.kind, told.event, told.snapshot.state) == (Kind.FAL, "OK", JobState.COMPLETED)
    assert told.video_id == FAL_OK["request_id"]
    assert (blocked.snapshot.state, blocked.snapshot.reason) == (
        JobState.FAILED,
        Reason.MODERATION_OUTPUT,
    )


def test_an_error_of_fal():
    """The detail says more than the status code of the model's own server."""
    failed = {
        **FAL_OK,
        "status": "ERROR",
        "error": "Unexpected status code: 422",
        "payload": {"detail": [{"loc": ["body", "prompt"], "msg": "field required"}]},
    }
    plain = {**FAL_OK, "status": "ERROR", "error": "Worker ran out of memory", "payload": None}

    assert read(body(**failed), FAL).snapshot.error == JobError(None, "field required")
    assert read(body(**plain), FAL).snapshot.error == JobError(None, "Worker ran out of memory")
    assert read(body(**failed), FAL).snapshot.state is JobState.FAILED


@pytest.mark.parametrize(
    ("raw", "kinds"),
    [
        (b"", ANY),
        (b"null", ANY),
        (b"[]", ANY),
        (b'{"type": "video.completed"', ANY),
        (b"\xff\xfe", ANY),
        (b"[" * 100_000, ANY),
        (body(type="video.completed"), ANY),
        (body(type="video.completed", data=[]), ANY),
        (body(type="video.completed", data={"id": ""}), ANY),
        (body(id="x"), ANY),
        (body(status="succeeded"), ANY),
        (body(**REPLICATE), frozenset({Kind.OPENAI})),
        (body(**FAL_OK), ANY),
        (body(**OPENAI), FAL),
        (body(**{**FAL_OK, "status": "IN_PROGRESS"}), FAL),
    ],
)
def test_a_body_that_makes_no_sense(raw, kinds):
    """Broken, empty, or not of the sender that signed it."""
    assert read(raw, kinds) is None
