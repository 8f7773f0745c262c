"""Jobs that hang and videos that are soon gone are found by the clock, and said once."""

from datetime import timedelta

import pytest
from ledger_kit import RULES, Audit, Maker

from vidobs.core.events import EventName
from vidobs.core.jobs import JobState, Notice, VideoFile
from vidobs.ledger import codec
from vidobs.runtime.store import LedgerStore
from vidobs.runtime.watching import FRONT, ROWS, Watch

Q, P, C = JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED
HOUR_S = 3600


class Process:
    """A process that shares the ledger, on the clock of the maker."""

    def __init__(self, path, make, **settings):
        settings = {"stuck_after_s": None, "expiring_before_s": None, **settings}
        self.make = make
        self.store = LedgerStore(
            str(path),
            RULES,
            clock=self,
            getrandbits=make.bits,
            report=lambda _: None,
            full_sync=False,
            watch=Watch(getrandbits=make.bits, **settings),
        )
        self.store.backlog.open()
        self._now_s = 0.0

    def time_ns(self):
        """Return the time of the maker."""
        return self.make.now_ns

    def keep(self):
        """Do the housekeeping of a minute; return the events that it caused."""
        self._now_s += 60
        said = []
        for _ in range(10):  # a round may take several steps
            late, _ = self.store.keep(self._now_s)
            said += [(event.name, event.job.job_id) for seen in late for event in seen.events]
        return said

    def job(self, video_id, *states, **says):
        """Create a job, and let it be seen in some states."""
        intent = self.make.job()
        self.store.backlog.intend(intent)
        for state in states:
            self.store.backlog.record(self.make.seen(intent, id=video_id, state=state))
        if says:
            self.store.backlog.record(self.make.seen(intent, id=video_id, state=C, **says))
        return intent.job_id

    def front(self):
        """Return the place before which nothing is watched any more."""
        return self.store.outbox().sweeper().note(FRONT)


@pytest.fixture
def make():
    """Make jobs."""
    return Maker()


@pytest.fixture
def path(tmp_path):
    """Name the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def process(path, make):
    """Open processes on the ledger; in the end it must be sound."""
    opened = []

    def start(**settings):
        opened.append(Process(path, make, **settings))
        return opened[-1]

    yield start
    for one in opened:
        one.store.close()
    Audit(path).check()


def in_s(make, seconds):
    """Return a time so many seconds from now."""
    return codec.moment(make.now_ns // 1000) + timedelta(seconds=seconds)


def test_a_job_that_hangs_is_named_once(process, make):
    """After an hour without any change, where nothing is known of its model; by one process."""
    one, other = process(), process()
    hangs = one.job("v1", Q, P)

    make.tick(HOUR_S - 60)
    assert one.keep() == []
    make.tick(120)
    assert other.keep() == [(EventName.STUCK, hangs)]
    make.tick(120)
    assert (one.keep(), other.keep()) == ([], [])
    assert one.store.backlog.find("openai", "v1").notices == (Notice.STUCK,)


def test_a_model_that_is_known_is_given_less_time(process, make):
    """Ten times the median of what it took, and a quarter of an hour at least."""
    one = process()
    for number in range(3):
        intent = make.job()
        one.store.backlog.intend(intent)
        one.store.backlog.record(make.seen(intent, id=f"past{number}", state=Q))
        make.tick(119)
        one.store.backlog.record(make.seen(intent, id=f"past{number}", state=C))
    hangs = one.job("v1", Q)

    make.tick(1140)
    assert one.keep() == []
    make.tick(120)
    assert one.keep() == [(EventName.STUCK, hangs)]


def test_a_job_that_moves_does_not_hang(process, make):
    """Every tenth of progress is a change."""
    one = process(stuck_after_s=1000.0)
    moves = one.job("v1", Q)
    for progress in (10, 20, 30):
        make.tick(900)
        one.store.backlog.record(make.seen(id="v1", state=P, progress=progress))
        assert one.keep() == []

    make.tick(1001)
    assert one.keep() == [(EventName.STUCK, moves)]


def test_a_job_whose_events_are_gone_is_as_old_as_its_last_step(process, make):
    """Events are dropped when too many wait; the job still says when it was accepted."""
    one = process(stuck_after_s=1000.0)
    hangs = one.job("v1", Q)
    one.store.outbox().sweeper().work(lambda file: file.execute("UPDATE job SET events = ''"))
    one.store.outbox().sweeper().work(lambda file: file.execute("DELETE FROM event"))

    make.tick(1001)
    assert one.keep() == [(EventName.STUCK, hangs)]


def test_a_video_that_is_soon_gone_is_named_once(process, make):
    """From an hour before its end on, by one process."""
    one, other = process(), process()
    job_id = one.job("v1", Q, expires_at=in_s(make, 24 * HOUR_S))

    make.tick(22.5 * HOUR_S)
    assert one.keep() == []
    make.tick(0.7 * HOUR_S)
    assert other.keep() == [(EventName.EXPIRING, job_id)]
    make.tick(0.5 * HOUR_S)
    assert (one.keep(), other.keep()) == ([], [])


def test_as_early_as_it_was_set(process, make):
    """`expiring_before_s` is the setting."""
    one = process(expiring_before_s=6.0 * HOUR_S)
    job_id = one.job("v1", Q, expires_at=in_s(make, 24 * HOUR_S))

    make.tick(18.5 * HOUR_S)
    assert one.keep() == [(EventName.EXPIRING, job_id)]


@pytest.mark.parametrize("what", ["downloaded", "gone", "unsaid"])
def test_videos_that_nobody_is_warned_about(process, make, what):
    """One that was read, one that is gone already, one of which nobody knows when it goes."""
    one = process()
    expires = {} if what == "unsaid" else {"expires_at": in_s(make, HOUR_S)}
    one.job("v1", Q, C, progress=100, **expires)
    if what == "downloaded":
        file = VideoFile(size_bytes=10, sha256="ab" * 32)
        one.store.backlog.record(make.seen(id="v1", file=file, download=True))

    make.tick(2 * HOUR_S if what == "gone" else HOUR_S - 120)
    assert one.keep() == []


def test_what_is_over_is_not_looked_at_again(process, make):
    """The front stands before the first job that may still need a word, and follows it."""
    one = process()
    for number in range(ROWS + 1):
        one.job(f"v{number}", C)
    waits = one.job("waits", C, expires_at=in_s(make, 30 * HOUR_S))
    one.job("unknown", JobState.UNKNOWN)
    make.tick(2 * HOUR_S)

    one.keep()
    assert one.front() == codec.seq_of(waits) - 1
    make.tick(27.5 * HOUR_S)
    assert one.keep() == [(EventName.EXPIRING, waits)]
    make.tick(14 * 24 * HOUR_S)
    one.keep()
    assert one.front() > codec.seq_of(waits)


def test_a_clock_that_is_put_back_does_not_stop_the_watch(process, make):
    """A round that lies in the future is made now."""
    one = process(stuck_after_s=1000.0)
    make.tick(10 * HOUR_S)
    one.keep()
    make.now_ns -= int(9 * HOUR_S * 1e9)
    hangs = one.job("v1", Q)

    make.tick(1100)
    assert one.keep() == [(EventName.STUCK, hangs)]


def test_a_ledger_in_memory_is_watched_too(make):
    """There it is the process's own."""
    one = Process(":memory:", make, stuck_after_s=1000.0)
    hangs = one.job("v1", Q)

    make.tick(1100)
    assert one.keep() == [(EventName.STUCK, hangs)]
    one.store.close()
