"""What goes by itself after some days, and how little of the time of others it takes."""

import math
from contextlib import contextmanager

import pytest
from ledger_kit import RULES

from vidobs.core.jobs import JobState
from vidobs.ledger import codec, filesystems, sweeper
from vidobs.ledger.database import open_writer
from vidobs.ledger.filesystems import network_type, type_of
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.sweeper import Sweeper
from vidobs.runtime import retention as retention_module
from vidobs.runtime.retention import EVERY_S, PAUSE_S, Retention
from vidobs.runtime.store import LedgerStore

C, Q = JobState.COMPLETED, JobState.QUEUED


class Process:
    """A process with settings of its own that keeps the file."""

    def __init__(self, filled, **days) -> None:
        path = str(filled.path)
        self.connection = open_writer(path)
        self.retention = Retention(path, **{"days": None, "content_days": None, **days})
        self._sweeper = Sweeper(path, self.connection)
        self._filled = filled
        self.now_s = 0.0

    def step(self, after_s=0.0):
        """Let time pass, on the clock and on the wall, and go on if it is due; return if it was."""
        self.now_s += after_s
        self._filled.make.tick(after_s)
        if self.now_s < self.retention.due:
            return False
        self.retention.step(self._sweeper, self.now_s, self.now)
        return True

    @property
    def now(self):
        """The time of day."""
        return codec.moment(self._filled.make.now_ns // 1000)

    def rest_s(self):
        """Return in how many seconds it wants to be called again."""
        return self.retention.due - self.now_s


@pytest.fixture
def process(filled):
    """Start processes; end them."""
    started = []

    def process(**days):
        started.append(Process(filled, **days))
        return started[-1]

    yield process
    for one in started:
        one.connection.close()


@pytest.fixture
def media(filled):
    """Keep a picture of a job; return a way to tell whether it is there."""
    folder = filled.path.with_name("ledger.db.media")
    folder.mkdir()

    def keep(job):
        place = folder / f"{job.job_id}.jpg"
        place.touch()
        return place.exists

    return keep


def test_nothing_goes_unless_it_is_asked_for(filled, process):
    """Without a setting there is never anything due."""
    assert process().retention.due == math.inf


def test_old_jobs_go(filled, process, media):
    """After the days jobs that ended are deleted, with their pictures; what is open stays."""
    there = media(filled.job())
    filled.job(Q)
    filled.days(3)
    filled.job()
    keeper = process(days=2.5)

    assert keeper.step()

    assert filled.ids == ["v2", "v3"]
    assert not there()
    assert keeper.rest_s() == EVERY_S


def test_content_goes_earlier(filled, process, media):
    """Content has days of its own; the job stays, and young content too."""
    old = filled.job()
    there = media(old)
    filled.days(2)
    filled.job()
    process(days=30, content_days=1).step()

    first, second = (row.job for row in filled.audit.rows)
    assert (first.prompt, first.cost, second.prompt) == (None, old.cost, "a secret prompt")
    assert not there()


def test_once_an_hour_whatever_number_of_processes(filled, process):
    """The first process of an hour does it, the others wait for the next."""
    filled.job()
    filled.days(2)
    filled.job()
    one, other = process(days=1), process(days=1)
    one.step()
    assert filled.ids == ["v2"]
    filled.sql("UPDATE job SET seq = 1 WHERE provider_job_id = 'v2'")  # it is very old now
    filled.job()

    assert not one.step(after_s=EVERY_S / 2)
    assert other.step()
    assert (filled.ids, other.rest_s()) == (["v2", "v3"], EVERY_S)
    assert one.step(after_s=EVERY_S / 2)
    assert filled.ids == ["v3"]


def test_a_clock_that_was_put_back_does_not_stop_it(filled, process):
    """A round in the future is one of a clock that was wrong."""
    filled.job()
    filled.days(3)
    filled.job()
    filled.sql(
        "INSERT INTO meta VALUES (?, ?)",
        retention_module.CLAIM,
        filled.make.now_ns // 1000 + 10**12,
    )

    process(days=1).step()

    assert filled.ids == ["v2"]


def test_a_round_is_made_of_steps(filled, process, monkeypatch):
    """A long round is interrupted after a moment and goes on a second later, to its end."""
    monkeypatch.setattr(sweeper, "BATCH", 2)
    monkeypatch.setattr(retention_module, "STEP_S", 0.0)
    for _ in range(5):
        filled.job()
    filled.days(2)
    filled.job()
    keeper = process(days=1, content_days=1)
    monkeypatch.setattr(retention_module.time, "monotonic", ticking())

    rests = []
    while keeper.step(after_s=PAUSE_S):
        rests.append(keeper.rest_s())
        if rests[-1] == EVERY_S:
            break

    assert filled.ids == ["v6"]
    assert rests[:-1] == [PAUSE_S] * (len(rests) - 1)
    assert len(rests) > 3


def ticking():
    """Return a clock of which every second look is too late: one batch a step."""
    looks = iter(range(10_000))
    return lambda: -1.0 if (look := next(looks)) % 3 == 1 else float(look)


def test_content_that_went_is_not_looked_at_again(filled, process):
    """A round begins where the last one ended, not at the first job."""
    filled.job()
    filled.days(2)
    filled.job()
    keeper = process(content_days=1)
    keeper.step()
    filled.sql("UPDATE job SET prompt_hash = 'back' WHERE provider_job_id = 'v1'")

    filled.days(2)
    assert keeper.step(after_s=EVERY_S)

    hashes = filled.sql("SELECT prompt_hash FROM job ORDER BY seq")
    assert hashes == [("back",), (None,)]


def test_content_that_was_missed_is_looked_at_again(filled, process, monkeypatch):
    """Where another process was in between, the next round begins where this one did."""
    filled.job()
    filled.days(2)
    keeper = process(content_days=1)
    monkeypatch.setattr(retention_module.Content, "apply", lambda *_: False)
    keeper.step()
    monkeypatch.undo()
    assert keeper.step(after_s=EVERY_S)

    assert filled.sql("SELECT prompt_hash FROM job") == [(None,)]


def test_the_maintenance_thread_does_it(filled):
    """The store keeps the settings: a look after the file takes old jobs out, over the outbox."""
    filled.job()
    filled.days(40)
    filled.job()
    store = LedgerStore(
        str(filled.path),
        RULES,
        clock=filled.make_clock(),
        getrandbits=filled.make.bits,
        report=print,
        full_sync=False,
        retention=Retention(str(filled.path), days=30, content_days=None),
    )
    store.backlog.open()

    store.keep(1.0)

    assert filled.ids == ["v2"]
    store.close()


def test_a_sweep_waits_for_the_lock(filled):
    """It goes behind the lock that the relay's threads use, and never beside it."""
    held = []

    @contextmanager
    def lock():
        held.append("in")
        yield
        held.append("out")

    class Lock:
        def __enter__(self):
            self._inner = lock()
            return self._inner.__enter__()

        def __exit__(self, *error):
            return self._inner.__exit__(*error)

    outbox = SqliteOutbox(str(filled.path), filled.ledger.connection, Lock())
    outbox.sweeper().claim("x", 1, 1)

    assert held == ["in", "out"] * 2


MOUNTS = r"""
overlay / overlay rw 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sda1 /home/ada/local ext4 rw 0 0
//nas/share /mnt/my\040share cifs rw 0 0
sshfs#host: /mnt/far fuse.sshfs rw 0 0
tmpfs /mnt/far tmpfs rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/var/lib/ledger.db", "overlay"),
        ("/home/ada/ledger.db", "nfs4"),
        ("/homestead/ledger.db", "overlay"),
        ("/home/ada/local/ledger.db", "ext4"),
        ("/mnt/my share/ledger.db", "cifs"),
        ("/mnt/far/ledger.db", "tmpfs"),
    ],
)
def test_the_nearest_mount_counts(place, kind):
    """A place lies on the mount with the longest path, and on the last of two on one folder."""
    assert type_of(place, MOUNTS) == kind


@pytest.fixture
def mounts(tmp_path, monkeypatch):
    """Let the file of mounts say something."""

    def say(kind):
        (tmp_path / "mounts").write_text(f"x / ext4 rw 0 0\ny {tmp_path} {kind} rw 0 0\n")
        monkeypatch.setattr(filesystems, "_MOUNTS", str(tmp_path / "mounts"))

    return say


def test_a_network_file_system_is_told_once(filled, mounts):
    """The one line says what is wrong and what to do; a local disk is not worth a line."""
    mounts("nfs4")
    said = []
    store = LedgerStore(
        str(filled.path),
        RULES,
        clock=filled.make_clock(),
        getrandbits=filled.make.bits,
        report=said.append,
        full_sync=False,
    )
    store.backlog.open()

    for now_s in (1.0, 10.0, 20.0):
        store.keep(now_s)

    store.close()
    (line,) = said
    assert "network file system (nfs4)" in line
    assert "VIDOBS_LEDGER" in line


@pytest.mark.parametrize("kind", ["ext4", "tmpfs", "overlay", "fuse.mergerfs"])
def test_a_local_disk_is_no_network(filled, mounts, kind):
    """Nothing is said of what is local."""
    mounts(kind)

    assert network_type(str(filled.path)) is None


def test_where_there_are_no_mounts_nothing_is_said(monkeypatch):
    """On a system without that file nobody guesses."""
    monkeypatch.setattr(filesystems, "_MOUNTS", "/nowhere")

    assert network_type("/home/x") is None
