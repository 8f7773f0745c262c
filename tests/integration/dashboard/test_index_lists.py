"""Lists of jobs: pages, filters, and what needs care."""

from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import apsw
import pytest
from index_kit import Studio, place_of

from vidobs.core.jobs import AssetState, JobState, Notice, Reason, Usage
from vidobs.core.protocols import Observed
from vidobs.dashboard.index import lists
from vidobs.dashboard.index.answers import Flag, JobFilter
from vidobs.ledger import codec


@pytest.fixture
def studio(tmp_path):
    """A ledger to write to."""
    studio = Studio(tmp_path)
    yield studio
    studio.close()


def ids(index, wanted, **given):
    """Return the ids of the jobs that a filter finds."""
    return [job.job_id for job in index.load(index.jobs(wanted, **given).places)]


@pytest.mark.parametrize("wanted", [JobFilter(), JobFilter(providers=("openai",))])
def test_pages_lead_to_and_fro(studio, wanted):
    """Older pages one after another show every job once, newest first; newer ones lead back."""
    made = [studio.accept().job_id for _ in range(7)][::-1]
    with studio.index() as index:
        pages = [index.jobs(wanted, limit=3)]
        while pages[-1].older is not None:
            pages.append(index.jobs(wanted, before=pages[-1].older, limit=3))
        back = [pages[-1]]
        while back[-1].newer is not None:
            back.append(index.jobs(wanted, after=back[-1].newer, limit=3))
        shown = [job.job_id for page in pages for job in index.load(page.places)]
        again = [[job.job_id for job in index.load(page.places)] for page in back]

    assert shown == made
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert [job for page in again[::-1] for job in page] == made
    assert pages[0].newer is None


def test_a_line_says_what_the_job_says(studio):
    """State, provider, model, time and cost of a line are those of the job's document."""
    made = studio.complete(model="sora-2-pro", seconds=4)
    with studio.index() as index:
        (line,) = index.jobs().rows
        (job,) = index.load([line.place])

    assert line.place == place_of(made)
    assert (line.state, line.provider, line.model) == (job.state, job.provider, job.model)
    assert line.usd == job.cost.usd == Decimal("1.2")
    assert abs(line.created_at - job.created_at) < timedelta(milliseconds=1)


def test_filters_narrow_the_list(studio):
    """Each filter finds its jobs, whichever others are set beside it."""
    done = studio.complete(user="ada", tags={"team": "red"}, prompt="a red fox", model="sora-2")
    held = studio.fail(
        reason=Reason.MODERATION_OUTPUT, user="bob", tags={"team": "red"}, prompt="Red foxes"
    )
    broke = studio.fail(user="ada", model="sora-2-pro", prompt="a whale at sea")
    lost = studio.lose(user="ada")
    waits = studio.accept(user="bob", tags={"team": "blue"})
    unpriced = studio.complete(model="who-knows")
    studio.see(done, usage=Usage(reported_usd=Decimal(7)))
    both = {"states": (JobState.FAILED, JobState.UNKNOWN)}
    found = {
        JobFilter(**both): [lost, broke, held],
        JobFilter(**both, users=("ada",)): [lost, broke],
        JobFilter(users=("ada", "bob"), models=("sora-2",)): [waits, lost, held, done],
        JobFilter(models=("sora-2-pro",)): [broke],
        JobFilter(providers=("azure",)): [],
        JobFilter(tags=(("team", "red"),)): [held, done],
        JobFilter(tags=(("team", "red"), ("team", "blue"))): [waits, held, done],
        JobFilter(tags=(("team", "red"),), users=("bob",)): [held],
        JobFilter(users=("bob",), tags=(("team", "blue"),), moderated=False): [waits],
        JobFilter(reasons=(Reason.PROVIDER_ERROR,)): [broke],
        JobFilter(moderated=True): [held],
        JobFilter(moderated=False, states=(JobState.FAILED,)): [broke],
        JobFilter(text="fox"): [held, done],
        JobFilter(text="RED fox"): [held, done],
        JobFilter(text="red", users=("ada",)): [done],
        JobFilter(text="fo"): [],
        JobFilter(text="?!"): [unpriced, waits, lost, broke, held, done],
        JobFilter(min_usd=Decimal(5)): [done],
        JobFilter(flags=(Flag.UNKNOWN,)): [lost],
        JobFilter(flags=(Flag.RUNNING,)): [waits],
        JobFilter(flags=(Flag.UNPRICED,)): [unpriced],
        JobFilter(flags=(Flag.UNREAD,), users=("ada",)): [done],
        JobFilter(since=broke.created_at): [unpriced, waits, lost, broke],
        JobFilter(until=broke.created_at): [held, done],
        JobFilter(since=held.created_at, until=lost.created_at): [broke, held],
    }
    with studio.index() as index:
        for wanted, jobs in found.items():
            assert ids(index, wanted) == [job.job_id for job in jobs], wanted
        for wanted, jobs in found.items():  # and page by page
            first = index.jobs(wanted, limit=1)
            assert [row.place for row in first.rows] == [place_of(job) for job in jobs[:1]]
            assert (first.older is not None) == (len(jobs) > 1)


@pytest.mark.parametrize("text", ['"', "a\x00b", "NEAR(", "fox_trot 中文 ²½", "e\u0301té*", "-"])
def test_any_text_can_be_searched(studio, text):
    """What people type is words, never a language of its own."""
    studio.accept(prompt=text + " and more")
    with studio.index() as index:
        assert index.jobs(JobFilter(text=text)).complete


def test_prompts_of_which_only_a_hash_is_kept_are_not_searched(studio):
    """A keyed hash is no word."""
    studio.accept(prompt="hmac:0123456789abcdef")
    with studio.index() as index:
        assert index.jobs(JobFilter(text="hmac")).rows == ()
        assert not index.choices().prompts


def test_a_look_that_finds_hardly_anything_ends(studio, monkeypatch):
    """Among so many jobs and no more is looked; the page says how far, and leads on from there."""
    monkeypatch.setattr(lists, "WINDOW", 4)
    wanted = JobFilter(min_usd=Decimal(5))
    dear = studio.accept(seconds=60)
    cheap = [studio.accept(seconds=4) for _ in range(9)]
    with studio.index() as index:
        page = index.jobs(wanted)
        assert (page.rows, page.complete) == ((), False)
        assert page.older == place_of(cheap[-4])
        assert page.looked_back_to == codec.created_at(page.older)
        pages = [page]
        while pages[-1].older is not None:
            pages.append(index.jobs(wanted, before=pages[-1].older))
        up = index.jobs(wanted, after=place_of(cheap[0]) - 1)

    assert [row.place for page in pages for row in page.rows] == [place_of(dear)]
    assert [page.complete for page in pages] == [False, False, True]
    assert (up.rows, up.newer) == ((), place_of(cheap[3]))


def test_of_several_values_none_is_left_out(studio, monkeypatch):
    """When the look for one value ends early, jobs of another one behind it wait for their page."""
    monkeypatch.setattr(lists, "WINDOW", 2)
    old = studio.accept(model="sora-2-pro", seconds=60)
    many = [studio.accept(model="sora-2", seconds=4) for _ in range(4)]
    wanted = JobFilter(models=("sora-2", "sora-2-pro"), min_usd=Decimal(5))
    with studio.index() as index:
        first = index.jobs(wanted)
        second = index.jobs(wanted, before=first.older)

    assert (first.rows, first.older) == ((), place_of(many[2]))
    assert (second.rows, second.older) == ((), place_of(many[0]))
    with studio.index() as index:
        third = index.jobs(wanted, before=second.older)
    assert [row.place for row in third.rows] == [place_of(old)]


def test_jobs_are_loaded_in_order_and_gone_ones_left_out(studio):
    """Documents come from the ledger itself, in the order of the places."""
    one, two = studio.accept(), studio.accept()
    with studio.index() as index:
        found = index.load([place_of(one), 4711, place_of(two)])

    assert [job.job_id for job in found] == [one.job_id, two.job_id]


def test_a_torn_document_is_left_out(studio):
    """A job that cannot be read any more is no job of the list, and hides no other."""
    torn, sound = studio.complete(), studio.complete()
    with closing(apsw.Connection(studio.path)) as connection:
        connection.execute("UPDATE job SET doc = '{' WHERE seq = ?", (place_of(torn),))
    with studio.index() as index:
        assert index.jobs().places == (place_of(sound),)
        assert index.load([place_of(torn), place_of(sound)])[0].job_id == sound.job_id
        assert index.totals().usd == Decimal("1.6")


def test_unfinished_jobs_are_running(studio):
    """An intent without an answer runs, and is found though no event tells of it."""
    studio.complete()
    waiting = studio.accept()
    with studio.index() as index:
        intent = studio.intend()
        index.catch_up()
        running = index.running()
        first = index.running(limit=1)

    assert [row.place for row in running.rows] == [place_of(intent), place_of(waiting)]
    assert [row.state for row in running.rows] == [JobState.SUBMITTING, JobState.QUEUED]
    assert (running.jobs, running.more) == (2, False)
    assert (len(first.rows), first.jobs) == (1, 2)


def notice(studio, job, what):
    """Let the clock say something of a job."""
    studio.open().record(
        Observed(
            provider=job.provider,
            snapshot=studio.make.seen(job).snapshot,
            now_ns=studio.make.tick(),
            job_id=job.job_id,
            notice=what,
        )
    )


def test_alerts_name_the_jobs_that_need_care(studio):
    """Stuck, lost, and videos that are soon gone and that nobody has read."""
    stuck, lost = studio.accept(), studio.lose()
    studio.accept()
    notice(studio, stuck, Notice.STUCK)
    soon, late, read = studio.accept(), studio.accept(), studio.accept()
    for job, hours in ((soon, 0.5), (late, 30), (read, 0.5)):
        end = studio.now + timedelta(hours=hours)
        studio.see(job, state=JobState.COMPLETED, expires_at=end, asset=AssetState.AVAILABLE)
    studio.download(read)
    with studio.index() as index:
        before = index.alerts(studio.now)
        near = index.alerts(studio.now + timedelta(minutes=28))
        gone = index.alerts(studio.now + timedelta(hours=1))
        a_day = index.alerts(studio.now + timedelta(days=2))

    assert before.stuck.places == (place_of(stuck),)
    assert before.unknown.places == (place_of(lost),)
    assert before.expiring.jobs == 0
    assert near.expiring.places == (place_of(soon),)
    assert gone.expiring.jobs == 0
    assert a_day.stuck.jobs == 2  # nothing runs for two days


def test_what_expires_soon_can_be_listed(studio):
    """The filter finds the same jobs as the alert."""
    job = studio.accept()
    end = studio.now + timedelta(minutes=2)
    studio.see(job, state=JobState.COMPLETED, expires_at=end, asset=AssetState.AVAILABLE)
    studio.make.tick(110)
    with studio.index() as index:
        assert index.alerts(studio.now).expiring.places == (place_of(job),)
        for wanted in (
            JobFilter(flags=(Flag.EXPIRING,)),
            JobFilter(flags=(Flag.UNREAD, Flag.EXPIRING)),
            JobFilter(flags=(Flag.EXPIRING,), users=("ada",)),
        ):
            found = [job.job_id] if not wanted.users else []
            assert ids(index, wanted) == found


def test_choices_are_what_there_is(studio):
    """Menus show each value that jobs have, the most frequent first."""
    for user in ("ada", "bob", "bob"):
        studio.complete(user=user, tags={"team": user}, prompt="a fox")
    studio.fail(model="sora-2-pro", reason=Reason.MODERATION_INPUT)
    with studio.index() as index:
        found = index.choices()
        few = index.choices(limit=1)

    assert [(one.value, one.jobs) for one in found.states] == [("completed", 3), ("failed", 1)]
    assert [(one.value, one.jobs) for one in found.models] == [("sora-2", 3), ("sora-2-pro", 1)]
    assert [(one.value, one.jobs) for one in found.users] == [("bob", 2), ("ada", 1)]
    assert [one.value for one in found.tags] == ["team=bob", "team=ada"]
    assert [(one.value, one.jobs) for one in found.reasons] == [("moderation_input", 1)]
    assert found.prompts
    assert [one.value for one in few.users] == ["bob"]
