"""The functions of either kind behind one face, and a server of their own."""

import asyncio

import pytest

import vidobs
from vidobs.testing import Sandbox, isolated

KEY = "sk-functions-test-0123456789"


class Functions:
    """`f.video_generation(...)` calls the function or its async twin."""

    def __init__(self, kind):
        self.kind = kind

    def __getattr__(self, name):
        if self.kind == "sync":
            return getattr(vidobs, name)

        def run(*args, **kwargs):
            return asyncio.run(getattr(vidobs, "a" + name)(*args, **kwargs))

        return run


@pytest.fixture
def sandbox(monkeypatch):
    """A server that is a hundred times as fast as a real one, for OpenAI and for Azure."""
    with Sandbox(time_scale=0.01) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key-0123456789")
        monkeypatch.setenv("AZURE_OPENAI_API_BASE", server.azure_url.removesuffix("/openai/v1"))
        yield server


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated() as found:
        yield found


@pytest.fixture(params=["sync", "async"])
def f(request, sandbox, seen):
    """The functions of one kind."""
    return Functions(request.param)
