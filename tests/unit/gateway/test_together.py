"""What several requests write in one turn of the loop is one transaction."""

import asyncio

import pytest
from ledger_kit import Maker

from vidobs._guard import Guard
from vidobs.core.jobs import JobState
from vidobs.core.protocols import Recorded
from vidobs.gateway.together import MOST, Together


class Backlog:
    """Keeps what it is given; a write that is not a job comes back as recorded."""

    def __init__(self, *, broken=False):
        self.batches = []
        self._broken = broken

    def write_together(self, writes):
        """Take a batch."""
        self.batches.append(len(writes))
        if self._broken:
            raise RuntimeError
        return [Recorded(write) if write.state is JobState.QUEUED else None for write in writes]


@pytest.fixture
def make():
    """Make jobs."""
    return Maker()


async def test_what_is_written_in_one_turn_goes_together(make):
    """Each gets its own answer, those of the next turn go alone."""
    backlog = Backlog()
    together = Together(backlog, asyncio.get_running_loop(), Guard())
    jobs = [make.job(state=JobState.QUEUED) for _ in range(3)]

    done = await asyncio.gather(*map(together.write, [*jobs, make.job()]))
    later = await together.write(jobs[0])

    assert [each and each.job for each in (*done, later)] == [*jobs, None, jobs[0]]
    assert backlog.batches == [4, 1]


async def test_no_batch_is_larger_than_others_can_wait_for(make):
    """What is too much for one transaction is several, one right after the other."""
    backlog = Backlog()
    together = Together(backlog, asyncio.get_running_loop(), Guard())
    jobs = [make.job(state=JobState.QUEUED) for _ in range(2 * MOST + 1)]

    done = await asyncio.gather(*map(together.write, jobs))

    assert [each.job for each in done] == jobs
    assert backlog.batches == [MOST, MOST, 1]


async def test_nobody_waits_for_what_broke_inside(make, guard_trips):
    """A fault is counted, and those who wait go on without an answer."""
    guard = Guard()
    together = Together(Backlog(broken=True), asyncio.get_running_loop(), guard)

    done = await asyncio.gather(*(together.write(make.job()) for _ in range(2)))

    assert done == [None, None]
    assert guard.trips == {"ledger: RuntimeError": 1}
    guard_trips.expected = {"ledger: RuntimeError"}


async def test_who_went_away_is_not_answered(make):
    """The write of a request that was cancelled is done all the same."""
    backlog = Backlog()
    together = Together(backlog, asyncio.get_running_loop(), Guard())
    gone, kept = (together.write(make.job(state=JobState.QUEUED)) for _ in range(2))

    gone.cancel()

    assert (await kept) is not None
    assert backlog.batches == [2]


async def test_under_load_what_comes_a_turn_later_goes_along(make):
    """Where several were written together the last time; alone, nobody waits for others."""
    backlog, loop = Backlog(), asyncio.get_running_loop()
    together = Together(backlog, loop, Guard())

    async def apart():
        """Write three times, each a turn after the one before."""
        written = [together.write(make.job())]
        for _ in range(2):
            await asyncio.sleep(0)
            written.append(together.write(make.job()))
        await asyncio.gather(*written)

    await apart()
    alone, backlog.batches = backlog.batches, []
    await asyncio.gather(*(together.write(make.job()) for _ in range(2)))
    await apart()

    assert alone == [1, 1, 1]
    assert backlog.batches == [2, 3]
