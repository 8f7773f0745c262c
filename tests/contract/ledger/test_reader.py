"""What the read model answers."""

from datetime import timedelta
from decimal import Decimal

import pytest
from ledger_kit import SECOND, later

from vidobs.core.errors import ConfigError
from vidobs.core.jobs import JobState, Reason, Usage
from vidobs.ledger import codec
from vidobs.ledger import reader as reader_module

Q, C, F = JobState.QUEUED, JobState.COMPLETED, JobState.FAILED


@pytest.fixture
def run(ledger, make):
    """Run a job to a state; return it as stored."""

    def run(video_id, state=C, *, provider="openai", says=None, **job):
        intent = make.job(provider=provider, **job)
        ledger.intend(intent)
        stored = ledger.record(make.seen(intent, id=video_id, state=Q)).job
        if state is not Q:
            stored = ledger.record(make.seen(intent, id=video_id, state=state, **says or {})).job
        return stored

    return run


@pytest.fixture
def reader(backend):
    """Open the read model."""
    return backend.reader()


def ids(jobs):
    """Return the providers' ids."""
    return [job.provider_job_id for job in jobs]


def keyed(spend):
    """Return the rows by key: jobs, dollars, possible, unknown, seconds."""
    return {
        row.key: (row.jobs, row.usd, row.possible_usd, row.unknown, row.seconds)
        for row in spend.rows
    }


def test_jobs_come_newest_first(run, backend):
    """Jobs are listed with the newest first, as many as asked for."""
    for number in range(5):
        run(f"v{number}")
    assert ids(backend.reader().jobs()) == ["v4", "v3", "v2", "v1", "v0"]
    assert ids(backend.reader().jobs(limit=2)) == ["v4", "v3"]


def test_jobs_by_state_model_and_age(run, reader):
    """The filters narrow together."""
    old = run("v0")
    run("v1", Q)
    run("v2", model="sora-2-pro")
    young = run("v3")
    assert ids(reader.jobs(state=Q)) == ["v1"]
    assert ids(reader.jobs(model="sora-2")) == ["v3", "v1", "v0"]
    assert ids(reader.jobs(since=young.created_at)) == ["v3"]
    assert ids(reader.jobs(since=later(old, 1), state=C)) == ["v3", "v2"]
    assert ids(reader.jobs(state=F)) == []


def test_a_job_by_any_of_its_ids(run, reader):
    """A job is found by our id, a beginning of it, and the provider's id, with any provider."""
    one = run("v0")
    other = run("v1", provider="azure")
    assert reader.job(one.job_id) == [one]
    assert reader.job(one.job_id.removeprefix("job_")[:16]) == [one]
    assert reader.job("v1") == [other]
    assert reader.job("job_01") == [one, other]
    assert reader.job("job_ffff") == reader.job("nothing") == reader.job("job_") == []


def test_a_whole_id_is_found_in_a_crowded_millisecond(ledger, make, reader):
    """Twenty jobs of one millisecond do not hide each other."""
    jobs = []
    for _ in range(20):
        make.now_ns -= SECOND
        jobs.append(make.job())
        ledger.intend(jobs[-1])
    assert [[job.job_id for job in reader.job(one.job_id)] for one in jobs] == [
        [one.job_id] for one in jobs
    ]


def test_spend_by_every_key(run, reader):
    """Jobs are summed by model, provider, user, day and tag; those without a key have their row."""
    run("v0", user="ada", tags={"team": "film", "shot": "7"})
    run("v1", user="bob", tags={"team": "film"}, seconds=4)
    run("v2", provider="azure", model="sora-2")
    run("v3", Q, user="ada")
    eight, four = Decimal("0.8"), Decimal("0.4")
    assert keyed(reader.spend("user")) == {
        "ada": (1, eight, 0, 0, 8),
        "bob": (1, four, 0, 0, 4),
        None: (1, eight, 0, 0, 8),
    }
    assert keyed(reader.spend("tag")) == {
        "team=film": (2, eight + four, 0, 0, 12),
        "shot=7": (1, eight, 0, 0, 8),
        None: (1, eight, 0, 0, 8),
    }
    assert list(keyed(reader.spend("provider"))) == ["openai", "azure"]
    assert keyed(reader.spend("model")) == {"sora-2": (3, 2 * eight + four, 0, 0, 20)}
    assert list(keyed(reader.spend("day")).values()) == [(3, 2 * eight + four, 0, 0, 20)]
    for by in ("model", "provider", "day", "user", "tag"):
        assert reader.spend(by).total_usd == 2 * eight + four


def test_spend_of_a_period(run, reader):
    """Settlements before the period do not count, the open creates of before neither."""
    run("v0")
    last = run("v1", seconds=4)
    spend = reader.spend("model", since=last.created_at)
    assert (spend.total_usd, keyed(spend)) == (
        Decimal("0.4"),
        {"sora-2": (1, Decimal("0.4"), 0, 0, 4)},
    )


def test_possible_spend_is_never_in_the_total(run, ledger, make, reader):
    """A failed job of an undocumented rule and an unknown create count beside the total."""
    run("v0", F, provider="nobody-knows", says={"reason": Reason.PROVIDER_ERROR})
    intent = make.job()
    ledger.intend(intent)
    ledger.record(make.seen(intent, state=JobState.UNKNOWN, failure="APITimeoutError"))
    spend = reader.spend("provider")
    assert spend.total_usd == 0
    assert spend.possible_usd >= intent.cost.usd
    (row,) = [row for row in spend.rows if row.key == "openai"]
    assert (row.jobs, row.usd, row.possible_usd, row.unknown) == (1, 0, intent.cost.usd, 1)
    assert not row.priced


def test_days_stand_in_order(run, ledger, make, reader):
    """Days are sorted, those of creates with an unknown outcome among them."""
    intent = make.job()
    ledger.intend(intent)
    ledger.record(make.seen(intent, state=JobState.UNKNOWN))
    make.tick(timedelta(days=2).total_seconds())
    run("v0")
    make.tick(timedelta(days=2).total_seconds())
    run("v1", seconds=12)
    days = [row.key for row in reader.spend("day").rows]
    assert days == sorted(days)
    assert len(days) == 3


def test_an_unknown_price_is_counted_not_zero(run, reader):
    """A job without a price is counted as unknown, and its row says that it has no sum."""
    run("v0", model="nobodys")
    (row,) = reader.spend("model").rows
    assert (row.jobs, row.unknown, row.priced) == (1, 1, False)


def test_an_adjustment_replaces_what_was_possible(run, ledger, make, reader):
    """What a failed job may have cost is gone once the provider names the amount."""
    job = run("v0", F, provider="nobody-knows", model="sora-2", says={"reason": Reason.TIMEOUT})
    usage = Usage(reported_usd=Decimal("0.3"))
    ledger.record(make.seen(job, id="v0", usage=usage))
    spend = reader.spend("provider")
    assert (spend.total_usd, spend.possible_usd) == (Decimal("0.3"), 0)


def test_an_unknown_grouping_names_the_known_ones(ledger, reader):
    """A typo in the grouping is answered with what there is."""
    with pytest.raises(ConfigError, match="did you mean 'model'"):
        reader.spend("modell")


def test_the_state_of_the_file(run, reader):
    """The state counts jobs and events, and names the schema."""
    run("v0")
    info = reader.info()
    assert (info.schema, info.jobs, info.events, info.sound) == (2, 1, 2, True)


def test_an_open_job_is_not_spent_yet(run, reader):
    """A running job is in no sum."""
    job = run("v0", Q)
    assert reader.spend("model").rows == ()
    assert codec.nano(job.cost.usd) == 800_000_000


def test_children_are_the_jobs_made_from_a_video(run, ledger, make, backend):
    """Remixes are found by their source and provider, the oldest first."""
    source = run("v0")
    for video_id, provider, parent in (
        ("v1", "openai", "v0"),
        ("v2", "openai", "v00"),
        ("v3", "azure", "v0"),
        ("v4", "openai", "v0"),
    ):
        intent = make.job(provider=provider)
        ledger.intend(intent)
        ledger.record(make.seen(intent, id=video_id, state=Q, parent_id=parent))

    found = backend.reader().children(source)

    assert (ids(found.jobs), found.complete) == (["v1", "v4"], True)


def test_the_search_for_children_is_bounded(run, ledger, make, backend, monkeypatch):
    """Only the next jobs are looked through, and the answer says so when there are more."""
    monkeypatch.setattr(reader_module, "_CHILDREN_AMONG", 2)
    source = run("v0")
    for number in (1, 2, 3):
        intent = make.job()
        ledger.intend(intent)
        ledger.record(make.seen(intent, id=f"v{number}", state=Q, parent_id="v0"))
    reader = backend.reader()

    found = reader.children(source)
    last = reader.children(reader.job("v1")[0])

    assert (ids(found.jobs), found.complete) == (["v1", "v2"], False)
    assert (last.jobs, last.complete) == ((), True)


def test_a_job_without_an_id_has_no_children(ledger, make, reader):
    """A create that nobody answered is nobody's source."""
    intent = make.job()
    ledger.intend(intent)
    assert reader.children(intent).jobs == ()
