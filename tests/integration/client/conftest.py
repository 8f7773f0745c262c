"""Our own client of either kind behind one face."""

import asyncio
import inspect

import pytest

import vidobs
from vidobs.testing import Sandbox, isolated

KEY = "sk-client-test-0123456789"


class Api:
    """`api(lambda videos: videos.create(...))`, sync or async."""

    def __init__(self, kind, **given):
        self.kind = kind
        self._loop = asyncio.Runner() if kind == "async" else None
        self.client = (vidobs.AsyncClient if self._loop else vidobs.Client)(**given)

    def __call__(self, call):
        """Make a call and return its result; a list comes whole."""
        value = call(self.client.videos)
        if self._loop is None:
            return list(value) if inspect.isgenerator(value) else value
        return self._loop.run(_result(value))

    def close(self):
        """Close the client and the loop."""
        if self._loop is None:
            self.client.close()
            return
        self._loop.run(self.client.close())
        self._loop.close()


async def _result(value):
    if inspect.isasyncgen(value):
        return [item async for item in value]
    return await value


@pytest.fixture
def sandbox():
    """A server that is a hundred times as fast as a real one."""
    with Sandbox(time_scale=0.01) as server:
        yield server


@pytest.fixture
def seen():
    """What vidobs records."""
    with isolated() as found:
        yield found


@pytest.fixture(params=["sync", "async"])
def make_api(request):
    """Make clients of one kind."""
    made = []

    def make(base_url, **given):
        made.append(Api(request.param, base_url=base_url, **{"api_key": KEY, **given}))
        return made[-1]

    yield make
    for api in made:
        api.close()


@pytest.fixture
def api(make_api, sandbox, seen):
    """A client of the sandbox."""
    return make_api(sandbox.base_url)
