"""Sums, groups and counters over real jobs, and what is left of them after a purge."""

from collections import Counter as Tally
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest
from index_kit import Studio, place_of

from vidobs.core import names
from vidobs.core.jobs import JobState, Reason, Usage
from vidobs.dashboard.index import Index, counting, following
from vidobs.dashboard.index.answers import Flag, JobFilter, Outcome, SeriesBy, SpendBy, Step
from vidobs.dashboard.index.buckets import RATIO
from vidobs.ledger.follower import Follower
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sweeper import sweeping
from vidobs.ledger.sweeps import Content, OldJobs, Person, Spender
from vidobs.telemetry.measurements import INSTRUMENTS, JOBS, JOBS_ACTIVE, measurements

EVER = 2**63 - 1
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def studio(tmp_path):
    """A ledger to write to."""
    studio = Studio(tmp_path)
    yield studio
    studio.close()


def sweep(studio, *sweeps):
    """Take something out of the ledger, as `vidobs ledger purge` does."""
    with sweeping(studio.path) as sweeper:
        for one in sweeps:
            sweeper.run(one)
        sweeper.cut_log()


def test_totals_tell_what_was_paid_for_what(studio):
    """Every figure of a period: outcomes, money by outcome, seconds, and quotes against bills."""
    done = studio.complete(seconds=8)
    held = studio.fail(reason=Reason.MODERATION_OUTPUT, seconds=4)
    studio.see(held, usage=Usage(reported_usd=Decimal("0.4")))
    studio.fail(seconds=12)
    studio.lose(seconds=8)
    studio.accept()
    studio.complete(model="who-knows")
    studio.see(done, usage=Usage(reported_usd=Decimal("0.9")))
    with studio.index() as index:
        found = index.totals()
        pro = index.totals(model="sora-2")
        none = index.totals(provider="azure")

    assert found.outcomes == {
        Outcome.COMPLETED: 2,
        Outcome.MODERATED: 1,
        Outcome.FAILED: 1,
        Outcome.UNKNOWN: 1,
        Outcome.QUEUED: 1,
    }
    assert found.states[JobState.FAILED] == found.failed == 2
    assert (found.jobs, found.settled, found.ended, found.completed) == (6, 4, 4, 2)
    assert (found.usd, found.completed_usd) == (Decimal("1.3"), Decimal("0.9"))
    assert (found.failed_usd, found.moderated_usd) == (Decimal("0.4"), Decimal("0.4"))
    assert found.possible_usd == Decimal(2)  # 12 seconds of the failure, 8 of the lost create
    assert found.unpriced == 2  # the lost create, and the model without a price
    assert (found.seconds, found.asked_seconds) == (16, 32)
    assert found.priced_seconds == 8  # without those of the model that has no price
    assert found.usd_per_second == Decimal("0.9") / 8
    assert found.usd_per_successful_second == Decimal("1.3") / 8
    assert (found.compared, found.quoted_usd, found.billed_usd) == (
        3,
        Decimal("2.4"),
        Decimal("1.3"),
    )
    assert pro.jobs == 5
    assert none.jobs == 0
    assert none.usd_per_second is None


def test_periods_hold_what_happened_in_them(studio):
    """Jobs count when they were created, money when it was booked, whatever the period is."""
    moments = []
    for hours in (0, 1, 30, 24 * 40, 24 * 400):
        studio.make.tick(hours * 3600)
        moments.append(studio.complete().created_at.replace(minute=0, second=0, microsecond=0))
    with studio.index() as index:
        for since in moments:
            for until in [*(moment + HOUR for moment in moments), None]:
                inside = [m for m in moments if since <= m and (until is None or m < until)]
                found = index.totals(since, until)
                assert found.jobs == found.settled == len(inside)
                assert found.usd == Decimal("0.8") * len(inside)
        days = index.series(Step.DAY)
        hours = index.series(Step.HOUR, since=moments[0], until=moments[1] + HOUR)

    assert [point.jobs for point in days] == [2, 1, 1, 1]
    assert [point.start for point in hours] == moments[:2]
    assert sum(point.usd for point in days) == Decimal(4)
    assert sum(point.seconds for point in days) == 40


def test_a_series_has_an_end(studio):
    """No more than a thousand steps are answered, the last ones."""
    studio.complete()
    studio.make.tick(1500 * 3600)
    late = studio.complete()
    with studio.index() as index:
        (only,) = index.series(Step.HOUR)
        split = index.series(Step.DAY, by=SeriesBy.OUTCOME)

    assert only.start == late.created_at.replace(minute=0, second=0, microsecond=0)
    assert [(point.key, point.jobs) for point in split] == [("completed", 1), ("completed", 1)]


@pytest.mark.parametrize("by", list(SpendBy))
def test_spend_is_that_of_the_ledger(studio, by):
    """By whatever it is grouped: the same rows as `vidobs spend`, over the same time."""
    for number in range(6):
        studio.complete(
            user=("ada", None, "bob")[number % 3], tags={"team": "red"} if number % 2 else {}
        )
        studio.make.tick(20 * 3600)
    studio.lose(user="ada")
    since = (studio.now - 3 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    with studio.index() as index, closing(LedgerReader(studio.path)) as reader:
        assert index.spend(by) == reader.spend(by.value)
        assert index.spend(by, since) == reader.spend(by.value, since)
        first = index.spend(by, limit=1)

    assert len(first.rows) == 1
    assert first.total_usd == Decimal("4.8")


def test_phases_are_told_by_model(studio):
    """Queue, render and total of completed jobs; of others, and of adopted ones, nothing is."""
    for number in range(100):
        studio.complete(queue_s=10 + number, render_s=100)
    studio.complete(model="sora-2-pro", queue_s=5, render_s=40)
    studio.fail(model="veo")
    with studio.index() as index:
        slow, pro = index.phases()

    assert (slow.model, slow.jobs, pro.model, pro.jobs) == ("sora-2", 100, "sora-2-pro", 1)
    half = RATIO**0.5 - 1 + 0.001
    assert slow.queue.p50_s == pytest.approx(59, rel=half)
    assert slow.queue.p95_s == pytest.approx(104, rel=half)
    assert slow.queue.p99_s == pytest.approx(108, rel=half)
    assert slow.render.p50_s == pytest.approx(100, rel=half)
    assert pro.total.p99_s == pytest.approx(47, rel=half)


def test_failures_are_grouped_by_what_they_share(studio):
    """Messages that differ in numbers and names alone are one kind, with examples and a trend."""
    made = [studio.fail(f"Worker {number} died after {number}.5 s") for number in range(5)]
    other = studio.fail("Out of memory")
    studio.make.tick(10 * 24 * 3600)
    late = studio.fail("Worker 77 died after 3.25 s")
    with studio.index() as index:
        found = index.failures()
        first, second = found.rows
        week = index.failures(studio.now - 7 * DAY)
        one = index.failure(first.fingerprint, examples=2)
        listed = index.jobs(JobFilter(failures=(second.fingerprint,)))
        hourly = index.failure(first.fingerprint, studio.now - DAY)
        nothing = index.failure("0" * 16)

    assert (found.groups, found.jobs) == (2, 7)
    assert (first.message, first.jobs, first.code) == ("Worker <n> died after <n> s", 6, "bad")
    assert (first.provider, first.model) == ("openai", "sora-2")
    assert first.reason is Reason.PROVIDER_ERROR
    assert first.examples == tuple(place_of(job) for job in (late, made[4], made[3]))
    assert abs(first.first_at - made[0].created_at) < timedelta(milliseconds=1)
    assert abs(first.last_at - late.created_at) < timedelta(milliseconds=1)
    assert [point.jobs for point in first.trend] == [5, 1]
    assert second.message == "Out of memory"
    assert listed.places == (place_of(other),)
    assert [(row.jobs, row.examples) for row in week.rows] == [(1, (place_of(late),))]
    assert one.examples == (place_of(late), place_of(made[4]))
    assert [point.start.hour for point in hourly.trend] == [late.created_at.hour]
    assert nothing is None


def test_the_money_of_deleted_jobs_stays(studio):
    """After a purge lists, tags and failures are without the jobs; what they cost still counts."""
    done, broke = studio.complete(user="ada", tags={"team": "red"}), studio.fail("no memory")
    late = studio.accept()
    with studio.index() as index:
        before = index.totals()
        sweep(studio, OldJobs(place_of(late)))
        index.catch_up()
        after = index.totals()

        assert index.jobs().places == (place_of(late),)
        assert index.load([place_of(done), place_of(broke)]) == []
        assert index.jobs(JobFilter(users=("ada",))).rows == ()
        assert index.failures().rows == ()
        assert (after.usd, after.outcomes, after.seconds) == (
            before.usd,
            before.outcomes,
            before.seconds,
        )
        assert [row.key for row in index.spend(SpendBy.USER).rows] == ["ada", None]
        assert [row.key for row in index.spend(SpendBy.TAG).rows] == [None]
        assert index.progress().jobs == 1
    with closing(Index(studio.path, folder=studio.folder / "new")) as fresh:
        fresh.catch_up()
        assert fresh.totals().usd == before.usd
        assert fresh.totals().outcomes == {
            Outcome.COMPLETED: 1,
            Outcome.DELETED: 1,
            Outcome.QUEUED: 1,
        }


def words_in(folder, *words):
    """Return which words stand in any file of a folder."""
    held = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    return [word for word in words if word.encode() in held]


CANARIES = ("zirconium", "palimpsest", "Abernathy", "quixotic")


@pytest.mark.parametrize("first", ["followed", "restarted", "compared"])
def test_what_is_purged_is_nowhere_in_the_cache(studio, first):
    """Words of prompts, error texts, names and tags leave the cache with their purge."""
    one = {"user": "Abernathy", "tags": {"mood": "quixotic"}, "prompt": "a zirconium fox"}
    studio.complete(**one)
    studio.fail("the palimpsest is full", **one)
    for _ in range(50):
        studio.complete(prompt="a plain fox", user="bob")
    with studio.index() as index:
        index._keeper.cache.cut_log()
        assert sorted(words_in(studio.cache, *CANARIES)) == sorted(CANARIES)
        if first == "followed":
            sweep(studio, Person("Abernathy", EVER), Spender("Abernathy", EVER))
            index.catch_up()
    if first != "followed":
        sweep(studio, Person("Abernathy", EVER), Spender("Abernathy", EVER))
        if first == "compared":
            studio.open().connection.execute("UPDATE meta SET value = 9999 WHERE key = 'quiet'")
    with studio.index() as index:
        assert index.jobs(JobFilter(text="zirconium")).rows == ()
        assert index.jobs(JobFilter(users=("Abernathy",))).rows == ()
        assert "Abernathy" not in [row.key for row in index.spend(SpendBy.USER).rows]
        assert index.failures().rows[0].message is None
        assert len(index.jobs(JobFilter(text="plain")).rows) == 50
    assert words_in(studio.cache, *CANARIES) == []


def test_names_leave_the_cache_without_prompts_too(studio):
    """Where no prompts are kept, names and tags leave the file and its log all the same."""
    studio.complete(user="Abernathy", tags={"mood": "quixotic"})
    studio.complete(user="bob")
    with studio.index() as index:
        sweep(studio, Person("Abernathy", EVER), Spender("Abernathy", EVER))
        index.catch_up()
        assert words_in(studio.cache, *CANARIES) == []


def test_content_alone_can_go(studio):
    """Prompts and error texts vanish; users, tags and money stay."""
    studio.fail("the palimpsest is full", user="ada", tags={"a": "b"}, prompt="a zirconium fox")
    with studio.index() as index:
        assert index.choices().prompts
        sweep(studio, Content(EVER))
        index.catch_up()

        assert not index.choices().prompts
        assert index.failures().rows[0].code == "bad"
        assert len(index.jobs(JobFilter(users=("ada",), tags=(("a", "b"),))).rows) == 1
    assert words_in(studio.cache, "zirconium", "palimpsest") == []


# -- counters --------------------------------------------------------------------------------------


def measured(studio):
    """Return what the events of the whole outbox add, by instrument and attributes."""
    found = Tally()
    with closing(Follower(studio.path, everything=True)) as outbox:
        while events := outbox.read():
            for event in events:
                for one in measurements(event):
                    if one.instrument is not JOBS_ACTIVE:
                        labels = tuple(sorted(one.attributes.items()))
                        found[one.instrument.name, labels] += one.value
    return found


def counted(index):
    """Return the counters of an index in the same form."""
    return {
        (one.instrument.name, tuple(sorted(one.attributes.items()))): pytest.approx(one.value)
        for one in index.counters()
    }


def test_counters_are_what_events_add(studio):
    """Those of before the index, and those that came since, each once; restarts change nothing."""
    for number in range(5):
        studio.complete(model=("sora-2", "sora-2-pro")[number % 2])
    with studio.index() as index:
        assert counted(index) == measured(studio)
        studio.download(studio.complete())
        studio.fail(reason=Reason.TIMEOUT)
        index.catch_up()
        before = index.counters()
        assert counted(index) == measured(studio)
    with closing(Index(studio.path, folder=studio.cache)) as index:
        assert index.counters() == before
        index.catch_up()
        assert index.counters() == before
        studio.complete()
        index.catch_up()
        assert counted(index) == measured(studio)


def test_histograms_have_a_count_for_each_bucket(studio):
    """The counts of the buckets, the one above all bounds included, are that of the histogram."""
    for queue_s in (1, 2, 20, 20_000):
        studio.complete(queue_s=queue_s)
    with studio.index() as index:
        (queue,) = [
            one for one in index.counters() if one.instrument.name == names.METRIC_JOB_QUEUE
        ]

    assert len(queue.counts) == len(queue.instrument.buckets) + 1
    assert queue.counts == (1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    assert (queue.count, queue.value) == (4, 20_023)


def test_what_goes_up_and_down_is_no_counter(studio):
    """Jobs that run now are asked for, not counted."""
    studio.accept()
    with studio.index() as index:
        assert {one.instrument for one in index.counters()} <= set(INSTRUMENTS) - {JOBS_ACTIVE}
        assert len(index.jobs(JobFilter(flags=(Flag.RUNNING,))).rows) == 1


def test_counters_begin_with_the_last_events(studio, monkeypatch):
    """A new index does not read an outbox of years: the last events are enough to begin with."""
    monkeypatch.setattr(following, "COUNTED_FIRST", 4)
    monkeypatch.setattr(following, "EVENTS", 3)
    for _ in range(10):
        studio.complete()
    with studio.index() as index:
        jobs = sum(one.value for one in index.counters() if one.instrument is JOBS)
    assert jobs == 4


def test_counters_are_silent_until_the_past_is_counted(studio):
    """A scrape never sees them rise to what was long ago."""
    studio.complete()
    with closing(Index(studio.path, folder=studio.cache)) as index:
        index.step()
        assert index.totals().completed == 1
        assert index.counters() == ()
        index.catch_up()
        assert index.counters() != ()


def test_models_without_end_share_a_counter(studio, monkeypatch):
    """A gateway's clients may name any model: from some number on all are one."""
    monkeypatch.setattr(counting, "MOST_MODELS", 3)
    for number in range(6):
        studio.complete(model=f"model-{number}")
    with studio.index() as index:
        models = {one.attributes[names.REQUEST_MODEL] for one in index.counters()}
        total = sum(one.value for one in index.counters() if one.instrument is JOBS)
    assert models == {"model-0", "model-1", "model-2", "other"}
    assert total == 18
