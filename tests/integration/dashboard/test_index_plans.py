"""How the questions are answered: over an index, so that the number of jobs hardly matters."""

from datetime import timedelta
from decimal import Decimal

import pytest
from index_kit import Studio

from vidobs.core.jobs import JobState, Reason
from vidobs.dashboard.index.answers import Flag, JobFilter, SeriesBy, SpendBy, Step

TABLES = ("job", "gone", "tag", "sums", "shares", "phase", "failure", "failed", "counter")
PARTIAL = ("job_reason", "job_running", "job_stuck", "job_expires")  # indices over few of the jobs
LISTS = [
    JobFilter(),
    *(JobFilter(flags=(flag,)) for flag in Flag),
    JobFilter(states=(JobState.FAILED, JobState.QUEUED)),
    JobFilter(providers=("openai",)),
    JobFilter(models=("sora-2",), providers=("openai",)),
    JobFilter(users=("ada",), states=(JobState.COMPLETED,)),
    JobFilter(tags=(("team", "red"),), models=("sora-2",)),
    JobFilter(users=("ada",), tags=(("team", "red"),)),
    JobFilter(reasons=(Reason.PROVIDER_ERROR,)),
    JobFilter(failures=("0" * 16,)),
    JobFilter(text="red fox", moderated=False),
    JobFilter(min_usd=Decimal(1)),
]


@pytest.fixture
def studio(tmp_path):
    """A ledger to write to."""
    studio = Studio(tmp_path)
    for number in range(3):
        studio.complete(user="ada", tags={"team": "red"}, prompt=f"a red fox {number}")
    studio.fail()
    yield studio
    studio.close()


def plans(index, ask):
    """Return the steps by which the questions of a call are answered, by statement."""
    asked = []

    def trace(_, statement, bindings):
        asked.append((statement, bindings))
        return True

    cache = index._keeper.cache
    with cache.reading() as connection:
        connection.exec_trace = trace
    ask()
    with cache.reading() as connection:
        connection.exec_trace = None
        return [
            [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", bindings)]
            for statement, bindings in asked
            if "SELECT" in statement
        ]


@pytest.mark.parametrize("wanted", LISTS, ids=str)
@pytest.mark.parametrize("way", ["before", "after"])
def test_lists_step_along_an_index(studio, wanted, way):
    """A page is read in order from where it begins, and nothing is sorted but what expires."""
    with studio.index() as index:
        found = plans(index, lambda: index.jobs(wanted, **{way: 10**15}))

    assert found
    for steps in found:
        assert [step for step in steps if step.startswith(("SEARCH job", "SEARCH tag"))] or any(
            "prompt VIRTUAL TABLE" in step for step in steps
        ), steps
        assert not [step for step in steps if step.startswith("SCAN tag")], steps
        if Flag.EXPIRING not in wanted.flags:
            assert not [step for step in steps if "TEMP B-TREE FOR ORDER BY" in step], steps


def test_sums_are_looked_up(studio):
    """No other question reads a table from one end to the other."""
    with studio.index() as index:
        since = studio.now - timedelta(days=40)
        fingerprint = index.failures().rows[0].fingerprint

        def ask():
            index.totals(since)
            index.totals(provider="openai", model="sora-2")
            for step in Step:
                index.series(step, since=since)
            for by in SeriesBy:
                index.series(by=by)
            for by in SpendBy:
                index.spend(by, since)
            index.phases(since)
            index.failures(since)
            index.failure(fingerprint, since)
            index.running()
            index.alerts(studio.now)
            index.choices()

        found = plans(index, ask)

    read = [step for steps in found for step in steps if step.startswith("SCAN ")]
    whole = [step for step in read if step.split()[1] in TABLES and step.split()[-1] not in PARTIAL]
    assert whole == []
    assert len(found) > 25
