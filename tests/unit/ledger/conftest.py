"""A ledger in a file, filled by a process that this one plays."""

import pytest
from ledger_kit import RULES, Audit, Maker

from vidobs.core.jobs import JobError, JobState, Reason
from vidobs.ledger.sqlite import SqliteLedger

DAY_S = 86_400


class Clock:
    """Shows the time of a maker of jobs."""

    def __init__(self, make) -> None:
        self._make = make

    def time_ns(self):
        """Return nanoseconds since 1970."""
        return self._make.now_ns


class Filled:
    """A ledger with a writer that makes jobs of any age."""

    def __init__(self, path) -> None:
        self.path = path
        self.make = Maker()
        self.ledger = SqliteLedger(str(path), RULES, route="webhook")
        self.count = 0

    def job(self, state=JobState.COMPLETED, **options):
        """Run a job to a state; return it as stored. It says `secret` wherever it can."""
        self.count += 1
        video_id = f"v{self.count}"
        intent = self.make.job(
            prompt="a secret prompt", prompt_hash="ph", request_hash="rh", **options
        )
        self.ledger.intend(intent)
        stored = self.ledger.record(self.make.seen(intent, id=video_id, state=JobState.QUEUED)).job
        says = {}
        if state is JobState.FAILED:
            error = JobError("moderation_blocked", "the secret was blocked")
            says = {"error": error, "reason": Reason.MODERATION_OUTPUT}
        if state is not JobState.QUEUED:
            seen = self.make.seen(intent, id=video_id, state=state, **says)
            stored = self.ledger.record(seen).job
        return stored

    def poll(self, job, **says):
        """Let the writer see the job once more."""
        return self.ledger.record(self.make.seen(job, id=job.provider_job_id, **says))

    def make_clock(self):
        """Return the clock that the jobs are made on, for others to look at."""
        return Clock(self.make)

    def days(self, count):
        """Let days pass."""
        self.make.tick(count * DAY_S)

    def register(self, exporter, cursor=None):
        """Give an exporter a cursor, at the end unless told otherwise."""
        self.sql("INSERT INTO relay (exporter, cursor) VALUES (?, 0)", exporter)
        if cursor is None:
            (cursor,) = self.sql("SELECT max(seq) FROM event")[0]
        self.sql("UPDATE relay SET cursor = ? WHERE exporter = ?", cursor, exporter)

    def sql(self, statement, *bindings):
        """Do something by plain SQL."""
        return self.ledger.connection.execute(statement, bindings).fetchall()

    @property
    def audit(self):
        """Read the file without the ledger's own code."""
        return Audit(self.path)

    @property
    def ids(self):
        """The provider's ids of the jobs that are there."""
        return [row.provider_job_id for row in self.audit.rows]


@pytest.fixture
def filled(tmp_path):
    """Open an empty ledger for writing."""
    filled = Filled(tmp_path / "ledger.db")
    yield filled
    filled.ledger.close()
