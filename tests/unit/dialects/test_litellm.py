"""What LiteLLM makes of names and fields, as its loggers get them."""

from decimal import Decimal

import pytest

from vidobs.core.calls import Operation
from vidobs.dialects import litellm

RAW = "video_68f1c0de"
AT_CREATE = (
    "video_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpzb3JhLTI7dmlkZW9faWQ6"
    "dmlkZW9fNjhmMWMwZGU="
)


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
