"""What callers of LiteLLM's functions are used to, and what they find beside it."""

import asyncio
import io
import json

import pytest
from rich.console import Console

import vidobs
from vidobs import exceptions
from vidobs.dialects.litellm_ids import packed, unpacked
from vidobs.sdk.functions._loops import Loops
from vidobs.sdk.functions._progress import on_terminal

QUEUED = {"id": "video_1", "object": "video", "status": "queued"}
PERSON = {"id": "char_1", "name": "Ann", "created_at": 1}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


def test_arguments_by_position(f, sandbox):
    """In LiteLLM's order: timeout, provider, headers, query, body."""
    made = f.video_generation("a cat", "sora-2", None, "4", None, None, 60, "openai", {"x-a": "1"})
    f.video_status(made.id, 60, None, {"x-a": "2"}, {"trial": "1"})

    create, poll = sandbox.requests
    assert (create.headers["x-a"], poll.headers["x-a"], poll.query) == ("1", "2", "trial=1")


def test_a_list_holds_dictionaries_whose_fields_are_attributes(f):
    """So they can be written as JSON, as LiteLLM's can."""
    made = f.video_generation("a cat", "sora-2")

    listed = f.video_list()

    [video] = listed["data"]
    assert json.loads(json.dumps(listed))["data"][0]["id"] == video.id == video["id"] == made.id
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        _ = video.nothing


@pytest.mark.parametrize(
    ("call", "mock", "shown"),
    [
        (("video_status", "video_1"), QUEUED, lambda video: (video.id, video.model)),
        (("video_delete", "video_1"), json.dumps(QUEUED), lambda video: (video.id, video.usage)),
        (("video_wait", "video_1"), QUEUED, lambda video: (video["id"], video.get("size"))),
        (("video_create_character", "Ann", b""), PERSON, lambda ann: ("video_1", ann.get("x"))),
        (("video_list",), [QUEUED], lambda page: (page["first_id"], page.get("x"))),
        (("video_list",), {"data": [QUEUED]}, lambda page: (page["data"][0]["id"], None)),
        (("video_content", "video_1"), b"bytes", lambda data: ("video_1", data[:0] or None)),
    ],
)
def test_every_function_takes_a_made_up_answer(f, sandbox, call, mock, shown):
    """It has all the fields, and nothing is sent."""
    name, *given = call
    assert shown(getattr(f, name)(*given, mock_response=mock)) == ("video_1", None)
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("name", "mock", "said"),
    [
        ("video_status", ["video_1"], "must be a video"),
        ("video_get_character", "Ann", "must be a character"),
        ("video_list", "{", "must be a list of videos"),
        ("video_content", "text", "must be bytes"),
    ],
)
def test_a_made_up_answer_that_is_none(f, name, mock, said):
    """The error says what it must be."""
    given = () if name == "video_list" else ("video_1",)
    with pytest.raises(vidobs.ConfigError, match=said):
        getattr(f, name)(*given, mock_response=mock)


def test_characters_go_by_the_ids_they_have_here(f, sandbox):
    """The server gets its own id, whichever of the two is given."""
    ours = packed("openai", None, "char_1", kind="character")
    f.video_generation("@Ann and @Bob", "sora-2", characters=[{"id": ours}, {"id": "char_2"}])

    [asked] = sandbox.requests
    assert asked.fields["characters"] == [{"id": "char_1"}, {"id": "char_2"}]


def test_tags_as_litellm_writes_them(f, seen):
    """A list of `name:value`, beside the plain values of the metadata."""
    f.video_generation("a cat", "sora-2", metadata={"tags": ["team:red", "urgent"], "env": "dev"})

    [job] = seen.jobs
    assert job.tags == {"team": "red", "urgent": "true", "env": "dev"}


def test_a_call_says_how_often_it_is_sent_again(f, sandbox):
    """`max_retries` is of this call."""
    with pytest.raises(exceptions.RateLimitError):
        f.video_generation("a cat [[fault:rate_limit]]", "sora-2", max_retries=0)

    assert len(sandbox.requests) == 1


def test_a_file_is_told_by_how_it_begins(f, sandbox):
    """One without a name gets one; its place is where it was."""
    f.video_generation("a cat", "sora-2", input_reference=io.BytesIO(PNG))

    sent = sandbox.requests[0].fields["input_reference"]
    assert (sent["filename"], sent["content_type"]) == ("input_reference.png", "image/png")
    assert sent["bytes"] == len(PNG)
    with pytest.raises(vidobs.ConfigError, match="opened with 'rb'"):
        f.video_generation("a cat", "sora-2", input_reference=io.StringIO("text"))


def test_the_span_says_what_was_left_out(f, seen):
    """By name; a call that leaves nothing out says nothing."""
    made = f.video_generation("a cat", "sora-2")
    f.video_wait(made.id, poll_interval=0.01)
    with pytest.warns(vidobs.UnsupportedParameterWarning):
        f.video_remix(made.id, "a dog", seconds="8", size="720x1280")

    first, remix = seen.jobs
    [created] = [span for span in seen.events.spans if span.span_id == remix.trace.span_id]
    said = vidobs.span_attributes(created, remix)
    assert said["vidobs.request.unsupported"] == "seconds,size"
    assert (first.request.unsupported, remix.request.unsupported) == ((), ("seconds", "size"))


@pytest.mark.parametrize("terminal", [True, False])
def test_a_progress_bar_on_a_terminal_only(f, terminal):
    """One line on standard error, and the caller's function is told all the same."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=60)
    told = []
    made = f.video_generation("a cat", "sora-2")

    with on_terminal(told.append, console=console) as tell:
        f.video_wait(made.id, poll_interval=0.01, on_progress=tell)

    assert told[-1].status == "completed"
    assert ("video completed" in screen.getvalue()) is terminal
    assert ("100 %" in screen.getvalue()) is terminal


def test_a_progress_bar_is_asked_for_by_name(f, capsys):
    """Standard error is no terminal here, so nothing is written."""
    made = f.video_generation("a cat", "sora-2")

    assert f.video_wait(made.id, poll_interval=0.01, progress_bar=True).status == "completed"
    assert capsys.readouterr() == ("", "")


def test_connections_are_kept_in_an_event_loop_and_closed_with_it():
    """Each loop has its own; shutting down its generators closes it."""
    import httpx

    loops = Loops(httpx.AsyncClient)

    async def twice():
        first, second = await asyncio.gather(loops.here(), loops.here())
        assert first is second
        assert not first.http.is_closed
        return first

    one, other = asyncio.run(twice()), asyncio.run(twice())

    assert one.http is not other.http
    assert (one.http.is_closed, other.http.is_closed) == (True, True)


def test_ids_say_who_made_them(f):
    """What the functions hand out is what LiteLLM would."""
    made = f.video_generation("a cat", "azure/sora-2")

    assert unpacked(made.id) == unpacked(f.video_status(made.id).id)
    assert made.hidden_params is made._hidden_params
