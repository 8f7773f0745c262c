from contextlib import closing
from decimal import Decimal

import pytest
from ledger_kit import RULES, Maker

from vidobs.core.jobs import JobState, Usage
from vidobs.ledger import codec, quiet
from vidobs.ledger.database import open_reader
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.ledger.sweeper import sweeping
from vidobs.ledger.sweeps import Content, OldJobs, Person, Spender

EVER = 2**63 - 1


@pytest.fixture
def make():
    """Makes jobs and answers."""
    return Maker()


@pytest.fixture
def ledger(tmp_path):
    """A ledger in a file."""
    ledger = SqliteLedger(str(tmp_path / "ledger.db"), RULES)
    yield ledger
    ledger.close()


def noted(ledger, after=0):
    """Return the places that were noted."""
    with closing(open_reader(ledger.path)) as connection:
        return quiet.places(connection, after)


def created(ledger, make, video="video_1", **job):
    """Create a job that the provider accepts."""
    job = make.job(**job)
    ledger.intend(job)
    ledger.record(make.seen(job, id=video, state=JobState.QUEUED))
    return job


def test_changes_with_events_are_not_noted(ledger, make):
    """A job's ordinary life leaves nothing: the outbox tells of it."""
    job = created(ledger, make)
    ledger.record(make.seen(job, state=JobState.COMPLETED))

    assert noted(ledger) == []


def test_a_change_without_an_event_is_noted(ledger, make):
    """Evidence of the cost that comes after the end changes the job, and no event says so."""
    job = created(ledger, make)
    ledger.record(make.seen(job, state=JobState.COMPLETED))
    ledger.record(make.seen(job, usage=Usage(reported_usd=Decimal("0.5"))))

    assert noted(ledger) == [codec.seq_of(job.job_id)]


def test_an_answer_that_changes_nothing_is_not_noted(ledger, make):
    """A poll that says the same again writes nothing at all."""
    job = created(ledger, make)
    for _ in range(3):
        ledger.record(make.seen(job, state=JobState.QUEUED))

    assert noted(ledger) == []


def test_the_row_that_is_folded_away_is_noted(ledger, make):
    """A poll elsewhere made a row of the job; the create's own row goes."""
    job = make.job()
    ledger.intend(job)
    ledger.record(make.poll("video_1", JobState.IN_PROGRESS))
    ledger.record(make.seen(job, id="video_1", state=JobState.IN_PROGRESS))

    assert codec.seq_of(job.job_id) in noted(ledger)


@pytest.mark.parametrize(
    "sweep", [OldJobs(EVER), Content(EVER), Person("ada", EVER), Spender("ada", EVER)]
)
def test_what_a_sweep_takes_is_noted(ledger, make, sweep):
    """Deleted and rewritten jobs are noted, one by one."""
    job = created(ledger, make, user="ada", prompt="a fox", prompt_hash="aa")
    ledger.record(make.seen(job, state=JobState.COMPLETED))
    created(ledger, make, "video_2")

    with sweeping(ledger.path) as sweeper:
        sweeper.run(sweep)

    assert noted(ledger) == [codec.seq_of(job.job_id)]


def test_only_the_last_changes_are_known(ledger):
    """Who comes too late is told so, and the notes take no more room than before."""
    with ledger.held():
        for seq in range(quiet.KEPT + 10):
            quiet.note(ledger.connection, seq)

    assert noted(ledger) is None
    assert sorted(noted(ledger, after=10)) == list(range(10, quiet.KEPT + 10))
    assert sorted(noted(ledger, after=quiet.KEPT + 7)) == [quiet.KEPT + seq for seq in (7, 8, 9)]
    assert noted(ledger, after=quiet.KEPT + 11) is None
    ((kept,),) = ledger.connection.execute("SELECT count(*) FROM meta WHERE key GLOB 'quiet:*'")
    assert kept == quiet.KEPT
