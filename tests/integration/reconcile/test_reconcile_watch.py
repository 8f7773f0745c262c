"""`--watch`: jobs are followed to their end, and every change is told once."""

import httpx
import pytest

import vidobs
from vidobs import runtime
from vidobs.core.jobs import JobState, Notice
from vidobs.core.reconciled import Orphan, Outcome, Reconciled
from vidobs.sdk.reconcile._reconciler import GAP_S, Reconciler, Scope
from vidobs.sdk.reconcile._watching import Watcher

HOUR_S = 3600


class EnoughError(Exception):
    """The test has seen what it wants."""


class Watching:
    """A watch whose pauses move the clocks instead of taking time."""

    def __init__(self, clock):
        self.told = []
        self.passed_s = 0.0
        self.most_s = 2 * HOUR_S
        self._clock = clock

    def sleep(self, seconds):
        """Let time pass."""
        if self.passed_s > self.most_s:
            raise EnoughError
        self.passed_s += seconds
        self._clock.advance(round(seconds, 6))

    def monotonic(self):
        """Return the time since the start."""
        return self.passed_s

    def run(self, *, until, interval_s=60.0):
        """Watch until something was told that fits; return everything that was."""

        def tell(said):
            self.told.append(said)
            if until(said):
                raise EnoughError

        time = {"sleep": self.sleep, "monotonic": self.monotonic}
        reconciler = Reconciler(runtime.current(), Scope(), **time)
        watcher = Watcher(reconciler, tell, interval_s=interval_s, **time)
        with pytest.raises(EnoughError):
            watcher.run()
        reconciler.close()
        return self.told


@pytest.fixture
def watching(clock):
    """Watch in no time."""
    return Watching(clock)


def steps(told):
    """Return what was told of jobs."""
    return [(one.outcome, one.job.state) for one in told if isinstance(one, Reconciled)]


def test_a_job_is_followed_to_its_end(create, seen, watching):
    """At the pace that its server asks for; nothing is told twice."""
    create()

    told = watching.run(until=lambda said: said.outcome is Outcome.SETTLED)

    assert steps(told) == [
        (Outcome.RUNNING, JobState.QUEUED),
        (Outcome.RUNNING, JobState.IN_PROGRESS),
        (Outcome.SETTLED, JobState.COMPLETED),
    ]
    assert 1.8 < watching.passed_s < 4
    assert seen.events.names[-1] == "video.completed"


def test_requests_keep_a_distance(create, sandbox, watching):
    """However many jobs there are, a server is asked five times a second at most."""
    for _ in range(5):
        create("a [[fault:stuck]]")
    before = len(sandbox.requests)

    watching.most_s = 6.0
    watching.run(until=lambda _: False)

    assert 10 < len(sandbox.requests) - before <= watching.passed_s / GAP_S + 1


def test_jobs_that_come_later_are_found(create, watching):
    """At the next interval, whoever made them."""
    first = create("a cat")

    def until(said):
        if said.job.provider_job_id == first and said.outcome is Outcome.SETTLED:
            create("a dog")
        return said.job.provider_job_id != first

    told = watching.run(until=until)

    assert told[-1].job.state is JobState.COMPLETED
    assert 60 <= watching.passed_s < 70


def test_what_belongs_to_no_job_is_told_once(create, sandbox, watching):
    """Orphans are looked for at once and every hour, and told when they are new."""
    create()
    made = []

    def make_behind():
        headers = {"authorization": "Bearer sk-somebody-else"}
        body = {"prompt": "not ours", "model": "sora-2", "seconds": "4"}
        answer = httpx.post(f"{sandbox.base_url}/videos", json=body, headers=headers)
        made.append(answer.json()["id"])

    def until(said):
        if isinstance(said, Orphan) and len(made) == 1:
            make_behind()
            return False
        return isinstance(said, Orphan)

    make_behind()
    told = watching.run(until=until, interval_s=1200.0)

    assert [one.video_id for one in told if isinstance(one, Orphan)] == made
    assert HOUR_S <= watching.passed_s < HOUR_S + 1300


def test_a_job_that_hangs_is_shown(create, clock, seen, watching):
    """`video.stuck` comes from the maintenance of the process; the watch shows it."""
    create("a cat [[fault:stuck]]")
    clock.advance(2 * HOUR_S)
    vidobs.flush()

    told = watching.run(until=lambda _: True)

    assert told[0].outcome is Outcome.RUNNING
    assert told[0].job.notices == (Notice.STUCK,)
    assert seen.events.named("video.stuck")[0].job.state is JobState.QUEUED
