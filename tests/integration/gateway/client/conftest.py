"""Both kinds of event loop."""

import asyncio
import sys

import pytest

LOOPS = ["asyncio"] if sys.platform == "win32" else ["asyncio", "uvloop"]


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine in a loop of its own, and let nothing go unheard in it."""
    factory = asyncio.new_event_loop
    if request.param == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    unheard = []

    def running(coroutine):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.get_loop().set_exception_handler(lambda _, said: unheard.append(said))
            return runner.run(_in_time(coroutine))

    yield running
    assert unheard == []


async def _in_time(coroutine):
    async with asyncio.timeout(20):
        return await coroutine
