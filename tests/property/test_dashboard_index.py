"""Whatever happens to a ledger, and whenever the index looks: its sums are those of the ledger."""

import tempfile
from collections import Counter
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import apsw
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ledger_kit import RULES, Audit, Maker

from vidobs.core.jobs import JobError, JobState, Reason, Usage, VideoFile
from vidobs.core.money import ZERO
from vidobs.dashboard.index import Index, following
from vidobs.dashboard.index.answers import JobFilter, SpendBy
from vidobs.ledger import codec
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.ledger.sweeper import sweeping
from vidobs.ledger.sweeps import Content, OldJobs, Person, Spender

EVER = 2**63 - 1
PICK = st.integers(min_value=0, max_value=10**6)
USERS = st.sampled_from([None, "ada", "bob"])
TAGS = st.sampled_from([{}, {"team": "red"}, {"team": "blue", "app": "x"}])
MODELS = st.sampled_from(["sora-2", "sora-2-pro", None, "nobody-knows"])
STATES = st.sampled_from(list(JobState)[2:])
REASONS = st.sampled_from([None, Reason.MODERATION_OUTPUT, Reason.PROVIDER_ERROR])
PROMPTS = st.sampled_from([None, "a red fox", "a blue whale"])
SWEEPS = st.sampled_from(
    [(OldJobs(EVER),), (Content(EVER),), (Person("ada", EVER), Spender("ada", EVER))]
)


class Followed(RuleBasedStateMachine):
    """Jobs live, are folded, adjusted and purged, while an index is built, follows and restarts."""

    def __init__(self):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.path = str(Path(self._folder.name, "ledger.db"))
        self.cache = Path(self._folder.name, "cache")
        self.make = Maker()
        self.ledger = SqliteLedger(self.path, RULES, route="first")
        self.jobs = []
        self.index = Index(self.path, folder=self.cache)
        self.part = following.PART
        following.PART = 2  # so that a few jobs are several parts

    def teardown(self):
        """Give everything back."""
        following.PART = self.part
        self.index.close()
        self.ledger.close()
        self._folder.cleanup()

    # -- the ledger --------------------------------------------------------------------------------

    @rule(user=USERS, tags=TAGS, model=MODELS, prompt=PROMPTS)
    def create(self, user, tags, model, prompt):
        """Write an intent."""
        job = self.make.job(user=user, tags=tags, model=model, prompt=prompt)
        self.ledger.intend(job)
        self.jobs.append(job)

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, state=STATES, reason=REASONS, reported=st.sampled_from([None, "0.25", "1.5"]))
    def answer(self, pick, state, reason, reported):
        """See a job in some state, perhaps with what it cost, whatever was seen before."""
        job = self._job(pick)
        usage = None if reported is None else Usage(reported_usd=Decimal(reported))
        error = JobError("bad", f"no {pick}") if state is JobState.FAILED else None
        says = {"state": state, "reason": reason, "error": error, "usage": usage}
        if state is not JobState.UNKNOWN:
            says["id"] = f"video_{self.jobs.index(job)}"
        self.ledger.record(self.make.seen(job, **says))

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK)
    def lose(self, pick):
        """Nobody knows what became of a create."""
        job = self._job(pick)
        self.ledger.record(self.make.seen(job, state=JobState.UNKNOWN, failure="Timeout"))

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, state=STATES)
    def adopt(self, pick, state):
        """A process that does not know the job polls it, before or after the create's answer."""
        seen = self.make.poll(f"video_{pick % len(self.jobs)}", state)
        self.ledger.record(seen)

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, seconds=st.sampled_from(["4", "8.5"]))
    def download(self, pick, seconds):
        """Read a video, and find out how long it is."""
        file = VideoFile(size_bytes=1000, seconds=Decimal(seconds))
        job = self._job(pick)
        self.ledger.record(self.make.seen(job, state=JobState.COMPLETED, file=file, download=True))

    @rule(sweeps=SWEEPS)
    def purge(self, sweeps):
        """Take old jobs, content or a person out of the ledger."""
        with sweeping(self.path) as sweeper:
            for sweep in sweeps:
                sweeper.run(sweep)

    @rule(hours=st.integers(min_value=1, max_value=800))
    def pass_time(self, hours):
        """Let hours go by."""
        self.make.tick(hours * 3600)

    @rule()
    def forget_notes(self):
        """Lose the notes of quiet changes, as if there had been too many."""
        with closing(apsw.Connection(self.path)) as connection:
            connection.execute("UPDATE meta SET value = value + 100000 WHERE key = 'quiet'")

    # -- the index ---------------------------------------------------------------------------------

    @rule()
    def follow_a_little(self):
        """Do one step."""
        self.index._keeper._turn()

    @rule()
    def restart(self):
        """End the dashboard in the middle of whatever it was doing, and start it again."""
        self.index.close()
        self.index = Index(self.path, folder=self.cache)

    @rule()
    def rebuild(self):
        """Lose the cache."""
        self.index.close()
        for file in self.cache.glob("*.db*"):
            file.unlink()
        self.index = Index(self.path, folder=self.cache)

    @rule()
    def compare(self):
        """Everything is as the ledger says, once the index has caught up."""
        self.index.catch_up()
        assert self.index.progress().caught_up
        assert not self.index._keeper.guard.trips
        self._compare_spend(None)
        self._compare_jobs()
        self._compare_sums()

    @invariant()
    def nothing_is_below_zero(self):
        """No sum ever falls below nothing, whenever one looks."""
        assert all(jobs >= 0 for jobs in self.index.totals().outcomes.values())

    # ----------------------------------------------------------------------------------------------

    def _job(self, pick):
        return self.jobs[pick % len(self.jobs)]

    def _compare_spend(self, since):
        with closing(LedgerReader(self.path)) as reader:
            for by in SpendBy:
                here, there = self.index.spend(by, since), reader.spend(by.value, since)
                assert here.total_usd == there.total_usd
                assert here.possible_usd == there.possible_usd
                counted = by is not SpendBy.DAY  # there an adjustment counts its job once more
                assert _figures(here, counted=counted) == _figures(there, counted=counted), by

    def _compare_jobs(self):
        with closing(LedgerReader(self.path)) as reader:
            there = reader.jobs(limit=1000)
        page = self.index.jobs(limit=1000)
        assert page.complete
        assert self.index.load(page.places) == there
        assert self.index.progress().jobs == len(there)
        for state, count in Counter(job.state for job in there).items():
            found = self.index.jobs(JobFilter(states=(state,)), limit=1000)
            assert len(found.rows) == count
        for text in ("red", "blue wha"):
            found = self.index.load(self.index.jobs(JobFilter(text=text), limit=1000).places)
            assert found == [job for job in there if job.prompt and text in job.prompt]
        for user in ("ada", "bob"):
            found = self.index.load(self.index.jobs(JobFilter(users=(user,)), limit=1000).places)
            assert found == [job for job in there if job.user == user]
        wanted = JobFilter(tags=(("team", "red"),), states=(JobState.COMPLETED,))
        found = self.index.load(self.index.jobs(wanted, limit=1000).places)
        assert found == [
            job
            for job in there
            if job.tags.get("team") == "red" and job.state is JobState.COMPLETED
        ]

    def _compare_sums(self):
        """Sums over months, days and hours agree, and with an index that is made anew."""
        rows = Audit(self.path).rows
        failed = [row.job for row in rows if row.job.state is JobState.FAILED]
        assert self.index.failures().jobs == len(failed)
        total = self.index.totals()
        for days in (1, 40):
            since = codec.moment(self.make.now_ns // 1000) - timedelta(days=days)
            early, late = self.index.totals(until=since), self.index.totals(since)
            hour = timedelta(hours=1)
            if since.replace(minute=0, second=0, microsecond=0) == since:
                assert early.usd + late.usd == total.usd
            both = self.index.totals(since, since + hour)
            assert early.jobs + late.jobs - both.jobs <= total.jobs <= early.jobs + late.jobs
        with tempfile.TemporaryDirectory() as folder:
            fresh = Index(self.path, folder=Path(folder))
            with closing(fresh):
                fresh.catch_up()
                anew = fresh.totals()
                assert (anew.usd, anew.possible_usd, anew.seconds) == (
                    total.usd,
                    total.possible_usd,
                    total.seconds,
                )
                assert (anew.settled, anew.unpriced) == (total.settled, total.unpriced)
                assert fresh.failures().jobs == len(failed)


def _figures(spend, *, counted):
    """Return the rows of spend that say anything, by key."""
    return {
        row.key: (
            *((row.jobs, row.unknown) if counted else ()),
            row.usd,
            row.possible_usd,
            row.seconds or ZERO,
        )
        for row in spend.rows
        if (row.jobs and counted) or row.usd or row.possible_usd or row.seconds
    }


Followed.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestFollowed = Followed.TestCase


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestFollowedForLong(Followed.TestCase):
    """The same, with many more lives."""

    settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
