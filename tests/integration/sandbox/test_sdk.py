"""The official SDK against the sandbox: every video call, sync and async, OpenAI and Azure."""

import io
from itertools import pairwise

import av
import openai
import pytest
from openai.resources.videos import Videos

from vidobs.testing import Sandbox


@pytest.fixture
def sandbox():
    """Twenty times faster than usual."""
    with Sandbox(time_scale=0.05) as running:
        yield running


@pytest.fixture(params=["openai", "azure", "azure v1"])
def sdk(request, sandbox):
    """A client for each of the three ways in."""
    clients = {
        "openai": lambda: openai.OpenAI(base_url=sandbox.base_url, api_key="k"),
        "azure": lambda: openai.AzureOpenAI(
            azure_endpoint=sandbox.azure_url, api_key="k", api_version="preview"
        ),
        "azure v1": lambda: openai.OpenAI(base_url=f"{sandbox.azure_url}/openai/v1/", api_key="k"),
    }
    with clients[request.param]() as client:
        yield client


def test_the_life_of_a_video(sdk, sandbox):
    """Create, poll, list, remix, download and delete, with the file as it was asked for."""
    video = sdk.videos.create_and_poll(
        model="sora-2", prompt="A cat with a ball of yarn", seconds="4", size="1280x720"
    )
    assert (video.status, video.progress, video.error) == ("completed", 100, None)
    assert (video.model, video.seconds, video.size) == ("sora-2", "4", "1280x720")
    assert video.expires_at > video.completed_at >= video.created_at

    data = sdk.videos.download_content(video.id).read()
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert (stream.width, stream.height) == (1280, 720)
        assert container.duration / av.time_base == pytest.approx(4, abs=1 / 24)

    remix = sdk.videos.remix(video.id, prompt="A dog")
    assert remix.remixed_from_video_id == video.id
    assert [listed.id for listed in sdk.videos.list(limit=1)] == [remix.id, video.id]
    assert sdk.videos.delete(video.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        sdk.videos.retrieve(video.id)
    assert [job.deleted for job in sandbox.jobs] == [True, False]


def test_the_polls_follow_the_server(sdk, sandbox):
    """`create_and_poll` waits as long as the header says, not the SDK's own second."""
    sdk.videos.create_and_poll(prompt="a cat")
    polls = [request for request in sandbox.requests if request.method == "GET"]
    assert all(request.headers["x-stainless-poll-helper"] == "true" for request in polls)
    waits = [
        (later.received_at - earlier.received_at).total_seconds()
        for earlier, later in pairwise(polls)
    ]
    assert waits
    assert min(waits) >= 0.012


def test_uploads_reach_the_server(sdk, sandbox):
    """Files and bracketed fields arrive as the SDK sends them, in multipart."""
    picture = ("a.png", b"\x89PNG", "image/png")
    sdk.videos.create(prompt="a cat", input_reference=picture)
    reference = {"input_reference": {"image_url": "https://example.com/a.png"}}
    sdk.videos.create(prompt="a cat", extra_body=reference)
    uploaded, referred = (request.fields["input_reference"] for request in sandbox.requests)
    assert (uploaded["filename"], uploaded["bytes"]) == ("a.png", 4)
    assert referred == {"image_url": "https://example.com/a.png"}


@pytest.mark.skipif(not hasattr(Videos, "edit"), reason="older SDKs have no such calls")
def test_edit_extend_and_characters(sdk):
    """The calls that take a video file work with a file that the sandbox made."""
    video = sdk.videos.create_and_poll(prompt="a cat", size="160x96")
    file = ("a.mp4", sdk.videos.download_content(video.id).read(), "video/mp4")
    assert sdk.videos.edit(prompt="bluer", video=file).seconds == "4"
    assert sdk.videos.extend(prompt="longer", video=file, seconds="8").seconds == "12"
    character = sdk.videos.create_character(name="Tom", video=file)
    assert sdk.videos.get_character(character.id).name == "Tom"


def test_errors_are_the_sdks_own(sdk, sandbox):
    """Wrong parameters, unknown ids and a missing key become the exceptions that users know."""
    with pytest.raises(openai.BadRequestError) as wrong:
        sdk.videos.create(prompt="a cat", size="1x1")
    assert (wrong.value.param, wrong.value.code) == ("size", "invalid_value")
    assert wrong.value.request_id.startswith("req_")
    with pytest.raises(openai.NotFoundError):
        sdk.videos.retrieve("video_none")


async def test_the_async_client(sandbox):
    """The same job through `AsyncOpenAI`, streaming the download."""
    async with openai.AsyncOpenAI(base_url=sandbox.base_url, api_key="k") as client:
        video = await client.videos.create_and_poll(prompt="a cat", size="160x96")
        streaming = client.videos.with_streaming_response.download_content(video.id)
        async with streaming as body:
            data = b"".join([chunk async for chunk in body.iter_bytes()])
    assert video.status == "completed"
    assert data[4:8] == b"ftyp"
