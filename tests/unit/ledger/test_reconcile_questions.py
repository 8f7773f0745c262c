"""Questions about jobs that need somebody's care."""

from contextlib import closing
from datetime import timedelta

import msgspec
import pytest
from ledger_kit import RULES, Maker

from vidobs.core.jobs import JobState
from vidobs.ledger import codec, open_jobs
from vidobs.ledger.open_jobs import Place
from vidobs.ledger.sqlite import SqliteLedger

Q, P, C, F = JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED, JobState.FAILED


class Story:
    """Writes jobs, one a minute."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.make = Maker()

    def job(self, video_id, *states, gap_s=60, **job):
        """Create a job and let it be seen in some states."""
        self.make.tick(gap_s)
        intent = self.make.job(**job)
        self.ledger.intend(intent)
        for state in states:
            says = {"id": video_id} if state is not JobState.UNKNOWN else {}
            self.ledger.record(self.make.seen(intent, state=state, **says))
        return intent


@pytest.fixture
def story(tmp_path):
    """Write to a ledger of one's own."""
    with closing(SqliteLedger(str(tmp_path / "ledger.db"), RULES)) as ledger:
        yield Story(ledger)


def ask(story, question, *args):
    """Put a question."""
    return getattr(open_jobs, question)(story.ledger.connection, *args)


def ids(jobs):
    """Return our ids."""
    return [job.job_id for job in jobs]


def test_what_has_not_ended(story):
    """Created, unknown, queued and running jobs since a time, with their versions."""
    story.job("early", Q)
    since = codec.moment(story.make.now_ns // 1000)
    expected = [
        story.job(None).job_id,
        story.job(None, JobState.UNKNOWN).job_id,
        story.job("queued", Q).job_id,
        story.job("running", Q, P).job_id,
    ]
    story.job("done", Q, C)
    story.job("failed", Q, F)

    found = ask(story, "unfinished", since)

    assert ids(entry.job for entry in found) == expected
    assert [entry.version for entry in found] == [0, 1, 1, 2]


def test_a_job_as_it_is_now(story):
    """With the version that a write has to name."""
    job = story.job("video_1", Q, P)

    entry = ask(story, "by_id", job.job_id)

    assert (entry.job.state, entry.version) == (P, 2)
    assert ask(story, "by_id", "job_" + 32 * "0") is None


def test_rows_to_watch(story):
    """Every row, in order; the job only where it may hang, or where its video waits."""
    story.job(None, JobState.UNKNOWN)
    running, done = story.job("running", P), story.job("done", Q, C)
    story.job("failed", F)

    rows = ask(story, "to_watch", 0, 10)

    assert [row.state for row in rows] == [JobState.UNKNOWN, P, C, F]
    assert [row.job and row.job.job_id for row in rows] == [None, running.job_id, done.job_id, None]
    assert [row.seq for row in ask(story, "to_watch", rows[1].seq, 1)] == [rows[2].seq]


def test_the_last_change(story):
    """When the newest event of a job was, as far as events are kept."""
    story.job("video_1", Q, P)
    at = codec.moment(story.make.now_ns // 1000)
    story.job("video_2", Q)

    row, other = ask(story, "to_watch", 0, 10)

    assert ask(story, "last_change", row) == at
    assert ask(story, "last_change", msgspec.structs.replace(other, events="")) is None


def test_how_long_a_model_takes(story):
    """The jobs of this model at this provider that completed, and no others."""
    for number in range(3):
        story.job(f"v{number}", Q, P, C)
    story.job("other", Q, C, model="sora-2-pro")
    story.job("azure", Q, C, provider="azure")
    story.job("failed", Q, F)

    assert ask(story, "past_times_s", "openai", "sora-2") == [2.0, 2.0, 2.0]
    assert ask(story, "past_times_s", "openai", None) == []


def test_where_jobs_were_made(story):
    """Each server once, as the jobs name it."""
    story.job("v1", Q, server_address="api.example.com", server_port=443)
    story.job("v2", Q, server_address="api.example.com", server_port=443)
    since = codec.moment(story.make.now_ns // 1000)
    story.job("v3", Q, provider="runway", dialect="manual")
    story.job("v4", Q, server_address="127.0.0.1", server_port=8000)

    assert set(ask(story, "places", since)) == {
        Place("runway", "manual"),
        Place("openai", "openai", "127.0.0.1", 8000),
    }


def test_ids_that_a_server_lists(story):
    """They are found under every provider that they are filed under."""
    expected = [story.job("v1", Q).job_id, story.job("v2", Q, provider="acme").job_id]
    story.job("v3", Q)

    found = ask(story, "known_ids", ["v1", "v2", "v9"])

    assert sorted(ids(found)) == sorted(expected)
    assert ask(story, "known_ids", []) == []


def test_requests_that_were_accepted_twice(story):
    """Same provider, same request, two ids; what was never accepted is not paid for."""
    twice = {"request_hash": "a" * 32}
    story.job("v0", Q, request_hash="b" * 32)
    since = codec.moment(story.make.now_ns // 1000)
    expected = [story.job("v1", Q, **twice).job_id, story.job("v2", Q, C, **twice).job_id]
    story.job("v3", Q, provider="azure", **twice)
    story.job(None, JobState.UNKNOWN, **twice)
    story.job("v4", Q, request_hash="b" * 32)
    story.job("v5", Q)

    assert ids(ask(story, "asked_twice", since)) == expected


def test_jobs_of_one_prompt(story):
    """Those that were created about the time."""
    story.job("v1", Q, prompt_hash="a")
    near = story.job("v2", Q, prompt_hash="a", gap_s=3600)
    story.job("v3", Q, prompt_hash="b")

    found = ask(story, "same_prompt", "a", near.created_at, timedelta(minutes=10))

    assert ids(found) == [near.job_id]
    assert ask(story, "same_prompt", "a", codec.EPOCH, timedelta(minutes=10)) == []
