"""A file on its way is looked at by a thread: all of it, in its order, and never far behind."""

import asyncio
import hashlib
import threading

import pytest

from vidobs.gateway.routes.feeding import AHEAD_BYTES, AT_ONCE_BYTES, Feeding

PIECES = [bytes([number % 251]) * (100_000 + number) for number in range(100)]
WHOLE = b"".join(PIECES)


class Looking:
    """Looks at pieces, and notes which threads did."""

    def __init__(self, *, until=None):
        self.seen, self.threads, self.size = [], set(), 0
        self._until, self._inside = until, 0
        self._loops = threading.get_ident()

    def __call__(self, piece):
        """Take one."""
        assert not self._inside
        self._inside += 1
        here = threading.get_ident()
        if self._until is not None and here != self._loops:
            self._until.wait(10)
        self.threads.add(here)
        self.seen.append(piece)
        self.size += len(piece)
        self._inside -= 1

    @property
    def digest(self):
        """Of all that was seen."""
        return hashlib.sha256(b"".join(self.seen)).digest()


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_everything_is_looked_at_in_its_order(at_once):
    """Most of it not in the loop's thread."""
    looking = Looking()

    async def going():
        feeding = Feeding(looking, asyncio.get_running_loop())
        for at in range(0, len(PIECES), at_once):
            await feeding.take(PIECES[at : at + at_once])
        await feeding.rest()
        feeding.finish()

    asyncio.run(going())

    assert looking.digest == hashlib.sha256(WHOLE).digest()
    assert looking.threads - {threading.get_ident()}


def test_a_small_file_needs_no_thread():
    """It is looked at before anything of it is sent."""
    looking = Looking()

    async def going():
        feeding = Feeding(looking, asyncio.get_running_loop())
        await feeding.take([b"a" * AT_ONCE_BYTES])
        assert looking.size == AT_ONCE_BYTES
        await feeding.rest()
        feeding.finish()

    asyncio.run(going())

    assert looking.threads == {threading.get_ident()}


def test_a_thread_that_is_slow_is_waited_for():
    """Only so much is kept for it."""
    until = threading.Event()
    looking = Looking(until=until)

    async def going():
        loop = asyncio.get_running_loop()
        feeding, taken = Feeding(looking, loop), 0

        async def taking():
            nonlocal taken
            for piece in PIECES:
                await feeding.take([piece])
                taken += len(piece)

        task = loop.create_task(taking())
        while feeding._taken <= AHEAD_BYTES:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
        assert taken <= AHEAD_BYTES + AT_ONCE_BYTES
        until.set()
        await task
        await feeding.rest()
        feeding.finish()

    asyncio.run(going())

    assert looking.digest == hashlib.sha256(WHOLE).digest()


def test_who_stops_in_the_middle_knows_what_was_there():
    """After `finish` everything that was taken is counted, and nothing moves any more."""
    until = threading.Event()
    looking = Looking(until=until)

    async def going():
        feeding = Feeding(looking, asyncio.get_running_loop())
        task = asyncio.create_task(feeding.take(PIECES))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        until.set()
        feeding.finish()
        assert looking.digest == hashlib.sha256(WHOLE).digest()

    asyncio.run(going())

    assert looking.size == len(WHOLE)
