"""What exporters get from a ledger that breaks: as much as can be had, and nothing crashes."""

import logging
import os
import random
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import openai
import pytest
from ledger_kit import RULES, Audit, Maker

import vidobs
from vidobs import runtime
from vidobs.core.jobs import JobState
from vidobs.ledger.invariants import violations
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.testing import InMemoryExporter, Sandbox

KIT = Path(__file__).parents[2] / "kit"
SOON = 30
OLD_JOBS = 30
PER_JOB = 3  # events
WAITING = OLD_JOBS * PER_JOB
FLIPS = 2
MOST_TORN = 8  # of the waiting events, that so few bits can take with them
WRITE = """
import sys
from ledger_kit import RULES, Maker
from vidobs.core.jobs import JobState
from vidobs.ledger.sqlite import SqliteLedger
ledger = SqliteLedger(sys.argv[1], RULES, route="first,second")
make = Maker()
ledger.connection.execute("INSERT INTO relay (exporter, cursor) VALUES ('first', 0), ('second', 0)")
for number in range(int(sys.argv[2])):
    ledger.record(make.poll(f"old_{number}", JobState.COMPLETED))
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    """Name the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """Write a ledger in which the events of some jobs wait for two exporters."""
    path = tmp_path_factory.mktemp("waiting") / "ledger.db"
    make = Maker()
    with closing(SqliteLedger(str(path), RULES, route="first,second")) as ledger:
        rows = "('first', 0), ('second', 0)"
        ledger.connection.execute(f"INSERT INTO relay (exporter, cursor) VALUES {rows}")  # noqa: S608
        for number in range(OLD_JOBS):
            job = make.job(user="ada")
            ledger.intend(job)
            for state in (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED):
                ledger.record(make.seen(job, id=f"old_{number}", state=state, spans=True))
    return path


@pytest.fixture(scope="module")
def sandbox():
    """Run a hundred times faster than usual."""
    with Sandbox(time_scale=0.01) as running:
        yield running


class World:
    """A program that makes videos on a ledger, with two exporters."""

    def __init__(self, path, sandbox) -> None:
        self._path = path
        self._sandbox = sandbox
        self.exporters = []

    def begin(self):
        """Start the program."""
        self.exporters = [InMemoryExporter(name=name) for name in ("first", "second")]
        vidobs.configure(ledger=f"sqlite:///{self._path}", callbacks=self.exporters)

    def make_video(self):
        """Make one; return its id. The call does what it always does."""
        url = self._sandbox.base_url
        with vidobs.wrap(openai.OpenAI(base_url=url, api_key="sk-x")) as client:
            video = client.videos.create_and_poll(model="sora-2", prompt="x", seconds="4")
        assert video.status == "completed"
        return video.id

    def got(self, video_id=None):
        """Return the events that each exporter got, of one video or of all, in order."""
        return [
            [e for e in one.events if video_id in (None, e.job.provider_job_id)]
            for one in self.exporters
        ]


@pytest.fixture
def world(path, sandbox):
    """Set the stage; the program is begun by the test."""
    return World(path, sandbox)


def flip(path, seed):
    """Flip some bits of a file."""
    chance = random.Random(seed)
    data = bytearray(path.read_bytes())
    for _ in range(FLIPS):
        place = chance.randrange(len(data) * 8)
        data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)


def ids(events):
    """Return the ids of events."""
    return [event.id for event in events]


def test_one_torn_event_costs_one_event(world, waiting, path, caplog):
    """Both exporters get all the others, in order; the torn one is among their dead letters."""
    shutil.copy(waiting, path)
    with closing(apsw.Connection(str(path))) as connection:
        rows = connection.execute("SELECT id FROM event ORDER BY seq").fetchall()
        connection.execute("UPDATE event SET job = substr(job, 5) WHERE seq = 40")
    world.begin()

    video = world.make_video()
    assert vidobs.flush(SOON) == 0

    expected = [event_id for (event_id,) in rows]
    torn = expected.pop(39)
    for events in world.got():
        assert [found for found in ids(events) if found in expected] == expected
        assert torn not in ids(events)
    assert [events[-1].name for events in world.got(video)] == ["video.completed"] * 2
    with closing(apsw.Connection(str(path))) as connection:
        letters = connection.execute("SELECT exporter, seq, error FROM dead_letter").fetchall()
    assert [letter[:2] for letter in letters] == [("first", 40), ("second", 40)]
    assert "see vidobs ledger check" in letters[0][2]
    assert [found.rule for found in violations(str(path))] == ["an event can be read"]


@pytest.mark.parametrize(
    "seed",
    [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 80))],
)
def test_bits_that_flip(world, waiting, path, seed):
    """Calls work, functions are told; nearly all is delivered, or the log says what to do."""
    shutil.copy(waiting, path)
    flip(path, seed)
    world.begin()
    told = []
    vidobs.on("*")(told.append)
    said = Said()

    video = world.make_video()
    left = vidobs.flush(5)  # ends at once, but on a page that nobody can read
    vidobs.shutdown(1)

    mine = [event.id for event in told if event.job.provider_job_id == video]
    assert [event.name for event in told if event.id in mine][-1] == "video.completed"
    if left:
        assert "move the file away, or point VIDOBS_LEDGER elsewhere" in said.text
        return
    for events in world.got():
        assert len(events) >= WAITING - MOST_TORN
        assert set(mine) <= set(ids(events))


class Said:
    """What the logger of vidobs has said since."""

    def __init__(self) -> None:
        class Handler(logging.Handler):
            def emit(handler, record):  # noqa: N805 - `self` is outside
                self.lines.append(record.getMessage())

        self.lines = []
        self._handler = Handler()
        logging.getLogger("vidobs").addHandler(self._handler)

    @property
    def text(self):
        """All of it."""
        return "\n".join(self.lines)


class FullDisk(apsw.VFS):
    """A disk that has no room for a ledger while `full` is set; everything else is the system's."""

    def __init__(self) -> None:
        self.full = False
        self.base = apsw.vfs_names()[0]
        super().__init__("full-disk", self.base, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's own name
        """Open a file that asks whether there is room."""
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk, name, flags) -> None:
        self._disk = disk
        super().__init__(disk.base, name, flags)

    def xWrite(self, data, offset):  # noqa: N802 - SQLite's own name
        if self._disk.full:
            raise apsw.FullError("no space left on device")
        super().xWrite(data, offset)


@pytest.fixture
def disk():
    """Give the ledger a disk that can be full."""
    disk = FullDisk()
    yield disk
    runtime.reset()
    disk.unregister()


class Filling:
    """An exporter at whose first batch the disk runs full."""

    name = "first"
    durable = True

    def __init__(self, disk) -> None:
        self._disk = disk
        self.batches = []

    def export(self, batch):
        """Take it."""
        self.batches.append(ids(batch))
        if len(self.batches) == 1:
            self._disk.full = True

    def close(self):
        """Hold nothing."""


def test_a_disk_that_runs_full_while_events_are_delivered(world, path, disk):
    """Calls go on, no batch is sent over and over; with room again everything is there once more.

    What was delivered in the moment before may come twice, with the same ids.
    """
    filling = Filling(disk)
    vidobs.configure(ledger=f"sqlite:///{path}", callbacks=[filling])
    said = Said()
    told = []
    vidobs.on("*")(told.append)
    world.make_video()
    assert vidobs.flush(2) > 0
    during = world.make_video()
    assert "the disk is full" in said.text
    assert "free space, or move VIDOBS_LEDGER" in said.text
    batches = len(filling.batches)
    assert batches <= 2

    disk.full = False
    assert vidobs.flush(SOON) == 0

    delivered = [found for batch in filling.batches for found in batch]
    assert set(delivered) == set(ids(told))
    assert [event.id for event in told if event.job.provider_job_id == during]
    repeated = len(delivered) - len(set(delivered))
    assert repeated <= len(filling.batches[0])
    assert violations(str(path)) == ()
    assert Audit(path).check().terminal_events == 2


@pytest.mark.parametrize(
    "part", [0.5, *(pytest.param(part, marks=pytest.mark.slow) for part in (0.0, 0.3, 0.9))]
)
def test_a_log_that_was_cut_off(world, path, tmp_path, part):
    """After a crash a part of the log is missing: what is left is whole, and goes out."""
    source = tmp_path / "source.db"
    env = {**os.environ, "PYTHONPATH": str(KIT)}
    command = [sys.executable, "-c", WRITE, str(source), str(OLD_JOBS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as writer:
        assert writer.stdout.readline() == "written\n"
        writer.send_signal(signal.SIGKILL)
    log = source.with_name("source.db-wal").read_bytes()
    assert len(log) > 100_000
    shutil.copy(source, path)
    path.with_name("ledger.db-wal").write_bytes(log[: int(len(log) * part)])

    world.begin()
    video = world.make_video()
    assert vidobs.flush(SOON) == 0

    audit = Audit(path).check()
    assert violations(str(path)) == ()
    old = sum(row.provider_job_id.startswith("old_") for row in audit.rows)
    assert old <= OLD_JOBS * part
    assert (old > 0) is (part > 0)
    mine = [found for _, found, _, _ in audit.events]
    for events in world.got():
        assert set(ids(events)) == set(mine)
    assert [events[-1].name for events in world.got(video)] == ["video.completed"] * 2
