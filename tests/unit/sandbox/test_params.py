"""Checking what was asked for."""

import pytest

from vidobs.core.calls import Operation
from vidobs.sandbox.body import Body
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.jobs import Size
from vidobs.sandbox.params import Wanted, source_of, wanted_create


def create(**fields) -> Wanted:
    """Check a create with these fields and a prompt."""
    return wanted_create(Body({"prompt": "a cat", **fields}))


def test_only_a_prompt_is_needed():
    """The defaults are those of the API."""
    assert create() == Wanted(
        operation=Operation.CREATE,
        model="sora-2",
        prompt="a cat",
        seconds=4,
        size=Size(720, 1280),
    )


@pytest.mark.parametrize("seconds", ["8", 8], ids=repr)
def test_seconds_are_text_or_a_number(seconds: str | int):
    """Both ways of sending a length mean the same."""
    assert create(seconds=seconds).seconds == 8


def test_any_model_and_unknown_fields_are_accepted():
    """A self-hosted server's request works: its model, its size, its extra fields."""
    wanted = create(model="Wan-AI/Wan2.2", size="832x480", seconds="5", num_frames="81")
    assert (wanted.model, wanted.size, wanted.seconds) == ("Wan-AI/Wan2.2", Size(832, 480), 5)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("prompt", None, "missing_required_parameter"),
        ("prompt", "", "invalid_value"),
        ("prompt", "x" * 32_001, "invalid_value"),
        ("prompt", 7, "invalid_type"),
        ("model", ["sora-2"], "invalid_type"),
        ("model", "", "invalid_value"),
        *(("seconds", bad, "invalid_value") for bad in ["0", "61", "4.0", "", " 4", "٤", 4.0]),
        *(("seconds", bad, "invalid_value") for bad in [True, [4], -4, 10**400]),
        *(("size", bad, "invalid_value") for bad in ["720", "721x1280", "1922x1080", "0x0", "x"]),
        *(("size", bad, "invalid_value") for bad in ["720x1280 ", "720X1280", 720, ["720x1280"]]),
        *(("characters", bad, "invalid_value") for bad in ["char_1", ["char_1"], [{}], {"id": 1}]),
        ("input_reference", "https://example.com/a.png", "invalid_value"),
        ("input_reference", {}, "invalid_value"),
        ("input_reference", {"file_id": 7}, "invalid_value"),
        ("input_reference", {"image_url": "u", "file_id": "f"}, "invalid_value"),
        ("input_reference", {"sha256": "an upload cannot be pretended"}, "invalid_value"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_wrong_parameter_is_named(field: str, value: object, code: str):
    """A 400 says which parameter is wrong."""
    with pytest.raises(ApiError) as refused:
        create(**{field: value})
    assert (refused.value.status, refused.value.param, refused.value.code) == (400, field, code)


@pytest.mark.parametrize("reference", [{"image_url": "u"}, {"file_id": "f"}])
def test_a_reference_is_one_of_two(reference: dict):
    """A reference object has a URL or a file."""
    assert create(input_reference=reference).prompt == "a cat"


def test_a_reference_may_be_uploaded():
    """An uploaded reference is a file part of the form."""
    body = Body({"prompt": "a cat", "input_reference": {"bytes": 1}}, {"input_reference": b"x"})
    assert wanted_create(body).prompt == "a cat"


def test_a_source_is_an_id_or_an_upload():
    """An edit names a finished video or brings one."""
    assert source_of(Body({"video": {"id": "video_1"}})) == "video_1"
    assert source_of(Body({"video": {"bytes": 1}}, {"video": b"x"})) is None


@pytest.mark.parametrize("video", [None, "video_1", {}, {"id": 7}, {"sha256": "x"}])
def test_a_wrong_source_is_refused(video: object):
    """Anything else is a 400 about `video`."""
    with pytest.raises(ApiError) as refused:
        source_of(Body({"video": video}))
    assert (refused.value.status, refused.value.param) == (400, "video")
