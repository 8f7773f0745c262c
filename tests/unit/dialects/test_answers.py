import json
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import openai.types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.calls import VideoRequest
from vidobs.core.jobs import AssetState, JobError, JobSnapshot, JobState, Reason, Usage
from vidobs.dialects.openai import (
    decode_deleted,
    decode_list,
    decode_video,
    failed_body,
    read_list,
    read_video,
    status_key,
)

OPENAI = {
    "id": "video_1",
    "object": "video",
    "model": "sora-2",
    "status": "in_progress",
    "progress": 33,
    "created_at": 1790000000,
    "completed_at": None,
    "expires_at": None,
    "seconds": "8",
    "size": "720x1280",
    "remixed_from_video_id": "video_0",
    "error": None,
    "prompt": "A cat",
}
SEEN = JobSnapshot(
    provider_job_id="video_1",
    state=JobState.IN_PROGRESS,
    raw_status="in_progress",
    progress=33,
    model="sora-2",
    created_at=datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
    request=VideoRequest(seconds=Decimal(8), size="720x1280", prompt_chars=5),
    parent_id="video_0",
)


def as_bytes(data):
    """The body of an answer."""
    return decode_video(json.dumps(data).encode())


def as_constructed(data):
    """What the SDK makes of an answer without checking it."""
    return read_video(openai.types.Video.construct(**data))


def as_validated(data):
    """What the SDK makes of an answer that is as it should be."""
    return read_video(openai.types.Video.model_validate(data))


def as_attributes(data):
    """An object of some other SDK."""
    return read_video(SimpleNamespace(**data))


SHAPES = [read_video, as_bytes, as_constructed, as_attributes]
shapes = pytest.mark.parametrize("read", SHAPES, ids=lambda shape: shape.__name__)


@pytest.mark.parametrize("read", [*SHAPES, as_validated], ids=lambda shape: shape.__name__)
def test_a_running_job_is_read(read):
    """The same from JSON, from bytes and from the SDK's own class."""
    assert read(OPENAI) == SEEN


@shapes
def test_a_finished_job_has_its_times(read):
    """The end and the expiry of the assets, as aware UTC."""
    snapshot = read(
        {**OPENAI, "status": "completed", "progress": 100}
        | {"completed_at": 1790000100, "expires_at": 1790003700}
    )

    assert snapshot == msgspec.structs.replace(
        SEEN,
        state=JobState.COMPLETED,
        raw_status="completed",
        progress=100,
        finished_at=datetime(2026, 9, 21, 14, 15, tzinfo=UTC),
        expires_at=datetime(2026, 9, 21, 15, 15, tzinfo=UTC),
    )


@shapes
def test_a_failed_job_has_its_reason(read):
    """The message is scrubbed and does not quote the prompt that stands beside it."""
    snapshot = read(
        {**OPENAI, "status": "failed", "prompt": "A cat that flies over Rome"}
        | {
            "error": {
                "code": "moderation_blocked",
                "message": "'A cat that flies over Rome' was blocked, see https://h/p?sig=canary",
            }
        }
    )

    assert (snapshot.state, snapshot.reason) == (JobState.FAILED, Reason.MODERATION_OUTPUT)
    assert snapshot.error == JobError(
        code="moderation_blocked", message="'[prompt]' was blocked, see https://h/p"
    )


@shapes
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(
            {
                "id": "video_gen_1",
                "object": "video",
                "model": "Wan-AI/Wan2.2",
                "status": "completed",
                "progress": 100,
                "created_at": 1790000000,
                "completed_at": 1790000060,
                "seconds": "5",
                "size": "832x480",
                "media_type": "video/mp4",
                "file_name": "video_gen_1.mp4",
                "inference_time_s": 41.25,
                "fps": 16,
                "num_frames": 81,
                "duration_s": 5.0625,
                "peak_memory_mb": 1234.5,
                "stage_durations": {"dit": 40.0},
            },
            {
                "provider_job_id": "video_gen_1",
                "state": JobState.COMPLETED,
                "usage": Usage(
                    gpu_seconds=Decimal("41.25"),
                    output_seconds=Decimal("5.0625"),
                    peak_memory_mb=Decimal("1234.5"),
                    stage_s={"dit": Decimal("40.0")},
                ),
                "request": VideoRequest(seconds=Decimal(5), size="832x480", fps=Decimal(16)),
            },
            id="vllm-omni",
        ),
        pytest.param(
            {
                "id": "v",
                "status": "failed",
                "error": {"code": 500, "message": "CUDA out of memory"},
            },
            {
                "state": JobState.FAILED,
                "reason": Reason.PROVIDER_ERROR,
                "error": JobError(code="500", message="CUDA out of memory"),
            },
            id="vllm-omni-failed",
        ),
        pytest.param(
            {
                "id": "v",
                "object": "video",
                "model": "sora-2",
                "status": "deleted",
                "progress": 40,
                "peak_memory_mb": 12.0,
                "inference_time_s": 7,
            },
            {
                "state": JobState.CANCELLED,
                "raw_status": "deleted",
                "asset": AssetState.DELETED,
                "usage": Usage(gpu_seconds=Decimal(7), peak_memory_mb=Decimal("12.0")),
            },
            id="sglang-deleted",
        ),
        pytest.param(
            {"id": "v", "status": "failed", "error": {"message": "the worker died"}},
            {"reason": Reason.PROVIDER_ERROR, "error": JobError(message="the worker died")},
            id="sglang-failed-without-code",
        ),
        pytest.param(
            {
                "id": "task_1",
                "task_id": "task_1",
                "object": "video",
                "model": "veo",
                "status": "success",
                "progress": "100%",
                "created_at": 1790000000123,
                "usage": {"completion_tokens": 108900, "total_tokens": 108900},
                "metadata": {"url": "https://h/v.mp4"},
            },
            {
                "provider_job_id": "task_1",
                "state": JobState.COMPLETED,
                "progress": 100,
                "created_at": datetime(2026, 9, 21, 14, 13, 20, 123000, tzinfo=UTC),
                "usage": Usage(video_tokens=108900),
            },
            id="new-api",
        ),
        pytest.param(
            {"task_id": 77, "status": "NOT_START", "fail_reason": ""},
            {"provider_job_id": "77", "state": JobState.QUEUED, "error": None},
            id="new-api-task",
        ),
        pytest.param(
            {"task_id": "t", "status": "FAILURE", "fail_reason": "insufficient_user_quota"},
            {
                "state": JobState.FAILED,
                "error": JobError(message="insufficient_user_quota"),
                "reason": Reason.QUOTA,
            },
            id="new-api-failed",
        ),
        pytest.param(
            {"id": "v", "status": "pending", "polling_url": "https://h/v?key=canary"},
            {"state": JobState.QUEUED},
            id="202-style",
        ),
        pytest.param(
            {
                "id": "vid_1",
                "status": "completed",
                "cost": "0.42",
                "created_at": "2026-09-21T14:13:20Z",
            },
            {
                "usage": Usage(reported_usd=Decimal("0.42")),
                "created_at": datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
            },
            id="merge",
        ),
        pytest.param(
            {"id": "v", "status": "completed", "usage": {"cost": 0.35, "is_byok": False}},
            {"usage": Usage(reported_usd=Decimal("0.35"))},
            id="openrouter",
        ),
        pytest.param(
            {"id": "v", "status": "done", "usage": {"cost_in_usd_ticks": 5_000_000_000}},
            {"state": JobState.COMPLETED, "usage": Usage(reported_usd=Decimal("0.5"))},
            id="xai",
        ),
        pytest.param(
            {"id": "v", "status": "completed", "cost": {"total": 3, "currency": "CNY"}},
            {"usage": None},
            id="other-currency",
        ),
        pytest.param(
            {"id": "v", "status": "SUCCEEDED", "cost": {"credits": 40}},
            {"usage": Usage(credits=Decimal(40))},
            id="credits",
        ),
        pytest.param(
            {"id": "v", "status": "in_progress", "cost": 0, "usage": {"completion_tokens": 0}},
            {"usage": None},
            id="a-running-job-has-no-final-cost",
        ),
        pytest.param(
            {"id": "v", "status": "COMPLETED", "error": "content_policy_violation: output"},
            {
                "state": JobState.FAILED,
                "error": JobError(message="content_policy_violation: output"),
            },
            id="finished-with-an-error",
        ),
        pytest.param(
            {"id": "v", "status": "completed", "error": {"code": 0, "message": "success"}},
            {"state": JobState.COMPLETED, "error": None},
            id="an-error-that-is-none",
        ),
        pytest.param(
            {"id": "v", "status": "completed", "error": {}, "detail": ""},
            {"state": JobState.COMPLETED, "error": None},
            id="an-empty-error",
        ),
        pytest.param(
            {"id": "v", "status": "failed", "failure_reason": "content_filter"},
            {"reason": Reason.MODERATION_OUTPUT, "error": JobError(message="content_filter")},
            id="azure-jobs",
        ),
        pytest.param(
            {"id": "v", "status": "budget_exceeded"},
            {"state": JobState.FAILED, "reason": Reason.QUOTA},
            id="budget",
        ),
        pytest.param(
            {"id": "v", "status": "paused?sk-canarycanary"},
            {"state": None, "raw_status": "paused?[secret]"},
            id="unknown-status",
        ),
        pytest.param(
            {
                **dict.fromkeys(OPENAI),
                "progress": 180.7,
                "seconds": 0,
                "created_at": 12,
                "status": "queued",
            },
            {"provider_job_id": None, "progress": 100, "request": None, "created_at": None},
            id="nonsense",
        ),
        pytest.param(
            {
                "id": ["v"],
                "status": 7,
                "progress": {"x": 1},
                "seconds": [1],
                "size": {},
                "usage": "x",
                "cost": True,
                "created_at": "yesterday",
                "error": 5,
            },
            {"provider_job_id": None, "state": None, "raw_status": "7", "progress": None},
            id="wrong-types",
        ),
    ],
)
def test_answers_of_other_servers_are_understood(read, answer, expected):
    """What is missing is unknown, what makes no sense is unknown, what is extra is used."""
    snapshot = read(answer)

    assert {name: getattr(snapshot, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1790000000, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        (1790000000.5, datetime(2026, 9, 21, 14, 13, 20, 500000, tzinfo=UTC)),
        (1790000000000000, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("1790000000", datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("2026-09-21T16:13:20+02:00", datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("2026-09-21T14:13:20", datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        *((nonsense, None) for nonsense in (0, -1, 3600, True, "", "0001-01-01T00:00+23:00")),
        *((nonsense, None) for nonsense in (10**300, float("nan"), float("inf"), "9" * 500, [])),
    ],
)
def test_times_come_in_many_units(given, expected):
    """Seconds, milliseconds, microseconds, ISO 8601; insane ones are unknown."""
    assert read_video({"id": "v", "created_at": given}).created_at == expected


def test_times_that_are_objects_are_taken():
    """An SDK may have parsed them."""
    moment = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)

    assert as_attributes({"id": "v", "created_at": moment}).created_at == moment


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b"<html>", b"\xff\xfe", b'{"object": "list"}', b'{"id": null}'],
)
def test_a_body_that_is_no_video_is_none(body):
    """HTML, lists, broken JSON."""
    assert decode_video(body) is None
    assert failed_body(body) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"id": "v", "status": "failed", "error": {"code": 400, "message": "guardrail"}}, "v"),
        ({"id": "v", "status": "cancelled"}, "v"),
        ({"id": "v", "status": "completed"}, None),
        ({"id": "v", "status": "in_progress"}, None),
        ({"status": "failed"}, None),
        ({"error": {"code": "not_found", "message": "x"}}, None),
    ],
)
def test_an_http_error_may_carry_a_failed_job(answer, expected):
    """vLLM-Omni answers polls so; every other error body says nothing of the job."""
    snapshot = failed_body(json.dumps(answer).encode())

    assert (snapshot and snapshot.provider_job_id) == expected


DELETED = {"id": "video_1", "object": "video.deleted", "deleted": True}


@pytest.mark.parametrize(
    "answer",
    [DELETED, json.dumps(DELETED).encode(), openai.types.VideoDeleteResponse(**DELETED)],
    ids=["mapping", "bytes", "sdk"],
)
def test_a_deletion_is_read(answer):
    """The job is over, and its assets are gone."""
    assert decode_deleted(answer) == JobSnapshot(
        provider_job_id="video_1",
        state=JobState.CANCELLED,
        raw_status="deleted",
        asset=AssetState.DELETED,
    )


@pytest.mark.parametrize("answer", [b"", b"null", {}, b'{"ok": true}'])
def test_a_deletion_may_say_nothing(answer):
    """A server that answers with success has deleted it."""
    snapshot = decode_deleted(answer)

    assert (snapshot.state, snapshot.asset) == (JobState.CANCELLED, AssetState.DELETED)


class Page:
    """A page of the SDK."""

    data = (openai.types.Video.construct(**OPENAI),)


@pytest.mark.parametrize(
    "page",
    [
        {"object": "list", "data": [OPENAI, "x", None], "has_more": False},
        [OPENAI],
        {"videos": [OPENAI]},
        Page(),
    ],
    ids=["openai", "bare", "other-name", "sdk"],
)
def test_a_list_is_read(page):
    """Each video on it; what is no video is left out."""
    assert read_list(page) == [SEEN]
    if not isinstance(page, Page):
        assert decode_list(json.dumps(page).encode()) == [SEEN]


@pytest.mark.parametrize("body", [b"", b"7", b'{"data": {}}', b'{"error": "x"}', b"\xff"])
def test_a_body_that_is_no_list_has_no_videos(body):
    """An error body is no list."""
    assert decode_list(body) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OPENAI, ("in_progress", 33)),
        ({"status": "queued"}, ("queued", None)),
        ({"status": "queued", "progress": "45.9%"}, ("queued", 45)),
        ({"status": "queued", "progress": 45.9}, ("queued", 45)),
        ({"status": None, "progress": None}, ("", None)),
        ({}, ("", None)),
    ],
)
def test_the_key_of_a_poll_is_the_same_from_every_shape(answer, expected):
    """So that one poll through the raw response and one through the object compare equal."""
    assert status_key(answer) == expected
    assert status_key(json.dumps(answer).encode()) == expected
    assert status_key(openai.types.Video.construct(**answer)) == expected


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"\xff", None, 7, object()])
def test_an_answer_without_a_status_has_an_empty_key(body):
    """Nothing about it can be known."""
    assert status_key(body) == ("", None)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(
    [*OPENAI, "task_id", "usage", "cost", "detail", "deleted", "fps", "duration_s", "fail_reason"]
)


@given(st.dictionaries(names, anything | st.sampled_from(["failed", "completed", {"cost": -1}])))
def test_no_answer_whatever_breaks_the_reader(answer):
    """A server may send anything; figures and states that come out make sense."""
    for read in SHAPES:
        if read is as_bytes:
            encoded = json.dumps(answer).encode()
            decode_list(encoded)
            failed_body(encoded)
            continue
        snapshot = read(answer)
        assert snapshot.progress is None or 0 <= snapshot.progress <= 100
        assert (snapshot.reason is None) == (snapshot.state is not JobState.FAILED)
        assert (
            snapshot.request is None
            or snapshot.request.seconds is None
            or snapshot.request.seconds > 0
        )


@given(st.binary())
def test_no_bytes_whatever_break_the_reader(body):
    """Nothing is raised for a body that is no JSON."""
    decode_video(body)
    decode_list(body)
    failed_body(body)
    decode_deleted(body)
    status_key(body)
