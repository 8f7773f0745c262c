"""The official SDK with a virtual key of the gateway, sync and async; older ones run this too."""

import asyncio
import inspect

import openai
import pytest
from gateway_kit import whole

from vidobs.testing import Sandbox

MOST_POLLS = 2000


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The address of a gateway, and a key that may make videos there."""
    folder = tmp_path_factory.mktemp("gateway")
    with Sandbox(time_scale=0.01) as sandbox, whole(sandbox, folder) as http:
        made = http.post("/key/generate", json={"max_budget": 100, "models": ["my-sora"]})
        yield f"{http.base_url}/v1", made.json()["key"]


class Videos:
    """`client.videos` of either kind behind one face."""

    def __init__(self, kind, place):
        base_url, key = place
        make = openai.AsyncOpenAI if kind == "async" else openai.OpenAI
        self._client = make(base_url=base_url, api_key=key, max_retries=0)
        self._loop = asyncio.Runner()

    def __getattr__(self, name):
        return lambda *args, **given: self._made(getattr(self._client.videos, name)(*args, **given))

    def ended(self, its_id):
        """Ask until a video has ended."""
        for _ in range(MOST_POLLS):
            video = self.retrieve(its_id)
            if video.status in ("completed", "failed"):
                return video
        raise AssertionError(video)

    def close(self):
        """Close the client."""
        self._made(self._client.close())
        self._loop.close()

    def _made(self, value):
        return self._loop.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value):
    return await value


@pytest.fixture(params=["sync", "async"])
def videos(request, place):
    """Both kinds of clients."""
    made = Videos(request.param, place)
    yield made
    made.close()


def test_a_life_of_a_video(videos):
    """Made, asked about, listed, fetched, remixed and deleted, under one id."""
    made = videos.create(model="my-sora", prompt="a cat", seconds="4", size="720x1280")
    assert (made.object, made.model, made.seconds) == ("video", "my-sora", "4")
    done = videos.ended(made.id)
    assert (done.id, done.status, done.progress) == (made.id, "completed", 100)
    assert videos.list(limit=1).data[0].id == made.id
    assert videos.download_content(made.id).content[4:8] == b"ftyp"
    assert videos.download_content(made.id, variant="thumbnail").content[:4] == b"RIFF"
    remixed = videos.remix(made.id, prompt="a dog")
    assert remixed.remixed_from_video_id == made.id
    assert videos.ended(remixed.id).status == "completed"
    gone = videos.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "video.deleted", True)
    with pytest.raises(openai.NotFoundError):
        videos.retrieve(made.id)


def test_the_client_waits_itself(videos):
    """`create_and_poll` ends when the video has, by the gateway's hint of when to ask."""
    done = videos.create_and_poll(model="my-sora", prompt="a cat", seconds="4")
    assert done.status == "completed"


def test_what_a_key_may_not_do_is_raised(videos):
    """Another model, and an id that nobody has."""
    with pytest.raises(openai.BadRequestError) as refused:
        videos.create(model="sora-9", prompt="a cat")
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        videos.remix("video_nobody", prompt="a dog")
