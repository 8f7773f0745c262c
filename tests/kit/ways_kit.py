"""Every way to call the server of a dialect, behind one face."""

import asyncio
import inspect

import httpx
import openai
import pytest

import vidobs
from vidobs.dialects.variants import VARIANTS

KEY = "sk-dialects-test-0123456789"
ASKED = {"prompt": "A tram", "model": "wan", "seconds": "1", "size": "64x64"}


def address(dialect, server):
    """Return the address of a played server as its clients write it."""
    return server.azure_url if dialect == "azure" else server.base_url


def plain_http(kind="sync"):
    """Return an httpx client that loads no certificates, which takes longer than a job here."""
    return (httpx.AsyncClient if kind == "async" else httpx.Client)(verify=False)


class Way:
    """One way to call a server, sync or async: `create`, `status`, `wait`, `download`, ..."""

    def __init__(self, kind):
        self.kind = kind
        self._loop = asyncio.Runner() if kind == "async" else None

    def made(self, value):
        """Return what a call comes to."""
        return self._loop.run(_awaited(value)) if inspect.isawaitable(value) else value

    def close(self):
        """End the loop."""
        if self._loop is not None:
            self._loop.close()


async def _awaited(value):
    return await value


class ByClient(Way):
    """Our own client."""

    def __init__(self, kind, dialect):
        super().__init__(kind)
        self._http = plain_http(kind)
        make = vidobs.AsyncClient if kind == "async" else vidobs.Client
        self._client = make(dialect=dialect, http_client=self._http)
        self.videos = self._client.videos

    def create(self, **fields):
        """Make a video; return its id."""
        return self.made(self.videos.create(**{**ASKED, **fields})).id

    def wait(self, its_id):
        """Wait for it; return the word for its state."""
        call = self.videos.wait(its_id, poll_interval=0.001, raise_on_failure=False)
        return self.made(call).status

    def download(self, its_id):
        """Return its bytes."""
        return self.made(self.videos.download(its_id)).data

    def close(self):
        """Close the client."""
        self.made(self._http.aclose() if self.kind == "async" else self._http.close())
        super().close()


class ByFunctions(Way):
    """LiteLLM's functions."""

    def __init__(self, kind, dialect):
        super().__init__(kind)
        self.provider = VARIANTS[dialect].provider

    def call(self, name, *args, **given):
        """Call a function or its awaiting twin."""
        return self.made(getattr(vidobs, ("a" if self._loop else "") + name)(*args, **given))

    def create(self, **fields):
        """Make a video; return its id."""
        asked = {**ASKED, **fields}
        return self.call("video_generation", **{**asked, "model": f"{self.provider}/wan"}).id

    def wait(self, its_id):
        """Wait for it."""
        return self.call("video_wait", its_id, poll_interval=0.001, raise_on_failure=False).status

    def download(self, its_id):
        """Return its bytes."""
        return self.call("video_content", its_id)


class ByOpenai(Way):
    """The official SDK, wrapped."""

    def __init__(self, kind, dialect, server):
        super().__init__(kind)
        azure = dialect == "azure"
        base_url = f"{server.azure_url}/openai/v1" if azure else server.base_url
        given = {"default_headers": {"api-key": KEY}} if azure else {}
        make = openai.AsyncOpenAI if kind == "async" else openai.OpenAI
        self.client = make(base_url=base_url, api_key=KEY, max_retries=0, **given)
        vidobs.wrap(self.client, dialect=dialect)

    def create(self, **fields):
        """Make a video; raw, so that headers can be seen."""
        raw = self.client.videos.with_raw_response.create(**{**ASKED, **fields})
        parsed = self.made(raw).parse()
        return self.made(parsed).id

    def wait(self, its_id):
        """Poll until the SDK or the words of the server say that it is over."""
        for _ in range(1000):
            try:
                video = self.made(self.client.videos.retrieve(its_id))
            except openai.APIStatusError as error:
                return error.response.json()["status"]
            if video.status not in ("queued", "pending", "submitted", "in_progress", "processing"):
                return video.status
        raise AssertionError(video)

    def download(self, its_id):
        """Return its bytes."""
        return self.made(self.client.videos.download_content(its_id)).content

    def close(self):
        """Close the client."""
        self.made(self.client.close())
        super().close()


EVERYDAY = {("client", "sync"), ("functions", "async"), ("openai", "sync")}


def ways(*hows, dialects=tuple(VARIANTS), kinds=("sync", "async")):
    """Parametrise a test over ways; some are for every day, and all of them for the slow run."""
    return pytest.mark.parametrize(
        "way",
        [
            pytest.param(
                (how, kind, dialect),
                id=f"{dialect}-{how}-{kind}",
                marks=() if (how, kind) in EVERYDAY else pytest.mark.slow,
            )
            for dialect in dialects
            for how in hows
            for kind in kinds
        ],
        indirect=True,
    )
