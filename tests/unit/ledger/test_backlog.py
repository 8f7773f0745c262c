"""What the backlog does when its ledger is busy, broken, or replaced."""

import contextlib
import itertools
import threading

import pytest
from ledger_kit import RULES, Maker

from vidobs.core.errors import LedgerBusyError, LedgerUnusableError
from vidobs.core.jobs import JobState
from vidobs.ledger import backlog as module
from vidobs.ledger.backlog import PATIENCE_S, RETRY_MOST_S, Backlog, Deferred
from vidobs.ledger.sqlite import SqliteLedger

BUSY = LedgerBusyError("busy")
BROKEN = LedgerUnusableError("broken")


class Store:
    """A ledger in memory that counts attempts, and raises what it is told to."""

    def __init__(self, before=None):
        self.inner = SqliteLedger(":memory:", RULES, before=before)
        self.fault = None
        self.attempts = 0
        self.gone = False

    def _try(self):
        self.attempts += 1
        if self.gone:
            raise LedgerUnusableError("closed")
        if self.fault is not None:
            raise self.fault

    def intend(self, job):
        """Try."""
        self._try()
        self.inner.intend(job)

    def record(self, seen):
        """Try."""
        self._try()
        return self.inner.record(seen)

    def write_together(self, writes):
        """Try."""
        self._try()
        return self.inner.write_together(writes)

    def find(self, provider, video):
        """Try."""
        self._try()
        return self.inner.find(provider, video)

    def known(self, provider, video):
        """Answer from the cache."""
        return self.inner.known(provider, video)

    def close(self):
        """Close."""
        self.gone = True

    abandon = close


class Scene:
    """A backlog, the stores it opened, and what it said."""

    def __init__(self):
        self.make = Maker()
        self.stores = [Store()]
        self.opened = 0
        self.unopenable = None
        self.said = []
        self.woken = 0
        self.backlog = Backlog(self.open, self.memory, self.said.append, self.wake)

    def open(self):
        """Open the newest store."""
        self.opened += 1
        if self.unopenable is not None:
            raise self.unopenable
        return self.store

    def memory(self):
        """Open what stands in; it knows what the store knew."""
        return SqliteLedger(":memory:", RULES, before=self.store.inner.cache)

    def wake(self):
        """Count."""
        self.woken += 1

    @property
    def store(self):
        """The newest store."""
        return self.stores[-1]

    def replace(self):
        """Put another store where the broken one was; with the same rows, as a file has."""
        fresh = Store()
        fresh.inner = self.store.inner
        self.stores.append(fresh)

    def seen(self, job, state, **says):
        """Return an answer."""
        return self.make.seen(job, id=f"v-{job.job_id}", state=state, **says)


@pytest.fixture
def scene():
    """Set a scene."""
    return Scene()


def names(done):
    """Return the names of the events of what was written late."""
    return [event.name.value for _, recorded in done for event in recorded.events]


def test_a_busy_ledger_is_tried_once_and_the_rest_waits(scene):
    """After one attempt nobody touches the file: later writes wait in order behind the first."""
    scene.store.fault = BUSY
    job = scene.make.job()
    scene.backlog.intend(job)
    for state in (JobState.QUEUED, JobState.COMPLETED):
        with pytest.raises(Deferred):
            scene.backlog.record(scene.seen(job, state))
    assert (scene.store.attempts, scene.backlog.waiting, scene.woken) == (1, 3, 3)
    assert not scene.backlog.broken


def test_several_writes_wait_together_for_a_busy_ledger(scene):
    """What cannot be one transaction now waits in its order, and is written when it goes."""
    first, second = scene.make.job(), scene.make.job()
    assert scene.backlog.write_together([first]) == [None]
    scene.store.fault = BUSY

    answers = [scene.seen(first, JobState.QUEUED), second, scene.seen(second, JobState.QUEUED)]

    assert scene.backlog.write_together(answers) == [None, None, None]
    assert (scene.store.attempts, scene.backlog.waiting) == (3, 3)  # together, and the first alone
    scene.store.fault = None
    assert names(scene.backlog.retry(0.0)) == ["video.submitted", "video.submitted"]


def test_writes_that_do_not_go_together_are_written_alone(scene):
    """An answer that needs a look at the file is written by itself; its events are returned."""
    job = scene.make.job()
    scene.backlog.write_together([job])
    answers = [scene.seen(job, state) for state in (JobState.QUEUED, JobState.COMPLETED)]

    done = scene.backlog.write_together(answers)

    assert [one.job.state for one in done] == [JobState.QUEUED, JobState.COMPLETED]
    assert done[1].settled


def test_several_writes_go_on_in_memory_when_the_ledger_breaks(scene):
    """The caller gets its events from the ledger that stands in."""
    job = scene.make.job()
    scene.backlog.write_together([job])
    scene.store.fault = BROKEN

    (done,) = scene.backlog.write_together([scene.seen(job, JobState.QUEUED)])

    assert [event.name.value for event in done.events] == ["video.submitted"]
    assert scene.backlog.broken


def test_what_waited_is_written_in_order_and_told_once(scene):
    """As soon as the lock is free everything is written, and its events are returned."""
    scene.store.fault = BUSY
    job = scene.make.job()
    scene.backlog.intend(job)
    for state in (JobState.QUEUED, JobState.COMPLETED):
        with pytest.raises(Deferred):
            scene.backlog.record(scene.seen(job, state))
    assert scene.backlog.retry(0.0) == []
    scene.store.fault = None
    assert names(scene.backlog.retry(0.05)) == ["video.submitted", "video.completed"]
    assert scene.backlog.retry(0.1) == []
    assert (scene.backlog.waiting, scene.backlog.rest_s(0.1), scene.said) == (0, None, [])


def test_a_ledger_that_stays_busy_is_stood_in_for(scene):
    """After a second without one write, memory takes over and tells what nobody was told."""
    scene.store.fault = BUSY
    job = scene.make.job()
    scene.backlog.intend(job)
    with pytest.raises(Deferred):
        scene.backlog.record(scene.seen(job, JobState.QUEUED))
    assert scene.backlog.retry(10.0) == []
    assert scene.backlog.retry(10.0 + PATIENCE_S / 2) == []
    assert not scene.backlog.broken
    assert names(scene.backlog.retry(10.0 + PATIENCE_S)) == ["video.submitted"]
    assert scene.backlog.broken
    recorded = scene.backlog.record(scene.seen(job, JobState.COMPLETED))
    assert [event.name.value for event in recorded.events] == ["video.completed"]
    scene.store.fault = None
    scene.backlog.hurry()
    assert scene.backlog.retry(12.0) == []  # all of it was told already
    assert (scene.backlog.broken, scene.backlog.waiting, len(scene.said)) == (False, 0, 2)
    assert scene.store.inner.find("openai", f"v-{job.job_id}").state is JobState.COMPLETED


def test_progress_keeps_patience(scene):
    """A contended ledger that takes a write now and then is not given up."""
    jobs = [scene.make.job() for _ in range(5)]
    scene.store.fault = BUSY
    for job in jobs:
        scene.backlog.intend(job)
    real, calls = scene.store.inner.intend, itertools.count()

    def every_other(job):
        if next(calls) % 2:
            raise BUSY
        real(job)

    scene.store.fault = None
    scene.store.inner.intend = every_other
    for second in range(5):
        scene.backlog.retry(float(second))
    assert (scene.backlog.waiting, scene.said) == (0, [])


def test_a_broken_ledger_is_replaced_within_the_call(scene):
    """The caller whose write breaks the ledger gets its answer from memory."""
    job = scene.make.job()
    scene.backlog.intend(job)
    scene.store.fault = BROKEN
    recorded = scene.backlog.record(scene.seen(job, JobState.QUEUED))
    assert [event.name.value for event in recorded.events] == ["video.submitted"]
    assert (scene.store.gone, scene.store.attempts, len(scene.said)) == (True, 2, 1)
    assert "kept in memory" in scene.said[0]


def test_jobs_of_before_go_on_in_memory(scene):
    """What stands in knows the jobs of the broken ledger: same id and trace, one end."""
    ended, running = scene.make.job(), scene.make.job()
    for job in (ended, running):
        scene.backlog.intend(job)
        scene.backlog.record(scene.seen(job, JobState.QUEUED))
    scene.backlog.record(scene.seen(ended, JobState.COMPLETED))
    scene.store.fault = BROKEN
    poll = scene.make.poll(f"v-{running.job_id}", JobState.COMPLETED)
    recorded = scene.backlog.record(poll)
    assert (recorded.job.job_id, recorded.job.trace) == (running.job_id, running.trace)
    again = scene.backlog.record(scene.make.poll(f"v-{ended.job_id}", JobState.COMPLETED))
    assert (again.job.job_id, again.events) == (ended.job_id, ())
    assert scene.backlog.known("openai", f"v-{ended.job_id}").job_id == ended.job_id


def test_what_was_told_from_memory_has_the_same_ids_in_the_file(scene):
    """An event keeps its id, wherever it is made from the answer."""
    job = scene.make.job()
    scene.store.fault = BROKEN
    scene.backlog.intend(job)
    told = scene.backlog.record(scene.seen(job, JobState.QUEUED)).events
    scene.replace()
    written = []
    real = scene.store.inner.record
    scene.store.inner.record = lambda seen: written.append(real(seen)) or written[-1]
    assert scene.backlog.retry(5.0) == []
    assert [event for recorded in written for event in recorded.events] == list(told)


def test_attempts_become_rarer(scene):
    """A broken ledger is tried after 1, 2, 4 ... and at last every 30 seconds."""
    scene.store.fault = BROKEN
    scene.backlog.intend(scene.make.job())
    tried, before = [], scene.opened
    scene.unopenable = BROKEN
    for tenth in range(1200):
        scene.backlog.retry(tenth / 10)
        if scene.opened != before:
            tried.append(tenth / 10)
            before = scene.opened
    waits = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert waits == pytest.approx([1, 2, 4, 8, 16, RETRY_MOST_S, RETRY_MOST_S])
    assert len(scene.said) == 1


def test_a_ledger_nobody_writes_to_is_opened_again_too(scene):
    """A file that was taken away comes back without waiting for the next write."""
    scene.backlog.open()
    scene.backlog.broke(scene.store, BROKEN)
    assert scene.backlog.broken
    scene.replace()
    scene.backlog.retry(1.0)
    assert (scene.backlog.broken, len(scene.said)) == (False, 2)


def test_a_late_complaint_about_an_old_store_breaks_nothing(scene):
    """A thread that comes back from a store given up long ago leaves the new one alone."""
    scene.backlog.open()
    old = scene.store
    scene.backlog.broke(old, BROKEN)
    scene.replace()
    scene.backlog.retry(1.0)
    scene.backlog.broke(old, BROKEN)
    assert (scene.backlog.broken, scene.store.gone) == (False, False)


def test_a_write_that_can_never_succeed_does_not_hold_up_the_others(scene):
    """A write that raises a fault of ours is dropped and counted; the next goes through."""
    scene.store.fault = BUSY
    poison, fine = scene.make.job(user="\ud800"), scene.make.job()
    scene.backlog.intend(fine)
    scene.backlog.intend(poison)
    scene.backlog.intend(fine)
    scene.store.fault = None
    with pytest.raises(UnicodeEncodeError):
        scene.backlog.retry(0.0)
    scene.backlog.retry(0.1)
    assert (scene.backlog.waiting, scene.backlog.lost) == (0, 1)


def test_the_end_counts_what_is_lost(scene):
    """Closing says how many writes never reached the file."""
    scene.store.fault = BROKEN
    job = scene.make.job()
    scene.backlog.intend(job)
    scene.backlog.record(scene.seen(job, JobState.QUEUED))
    assert scene.backlog.close() == 2


def test_the_backlog_is_bounded(scene, monkeypatch):
    """What does not fit is lost, counted, and said once."""
    monkeypatch.setattr(module, "MOST_WRITES", 3)
    scene.store.fault = BUSY
    for _ in range(5):
        scene.backlog.intend(scene.make.job())
    assert (scene.backlog.waiting, scene.backlog.lost, len(scene.said)) == (3, 2, 1)
    assert scene.backlog.close() == 5


def test_questions_do_not_open_what_could_not_be_opened(scene):
    """While writes wait for a file that could not be opened, a poll does not try it again."""
    scene.unopenable = BUSY
    scene.backlog.intend(scene.make.job())
    assert scene.backlog.find("openai", "v") is None
    assert scene.opened == 1


def test_whether_there_is_a_job_is_not_said_while_its_create_may_wait(scene):
    """Neither of a ledger that is busy, nor while writes wait: only then is an answer one."""
    job = scene.make.job()
    scene.backlog.intend(job)
    assert scene.backlog.find_out("openai", "v") is None
    scene.store.fault = BUSY
    with pytest.raises(LedgerBusyError):
        scene.backlog.find_out("openai", "v")
    with contextlib.suppress(Deferred):
        scene.backlog.record(scene.seen(job, JobState.QUEUED))
    scene.store.fault = None
    with pytest.raises(LedgerBusyError, match="1 writes wait"):
        scene.backlog.find_out("openai", f"v-{job.job_id}")
    scene.backlog.retry(0)
    assert scene.backlog.find_out("openai", f"v-{job.job_id}").job_id == job.job_id
    assert scene.backlog.find_out("openai", "v") is None


def test_threads_lose_nothing_while_the_ledger_breaks_and_heals(scene):
    """Writes of many threads all arrive, though the ledger breaks again and again under them."""
    done = threading.Event()

    def make_jobs(seed):
        make = Maker(seed)
        for _ in range(100):
            job = make.job()
            scene.backlog.intend(job)
            with contextlib.suppress(Deferred):
                scene.backlog.record(make.seen(job, id=job.job_id, state=JobState.COMPLETED))

    def trouble():
        for fault in itertools.cycle((BUSY, BROKEN)):
            scene.store.fault = fault
            scene.backlog.retry(0.0)
            if fault is BROKEN:
                scene.replace()
            else:
                scene.store.fault = None
            scene.backlog.hurry()
            scene.backlog.retry(0.0)
            if done.is_set():
                return

    threads = [threading.Thread(target=make_jobs, args=(seed,)) for seed in range(4)]
    troubled = threading.Thread(target=trouble)
    for thread in (*threads, troubled):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    troubled.join()
    scene.store.fault = None
    for _ in range(10):
        scene.backlog.hurry()
        scene.backlog.retry(0.0)
    assert (scene.backlog.waiting, scene.backlog.broken) == (0, False)
    states = scene.store.inner.connection.execute("SELECT state FROM job").fetchall()
    assert states == [("completed",)] * 400
    assert scene.backlog.lost == 0
