"""A server whose key is in the environment, and jobs that complete there."""

import httpx
import pytest
from asking_kit import a_client

from vidobs.testing import FrozenClock, Sandbox

KEY = "sk-expiry-test-0123456789"


class Server:
    """A sandbox on a clock that is moved by hand, and what the tests ask of it."""

    def __init__(self, sandbox, clock):
        self.sandbox = sandbox
        self.clock = clock

    def complete(self, prompt="a cat", *, seconds=4):
        """Make a job, and see it complete; return its id at the server."""
        with a_client(base_url=self.sandbox.base_url, api_key=KEY) as client:
            video = client.videos.create(
                prompt=prompt, model="sora-2", seconds=seconds, size="160x96"
            )
            self.clock.advance(10)
            client.videos.retrieve(video.id)
        return video.id

    def delete(self, video_id):
        """Delete a video behind everybody's back."""
        url = f"{self.sandbox.base_url}/videos/{video_id}"
        httpx.delete(url, headers={"authorization": f"Bearer {KEY}"}).raise_for_status()

    @property
    def downloads(self):
        """How often a file was asked for."""
        paths = [request.path for request in self.sandbox.requests]
        return sum(path.endswith("/content") for path in paths)


@pytest.fixture
def clock():
    """The time of the server and of vidobs."""
    return FrozenClock()


@pytest.fixture
def server(clock, monkeypatch):
    """Start a server; the environment has its key."""
    with Sandbox(clock=clock) as sandbox:
        monkeypatch.setenv("OPENAI_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield Server(sandbox, clock)
