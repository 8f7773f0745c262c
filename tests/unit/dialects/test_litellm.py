"""What LiteLLM makes of ids, names and fields, as its loggers get them."""

from base64 import b64encode
from decimal import Decimal

import pytest

from vidobs.core.calls import Operation
from vidobs.core.jobs import JobSnapshot, JobState
from vidobs.dialects import litellm

RAW = "video_68f1c0de"
AT_CREATE = (
    "video_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpzb3JhLTI7dmlkZW9faWQ6"
    "dmlkZW9fNjhmMWMwZGU="
)
AT_POLL = (
    "video_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDo7dmlkZW9faWQ6dmlkZW9f"
    "NjhmMWMwZGU="
)


def packed(text):
    """Return an id as LiteLLM would make it of a text."""
    return "video_" + b64encode(text.encode()).decode()


@pytest.mark.parametrize("given", [AT_CREATE, AT_POLL, AT_CREATE.rstrip("="), RAW])
def test_one_job_has_one_id(given):
    """The id of the create, the one of a poll, a copy without its padding, and the provider's."""
    assert litellm.original_id(given) == RAW


@pytest.mark.parametrize(
    "given",
    [
        "",
        "video_",
        "video_bGl0ZWxsbQ==",  # "litellm"
        "video_####",
        "video_" + b64encode(b"\xff\xfe").decode(),
        packed("other:x;model_id:y;video_id:z"),  # LiteLLM itself would take any three parts
        "gen3-task-1",
    ],
)
def test_other_ids_stay_as_they_are(given):
    """Whatever LiteLLM did not make belongs to the provider."""
    assert litellm.original_id(given) == given
    assert litellm.provider_in(given) is None


def test_an_id_may_hold_anything():
    """A raw id with the separator in it, and the model that DashScope's ids add."""
    head = "litellm:custom_llm_provider:dashscope;model_id:wan;video_id:a;b"
    assert litellm.original_id(packed(head)) == "a;b"
    assert litellm.original_id(packed(f"{head};served_model:wan3")) == "a;b"
    assert litellm.provider_in(packed(head)) == "dashscope"


def test_an_answer_gets_the_providers_ids():
    """Its own, and that of the video it was made from; nothing else changes."""
    seen = JobSnapshot(provider_job_id=AT_POLL, parent_id=AT_CREATE, state=JobState.QUEUED)
    assert litellm.original(seen) == JobSnapshot(
        provider_job_id=RAW, parent_id=RAW, state=JobState.QUEUED
    )
    assert litellm.original(JobSnapshot()) == JobSnapshot()


@pytest.mark.parametrize(
    ("call_type", "operation"),
    [
        ("video_generation", Operation.CREATE),
        ("avideo_generation", Operation.CREATE),
        ("acreate_video", Operation.CREATE),
        ("video_remix", Operation.REMIX),
        ("avideo_edit", Operation.EDIT),
        ("video_extension", Operation.EXTEND),
        ("avideo_status", Operation.RETRIEVE),
        ("video_retrieve", Operation.RETRIEVE),
        ("avideo_content", Operation.DOWNLOAD),
        ("video_list", Operation.LIST),
        ("video_create_character", None),
        ("acompletion", None),
        (None, None),
    ],
)
def test_the_names_of_calls(call_type, operation):
    """Sync, async, and as the price table has them; what is about no job is left alone."""
    assert litellm.operation_of(call_type) is operation


def test_the_fields_of_openai():
    """They go on as they are; headers and ids are no fields."""
    params = {"seconds": "4", "size": "720x1280", "user": "u1", "extra_headers": {"x": "secret"}}
    fields, uploads = litellm.fields_of(params, model="sora-2", prompt="a cat")
    assert fields == {
        "model": "sora-2",
        "prompt": "a cat",
        "seconds": "4",
        "size": "720x1280",
        "user": "u1",
    }
    assert uploads == {}


@pytest.mark.parametrize(
    ("params", "seconds", "size"),
    [
        ({"durationSeconds": 8, "aspectRatio": "16:9", "resolution": "720p"}, 8, "720p"),  # Veo
        ({"duration": 5, "ratio": "1280:720"}, 5, "1280x720"),  # Runway
        ({"duration": 5, "ratio": "16:9"}, 5, None),
        ({"duration": "6", "resolution": "1080p"}, 6, "1080p"),
    ],
)
def test_the_words_of_other_providers(params, seconds, size):
    """LiteLLM tells of the parameters as it sends them; they say the same of length and size."""
    from vidobs.dialects.requests import _request

    fields, _ = litellm.fields_of(params, model="m", prompt="a cat")
    request = _request(fields, (), "a cat")
    assert (request.seconds, request.size) == (Decimal(seconds), size)


def test_a_reference_is_an_upload_or_a_link():
    """A file is looked at by name and size only, a link is a field."""
    fields, uploads = litellm.fields_of(
        {"input_reference": ("a.png", b"...", "image/png")}, model="m", prompt=""
    )
    assert (fields, uploads) == (
        {"model": "m"},
        {"input_reference": ("a.png", b"...", "image/png")},
    )
    fields, uploads = litellm.fields_of({"promptImage": "https://x/a.png"}, model="m", prompt="")
    assert (fields, uploads) == ({"model": "m", "input_reference": "https://x/a.png"}, {})


def test_the_source_of_an_edit():
    """By the provider's id."""
    fields, _ = litellm.fields_of({"video_id": AT_CREATE, "prompt": "p"}, model="", prompt="p")
    assert fields == {"prompt": "p", "video": {"id": RAW}}


@pytest.mark.parametrize(
    ("content", "picture"),
    [
        (b"\xff\xd8\xff\xe0", True),
        (b"\x89PNG\r\n", True),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", True),
        (b"\x00\x00\x00\x18ftypisom", False),
        (b"RIFF\x10\x00\x00\x00AVI LIST", False),
        (b"", False),
    ],
)
def test_a_picture_is_no_video(content, picture):
    """Thumbnails and sprite sheets come through the same function, which says nothing of it."""
    assert litellm.is_picture(content) is picture
