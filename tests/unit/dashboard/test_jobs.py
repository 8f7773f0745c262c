"""The list of jobs: what a line says, what a search finds, and how pages follow each other."""

from contextlib import closing, contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from boards_of_jobs import NOW, JobLedger, asks, desk_over

from vidobs.core.jobs import JobError, Reason, VideoFile
from vidobs.core.objects import CostObject
from vidobs.dashboard.page import BadQueryError, ElsewhereError
from vidobs.dashboard.pages.jobs import PAGE_SIZE, answer
from vidobs.dashboard.phase_bar import PhaseLength, Segment

FILE = VideoFile(size_bytes=1000, seconds=Decimal(8), size="720x1280")


@pytest.fixture
def ledger(tmp_path):
    """Open an empty ledger for writing."""
    with closing(JobLedger(tmp_path / "ledger.db")) as made:
        yield made


@pytest.fixture
def look(ledger, tmp_path):
    """Ask the page, over the ledger as it stands now."""

    def ask(**query):
        with desk_over(ledger.path, tmp_path / "cache") as desk:
            return answer(desk, asks(**query))

    return ask


@contextmanager
def elsewhere(job):
    """Expect to be sent to the page of a job."""
    with pytest.raises(ElsewhereError) as caught:
        yield
    assert caught.value.path == f"/jobs/{job.job_id}"


def ids(page):
    """Return which jobs a page lists."""
    return [job.job_id for job in page.jobs]


def test_what_a_line_says(ledger, look):
    """State, model, what was asked for, cost with its status, phases, user and tags."""
    job = ledger.done(100, user="ada", tags={"team": "film"}, prompt="A kitten " + "!" * 200)
    ledger.downloaded(job, FILE)
    (line,) = look().jobs
    assert (line.job_id, line.state, line.model, line.provider) == (
        job.job_id,
        "completed",
        "sora-2",
        "openai",
    )
    assert (line.seconds, line.size, line.user, line.tags) == (
        8.0,
        "720x1280",
        "ada",
        {"team": "film"},
    )
    assert line.cost == CostObject("0.80", "settled", "probed", None, "0.80")
    assert line.phases == (
        PhaseLength("queue", 9.0),
        PhaseLength("render", 60.0),
        PhaseLength("download", 1.0),
    )
    assert line.said == "queue 9.00 s, render 1m 00s, download 1.00 s"
    assert line.bar == (
        Segment("queue", 0.0, 12.78),
        Segment("render", 12.78, 85.23),
        Segment("download", 98.01, 1.99),  # wider than its share, to be seen
    )
    assert line.prompt == "A kitten " + "!" * 151
    assert line.picture is False


def test_a_running_job_counts_until_now(ledger, look):
    """It was seen rendering after ten seconds, and renders for 50 now."""
    ledger.rendering(60)
    (line,) = look().jobs
    assert line.phases == (PhaseLength("queue", 9.0), PhaseLength("render", 50.0, open=True))
    assert (line.progress, line.said) == (40, "queue 9.00 s, render 50.0 s so far")


def test_a_job_without_an_answer_has_no_phases(ledger, look):
    """Nothing is drawn of what is not known."""
    ledger.intend(5)
    (line,) = look().jobs
    assert (line.phases, line.bar, line.said) == ((), (), "nothing is known of its phases")


def test_a_failed_job_says_why(ledger, look):
    """The reason, what the provider said, and what may have been spent."""
    error = JobError("internal_error", "out of memory")
    ledger.failed(provider="azure", says={"reason": Reason.PROVIDER_ERROR, "error": error})
    (line,) = look().jobs
    assert (line.state, line.reason, line.error) == ("failed", "provider_error", "out of memory")
    assert (line.cost.usd, line.cost.possible_usd, line.cost.basis) == (
        "0.00",
        "0.80",
        "policy_unknown",
    )


def test_pictures_are_those_that_are_kept(ledger, look, tmp_path):
    """Where there is a file there is a picture."""
    old, new = ledger.done(200), ledger.done(100)
    folder = tmp_path / "ledger.db.media"
    folder.mkdir()
    (folder / f"{old.job_id}.jpg").write_bytes(b"jpeg")
    assert [(job.job_id, job.picture) for job in look().jobs] == [
        (new.job_id, False),
        (old.job_id, True),
    ]


def test_an_id_leads_straight_to_its_job(ledger, look):
    """Our id, with or without its prefix, and the provider's."""
    ledger.done(300)
    job = ledger.done(100)
    for typed in (job.job_id, job.job_id[4:], job.job_id.upper().replace("JOB", "job"), "video_2"):
        with elsewhere(job):
            look(q=typed, state="failed")


def test_an_id_of_two_providers_lists_both(ledger, look):
    """Ids of providers are their own; nobody can say which job is meant."""
    one = ledger.queued(100, provider="openai")
    other = ledger.see(ledger.intend(50, provider="azure"), id="video_1")
    found = look(q="video_1")
    assert sorted(ids(found)) == sorted([one.job_id, other.job_id])


def test_an_id_that_is_not_there(ledger, look):
    """It is said, instead of looking for it among prompts."""
    ledger.done()
    found = look(q="job_" + "0" * 32)
    assert (found.jobs, found.counted) == ((), 0)
    assert found.notes == ("No job has this id: it was never seen here, or is deleted.",)


def test_the_beginning_of_an_id_finds_those_that_begin_so(ledger, look):
    """A short beginning is a stretch of time, a long one hardly fits two."""
    old, new = ledger.done(86_400), ledger.done(100)
    assert ids(look(q=new.job_id[:20])) == [new.job_id]
    assert ids(look(q=old.job_id[:30])) == [old.job_id]
    assert ids(look(q=old.job_id[:12])) == [old.job_id]  # four minutes of that day
    assert ids(look(q="job_01a")) == [new.job_id, old.job_id]
    assert ids(look(q="job_01a", since="1h")) == [new.job_id]


def test_tags_users_and_words(ledger, look):
    """They narrow the list down together, and with the filters."""
    one = ledger.done(300, user="ada", tags={"team": "film"}, prompt="A kitten in the sun")
    two = ledger.done(200, user="ada", tags={"team": "ads"}, prompt="A kitten in the rain")
    ledger.done(100, user="grace", tags={"team": "film"}, prompt="A lighthouse")
    assert ids(look(q="user:ada")) == [two.job_id, one.job_id]
    assert ids(look(q="user:ada tag:team=film")) == [one.job_id]
    assert ids(look(q="kitten")) == [two.job_id, one.job_id]
    assert ids(look(q="kitten sun")) == [one.job_id]
    assert ids(look(q="kitten", tag="team=ads")) == [two.job_id]
    assert look(q="kitten").notes == ()


def test_words_cannot_be_found_where_no_prompt_is_kept(ledger, look):
    """The page says so, and how to keep them."""
    ledger.done()
    found = look(q="kitten")
    assert found.jobs == ()
    assert "capture.content: full" in found.notes[0]


def test_filters(ledger, look):
    """Values of one filter add up, filters narrow down."""
    failed = ledger.failed(300)
    running = ledger.rendering(200, model="sora-2-pro")
    dear = ledger.done(100, seconds=12)
    assert ids(look(state="failed")) == [failed.job_id]
    assert ids(look(state=("failed", "completed"))) == [dear.job_id, failed.job_id]
    assert ids(look(model="sora-2-pro")) == [running.job_id]
    assert ids(look(flag="running")) == [running.job_id]
    assert ids(look(min_usd="1.20")) == [dear.job_id, running.job_id]  # estimates count
    assert ids(look(min_usd="1.20", state="completed")) == [dear.job_id]
    assert look(state="failed", user="ada").jobs == ()


def test_pages_follow_each_other(ledger, look):
    """Each begins where the other ended, in both directions, and no job is on two of them."""
    for number in range(PAGE_SIZE + 5):
        ledger.queued(1000 - number)
    first = look()
    assert (len(first.jobs), first.newer, first.first, first.counted) == (50, None, True, 55)
    second = look(before=str(first.older))
    assert (len(second.jobs), second.older, second.first) == (5, None, False)
    assert not set(ids(first)) & set(ids(second))
    assert ids(look(after=str(second.newer))) == ids(first)


def test_nothing_is_counted_that_would_have_to_be_looked_for(ledger, look):
    """With a filter, a full page does not say how many follow."""
    for number in range(PAGE_SIZE + 1):
        ledger.queued(1000 - number, user="ada")
    assert look(user="ada").counted is None
    assert look(user="grace").counted == 0


def test_both_directions_at_once(look):
    """There is no page before one and after another."""
    with pytest.raises(BadQueryError, match="exclude each other"):
        look(before="1", after="2")


def test_an_empty_ledger(look):
    """A newcomer is told what to do, but whoever filters is not new."""
    assert (look().nothing_yet, look().counted) == (True, 0)
    assert look(state="failed").nothing_yet is False


def test_no_ledger_at_all(tmp_path):
    """Nothing is there yet, and nothing is made by looking."""
    with desk_over(tmp_path / "none.db", tmp_path / "cache") as desk:
        assert answer(desk, asks()).nothing_yet is True
    assert not (tmp_path / "none.db").exists()


def test_what_the_form_shows(ledger, look):
    """A field shows the last value of its filter, the others are kept beside it."""
    ledger.done(model="sora-2", user="ada")
    found = look(state=("failed", "completed"), since="7d")
    assert (found.one("state"), found.others("state")) == ("completed", ("failed",))
    assert (found.one("since"), found.one("user"), found.others("user")) == ("7d", "", ())
    assert found.link(state=None, user="ada") == "since=7d&user=ada"
    assert [choice.value for choice in found.choices.users] == ["ada"]
    assert (found.more_filters, look(state="failed").more_filters) == (True, False)
    assert NOW - timedelta(days=7) < found.jobs[0].created_at
