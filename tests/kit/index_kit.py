"""What the tests of the dashboard's index share: a ledger with jobs, and an index over it."""

from contextlib import contextmanager
from decimal import Decimal

from ledger_kit import RULES, Maker

from vidobs.core.jobs import JobError, JobState, Reason, VideoFile
from vidobs.dashboard.index import Index
from vidobs.ledger import codec
from vidobs.ledger.sqlite import SqliteLedger


class Studio:
    """Writes jobs to a ledger in a file, as any process would."""

    def __init__(self, folder):
        self.folder = folder
        self.path = str(folder / "ledger.db")
        self.cache = folder / "cache"
        self.make = Maker()
        self.videos = 0
        self.ledger = None

    def open(self):
        """Open the ledger, and make it where there is none."""
        if self.ledger is None:
            self.ledger = SqliteLedger(self.path, RULES, route="sink")
        return self.ledger

    def close(self):
        """Give the ledger back."""
        if self.ledger is not None:
            self.ledger.close()
            self.ledger = None

    @property
    def now(self):
        """The time of the last thing that happened."""
        return codec.moment(self.make.now_ns // 1000)

    def intend(self, **job):
        """Write an intent."""
        made = self.make.job(**job)
        self.open().intend(made)
        return made

    def accept(self, **job):
        """Create a job that the provider accepts."""
        made = self.intend(**job)
        self.videos += 1
        self.see(made, id=f"video_{self.videos}", state=JobState.QUEUED)
        return made

    def complete(self, queue_s=1, render_s=1, **job):
        """Create a job and see its video ready."""
        made = self.accept(**job)
        self.make.tick(queue_s - 1)
        self.see(made, state=JobState.IN_PROGRESS)
        self.make.tick(render_s - 1)
        self.see(made, state=JobState.COMPLETED)
        return made

    def fail(self, message="it broke", reason=Reason.PROVIDER_ERROR, code="bad", **job):
        """Create a job and see it fail."""
        made = self.accept(**job)
        self.see(made, state=JobState.FAILED, reason=reason, error=JobError(code, message))
        return made

    def lose(self, **job):
        """Create a job whose answer nobody sees."""
        made = self.intend(**job)
        self.see(made, state=JobState.UNKNOWN, failure="ReadTimeout: no answer")
        return made

    def download(self, job, seconds="8"):
        """Read the video of a job."""
        file = VideoFile(size_bytes=1000, seconds=Decimal(seconds))
        self.see(job, state=JobState.COMPLETED, file=file, download=True)

    def see(self, job, **says):
        """Record an answer."""
        return self.open().record(self.make.seen(job, **says))

    @contextmanager
    def index(self, **given):
        """Open an index that has caught up."""
        index = Index(self.path, folder=self.cache, clock=lambda: self.now, **given)
        try:
            index.catch_up()
            yield index
        finally:
            trips = index._keeper.guard.trips
            index.close()
        assert not trips


def place_of(job):
    """Return the place of a job."""
    return codec.seq_of(job.job_id)
