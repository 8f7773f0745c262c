"""Any number of processes on one file, in any interleaving, with crashes, locks and full disks."""

import tempfile
from pathlib import Path

import apsw
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_kit import RULES, SECOND, Audit, Maker

from vidobs.core.jobs import JobState, Usage, VideoFile
from vidobs.core.money import CostBasis
from vidobs.ledger import processes
from vidobs.ledger.backlog import Backlog, Deferred
from vidobs.ledger.sqlite import SqliteLedger

NOBODY = 2**22 + 1  # above every pid that Linux gives
STATES = st.sampled_from(
    [JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED, JobState.FAILED]
)
PROMPTS = st.sampled_from([None, "aa", "bb"])
PICK = st.integers(min_value=0, max_value=10**6)
FOREVER = float("inf")


class Writer:
    """A process: a ledger behind a backlog, and the creates it waits for."""

    def __init__(self, path, now_ns):
        self.path = path
        self.now_ns = now_ns
        self.ledger = None
        self.backlog = Backlog(self.open, self.memory, lambda _: None, lambda: None)
        self.open_creates = []

    def open(self):
        """Open the file and enter the table of processes."""
        ledger = SqliteLedger(str(self.path), RULES, route="first")
        try:
            with ledger.held():
                processes.enter(ledger, self.now_ns)
        except BaseException:
            ledger.abandon()
            raise
        self.ledger = ledger
        return ledger

    def memory(self):
        """Open what stands in."""
        return SqliteLedger(":memory:", RULES, before=self.ledger.cache if self.ledger else None)

    def die(self):
        """Let go of everything at once, as kill -9 does."""
        if self.ledger is not None:
            self.ledger.abandon()


class Processes(RuleBasedStateMachine):
    """Creates, polls in any order, crashes, restarts: the file always tells one story."""

    def __init__(self):
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name, "ledger.db")
        self.make = Maker()
        self.writers = []
        self.videos = {}  # the provider's id -> prompt hash
        self.told = []  # ids of events that a caller was told of, from the file
        self.answered = set()  # jobs whose create was told of them
        self.billed = set()  # jobs that the provider named the cost of
        self.died_with_writes = False
        self.locker = None

    @initialize()
    def start_first(self):
        """There is always a process at the beginning."""
        self.start()

    # -- processes ---------------------------------------------------------------------------------

    @precondition(lambda self: len(self.writers) < 4)
    @rule()
    def start(self):
        """Start a process."""
        self.writers.append(Writer(self.path, self.make.now_ns))

    @precondition(lambda self: len(self.writers) > 1)
    @rule(pick=PICK)
    def crash(self, pick):
        """End a process in the middle of whatever it was doing."""
        writer = self.writers.pop(pick % len(self.writers))
        writer.die()
        self.died_with_writes |= writer.backlog.waiting > 0
        if writer.ledger is not None and self.locker is None:
            with apsw.Connection(str(self.path)) as connection:
                connection.execute(
                    "UPDATE process SET pid = ? WHERE id = ?", (NOBODY, writer.ledger.owner)
                )
            connection.close()

    @precondition(lambda self: self.locker is None and self.path.exists())
    @rule()
    def lock(self):
        """Let somebody else hold the write lock."""
        self.locker = apsw.Connection(str(self.path))
        self.locker.execute("BEGIN IMMEDIATE")

    @precondition(lambda self: self.locker is not None)
    @rule()
    def unlock(self):
        """Let the lock go."""
        self.locker.execute("ROLLBACK")
        self.locker.close()
        self.locker = None

    @rule(pick=PICK)
    def fill(self, pick):
        """Let the disk be full for one process, until it opens the file again."""
        writer = self._writer(pick)
        if writer.ledger is not None and not writer.backlog.broken:
            connection = writer.ledger.connection
            pages = connection.execute("PRAGMA page_count").get
            connection.execute(f"PRAGMA max_page_count = {pages}")

    @rule(pick=PICK, patience=st.sampled_from([0.0, 2.0]))
    def retry(self, pick, patience):
        """Let the maintenance of a process try again, soon or after a while."""
        self._retry(self._writer(pick), self.make.tick() / SECOND + patience)

    # -- calls -------------------------------------------------------------------------------------

    @rule(pick=PICK, prompt=PROMPTS)
    def create(self, pick, prompt):
        """Write an intent; the request is on its way."""
        writer = self._writer(pick)
        job = self.make.job(prompt_hash=prompt)
        writer.backlog.intend(job)
        writer.open_creates.append(job)

    @precondition(lambda self: any(writer.open_creates for writer in self.writers))
    @rule(pick=PICK, state=STATES, replay=st.booleans())
    def answer(self, pick, state, replay):
        """Answer a create with a new job, or with one there is already."""
        writer = self._creating(pick)
        job = writer.open_creates.pop(0)
        same = [video for video, prompt in self.videos.items() if prompt == job.prompt_hash]
        video = same[pick % len(same)] if replay and same else f"video_{len(self.videos)}"
        self.videos.setdefault(video, job.prompt_hash)
        self.answered.add(video)
        self._record(writer, self.make.seen(job, id=video, state=state))

    @precondition(lambda self: any(writer.open_creates for writer in self.writers))
    @rule(pick=PICK, accepted=st.booleans())
    def lose_the_answer(self, pick, accepted):
        """Let a create time out; the provider may have accepted it."""
        writer = self._creating(pick)
        job = writer.open_creates.pop(0)
        if accepted:
            self.videos[f"video_{len(self.videos)}"] = job.prompt_hash
        self._record(writer, self.make.seen(job, state=JobState.UNKNOWN, failure="Timeout: late"))

    @precondition(lambda self: self.videos)
    @rule(pick=PICK, which=PICK, state=STATES, progress=st.integers(0, 100))
    def poll(self, pick, which, state, progress):
        """See a job in any state, whatever was seen before."""
        video = self._video(which)
        seen = self.make.poll(video, state, progress=progress, prompt_hash=self.videos[video])
        self._record(self._writer(pick), seen)

    @precondition(lambda self: self.videos)
    @rule(pick=PICK, which=PICK, usd=st.decimals(0, 5, places=3))
    def bill(self, pick, which, usd):
        """Hear from the provider what a job cost."""
        video, usage = self._video(which), Usage(reported_usd=usd)
        self.billed.add(video)
        self._record(self._writer(pick), self.make.poll(video, JobState.QUEUED, usage=usage))

    @precondition(lambda self: self.videos)
    @rule(pick=PICK, which=PICK, complete=st.booleans())
    def download(self, pick, which, complete):
        """Read the asset of a job that ended."""
        writer, video = self._writer(pick), self._video(which)
        job = writer.backlog.find("openai", video)
        if job is not None and job.state is JobState.COMPLETED:
            file = VideoFile(size_bytes=which, complete=complete)
            self._record(writer, self.make.seen(job, id=video, file=file, download=True))

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def one_story(self):
        """At any moment the file passes the audit, and holds what callers were told, in order."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        audit = Audit(self.path).check()
        assert audit.total_nano == sum(
            int(row.job.cost.usd * 10**9)
            for row in audit.rows
            if row.job.state.terminal and row.job.cost.usd is not None
        )
        place = {event_id: number for number, (_, event_id, *_) in enumerate(audit.events)}
        places = [place[event_id] for event_id in self.told]
        assert places == sorted(places)

    def teardown(self):
        """In the end everything that waited is written, and every job ends once."""
        try:
            self._end()
        finally:
            self._folder.cleanup()

    def _end(self):
        if self.locker is not None:
            self.unlock()
        for video in self.videos:
            for writer in self.writers:
                self._record(writer, self.make.poll(video, JobState.COMPLETED))
        for writer in self.writers:
            self._retry(writer, FOREVER)
            self._retry(writer, FOREVER)  # the first may still meet the full disk
        self.one_story()
        if self.videos:
            self._nothing_is_lost({row.provider_job_id: row.job for row in Audit(self.path).rows})
        for writer in self.writers:
            assert writer.backlog.close() == 0

    def _nothing_is_lost(self, jobs):
        assert {video for video, job in jobs.items() if job.state.terminal} == set(self.videos)
        if self.died_with_writes:
            return
        assert [video for video in self.answered if jobs[video].adopted] == []
        assert {jobs[video].cost.basis for video in self.billed} <= {CostBasis.REPORTED}

    # -- inside ------------------------------------------------------------------------------------

    def _writer(self, pick):
        return self.writers[pick % len(self.writers)]

    def _creating(self, pick):
        creating = [writer for writer in self.writers if writer.open_creates]
        return creating[pick % len(creating)]

    def _video(self, which):
        return list(self.videos)[which % len(self.videos)]

    def _record(self, writer, seen):
        try:
            recorded = writer.backlog.record(seen)
        except Deferred:
            return
        if not writer.backlog.broken:
            self._tell(recorded)

    def _retry(self, writer, now_s):
        for _, recorded in writer.backlog.retry(now_s):
            if not writer.backlog.broken:
                self._tell(recorded)

    def _tell(self, recorded):
        if recorded is not None:
            self.told += [event.id for event in recorded.events]


Processes.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestProcesses = Processes.TestCase
