"""LiteLLM's functions on vidobs, against a whole server."""

import io
import json
import warnings

import pytest

import vidobs
from vidobs import UnsupportedParameterWarning, exceptions
from vidobs.dialects.litellm_ids import packed, unpacked

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def test_generate_and_download_as_the_documentation_shows(f, seen):
    """Right after the create: the download waits for the job."""
    response = f.video_generation(
        prompt="A cat playing with a ball of yarn", model="sora-2", seconds="8", size="720x1280"
    )
    video_bytes = f.video_content(video_id=response.id)

    assert response.status == "queued"
    assert video_bytes[4:8] == b"ftyp"
    [job] = seen.jobs
    assert (job.state, job.cost.status) == ("completed", "settled")
    assert {span.trace_id for span in seen.events.spans} == {job.trace.trace_id}


def test_one_id_for_a_job_whatever_call_it_comes_from(f):
    """It says the provider and the model that was asked for."""
    made = f.video_generation(model="azure/sora-2", prompt="a cat", seconds=4)
    asked = f.video_status(video_id=made.id)
    done = f.video_wait(made.id, poll_interval=0.01)
    listed = f.video_list(custom_llm_provider="azure")["data"]

    found = unpacked(made.id)
    assert (found.provider, found.model) == ("azure", "sora-2")
    assert {made.id, asked.id, done.id, *(video.id for video in listed)} == {made.id}
    assert f.video_status(found.raw, custom_llm_provider="azure").id == made.id


def test_azure_goes_to_azure(f, sandbox):
    """Its address, its header and its path; OpenAI's key stays at home."""
    made = f.video_generation(model="azure/sora-2", prompt="a cat")
    f.video_status(made.id)

    for asked in sandbox.requests:
        assert asked.path.startswith("/openai/v1/videos")
        assert "api-key" in asked.headers
        assert "authorization" not in asked.headers


def test_what_comes_back_is_used_as_litellms_is(f):
    """Attributes, items, `get`, `in`, `json()` and the hidden cost."""
    made = f.video_generation(prompt="a cat", model="openai/sora-2", seconds=8)

    assert (made.status, made["status"], made.get("status")) == ("queued",) * 3
    assert ("id" in made, "nothing" in made, made.get("nothing", 7)) == (True, False, 7)
    assert made.json()["seconds"] == "8"
    assert json.loads(made.model_dump_json())["id"] == made.id
    assert made.usage == {"duration_seconds": 8.0}
    assert made._hidden_params["response_cost"] == 0.8
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        _ = made.nothing


@pytest.mark.parametrize(
    "reference",
    [
        PNG,
        lambda: io.BytesIO(PNG),
        ("cat.png", PNG),
        ("cat.png", PNG, "image/png"),
        "data:image/png;base64,iVBORw0KGgo=",
        {"file_id": "file-1"},
    ],
    ids=["bytes", "file", "pair", "triple", "url", "id"],
)
def test_a_reference_in_every_form(f, seen, reference):
    """Each reaches the server as one picture."""
    given = reference() if callable(reference) else reference

    f.video_generation(prompt="a cat", model="sora-2", input_reference=given)

    [job] = seen.jobs
    assert job.request.input_images == 1


def test_what_a_remix_cannot_take_is_left_out_and_said(f, sandbox):
    """Once, with the reason; or refused, if so wished."""
    made = f.video_generation(prompt="a cat", model="sora-2")
    f.video_wait(made.id, poll_interval=0.01)

    with pytest.warns(UnsupportedParameterWarning, match="seconds: a remix is as long") as said:
        remix = f.video_remix(made.id, "a dog", input_reference=PNG, seconds="8")
    with pytest.raises(vidobs.ConfigError, match="video_remix cannot send input_reference"):
        f.video_remix(made.id, "a dog", input_reference=PNG, on_unsupported="error")

    assert len(said) == 1
    assert remix.remixed_from_video_id == made.id
    [sent] = [request for request in sandbox.requests if request.path.endswith("/remix")]
    assert sent.fields == {"prompt": "a dog"}


def test_edit_extend_delete_and_characters(f):
    """The other verbs of the protocol."""
    made = f.video_generation(prompt="a cat", model="sora-2")
    data = f.video_content(made.id)

    edited = f.video_edit(made.id, "a cow")
    longer = f.video_extension(made.id, "go on", seconds=4)
    person = f.video_create_character("Ann", data)
    found = f.video_get_character(person.id)
    gone = f.video_delete(made.id)

    assert unpacked(edited.id).raw != unpacked(longer.id).raw
    assert (found.name, found.id) == ("Ann", person.id)
    assert (gone.deleted, gone.id) == (True, made.id)


def test_a_download_to_a_file(f, tmp_path):
    """In pieces; the result says where, how large, and its checksum."""
    made = f.video_generation(prompt="a cat", model="sora-2")

    kept = f.video_content(made.id, file=tmp_path / "cat.mp4")

    assert kept.path == str(tmp_path / "cat.mp4")
    assert (tmp_path / "cat.mp4").stat().st_size == kept.size_bytes


def test_a_job_that_failed_raises_what_stopped_it(f):
    """Also out of a download; a status is only a status."""
    made = f.video_generation(prompt="a cat [[fault:moderation_output]]", model="sora-2")

    with pytest.raises(exceptions.ContentPolicyViolationError) as caught:
        f.video_content(made.id)

    assert caught.value.llm_provider == "openai"
    assert f.video_status(made.id).status == "failed"
    assert f.video_wait(made.id, raise_on_failure=False).status == "failed"


def test_a_download_that_does_not_want_to_wait(f):
    """The error says what to do."""
    made = f.video_generation(prompt="a cat [[fault:stuck]]", model="sora-2")

    with pytest.raises(exceptions.ConflictError, match="call video_wait first"):
        f.video_content(made.id, wait=False)
    with pytest.raises(exceptions.Timeout):
        f.video_content(made.id, timeout=0.05)


def test_an_answer_that_is_made_up(f, sandbox, seen):
    """Nothing is sent, nothing recorded."""
    made = f.video_generation(prompt="a cat", mock_response={"id": "video_1", "status": "queued"})

    assert (made.id, made.object) == ("video_1", "video")
    assert not sandbox.requests
    assert not seen.jobs
    with pytest.raises(vidobs.ConfigError, match="mock_response must be a video"):
        f.video_generation(prompt="a cat", mock_response="a cat")


def test_arguments_go_where_litellm_sends_them(f, sandbox, seen):
    """Headers, query, body, user and metadata; its own arguments stay here."""
    f.video_generation(
        "a cat",
        "sora-2",
        user="ann",
        extra_headers={"x-team": "film"},
        extra_query={"trial": "1"},
        extra_body={"seed": 7},
        fps=24,
        metadata={"project": "cats", "nested": {"a": 1}},
        num_retries=3,
        callbacks=["x"],
    )

    [asked] = sandbox.requests
    assert asked.headers["x-team"] == "film"
    assert asked.fields == {
        "model": "sora-2", "prompt": "a cat", "user": "ann", "seed": 7, "fps": 24,
    }  # fmt: skip
    [job] = seen.jobs
    assert (job.user, job.tags) == ("ann", {"project": "cats"})


def test_wrong_arguments_name_the_fix(f):
    """Before anything is sent."""
    with pytest.raises(vidobs.ConfigError, match=r"vidobs\.job"):
        f.video_generation(prompt="a cat", model="runwayml/gen4_turbo")
    with pytest.raises(vidobs.ConfigError, match=r"unknown provider 'opneai'.*'openai'"):
        f.video_generation(prompt="a cat", custom_llm_provider="opneai")
    with pytest.raises(exceptions.AuthenticationError):
        f.video_generation(prompt="a cat", api_key="")


def test_ids_flow_both_ways():
    """What LiteLLM makes is understood; what is no such id is the provider's own."""
    made = packed("azure", "sora-2", "video_1;x")

    assert (unpacked(made).provider, unpacked(made).model, unpacked(made).raw) == (
        "azure", "sora-2", "video_1;x",
    )  # fmt: skip
    assert packed("openai", None, made) == made
    for plain in ("video_456", "video_", "x", "video_" + "A" * 40, "video_bm90aGluZw=="):
        assert unpacked(plain).raw == plain
        assert unpacked(plain).provider is None


def test_one_warning_only(f):
    """What is supported is not warned about."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f.video_generation(prompt="a cat", model="sora-2", seconds=8, size="720x1280")
