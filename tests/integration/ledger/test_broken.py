"""A ledger that cannot be used never stops a call; what it missed is written once it works."""

import logging
from contextlib import closing

import apsw
import openai
import pytest
from ledger_kit import RULES, Audit, Maker

import vidobs
from vidobs import runtime
from vidobs.core.jobs import JobState
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.testing import Sandbox

SOON = 30
JOBS = 6  # enough to need another page of the file


def a_ledger(path, jobs=50):
    """Write a ledger of some jobs."""
    make = Maker()
    with closing(SqliteLedger(str(path), RULES)) as ledger:
        for number in range(jobs):
            ledger.record(make.poll(f"old_{number}", JobState.COMPLETED))


class Pragma:
    """Every connection to a file that is opened from now on has a setting."""

    def __init__(self, statement, path):
        self._statement = statement
        self._path = path

    def __call__(self, connection):
        """Set it."""
        if connection.filename == str(self._path):
            connection.execute(self._statement)

    def spoil(self):
        """Begin."""
        a_ledger(self._path)
        apsw.connection_hooks.append(self)

    def mend(self):
        """End."""
        apsw.connection_hooks.remove(self)


class Locked:
    """Somebody else holds the write lock."""

    def __init__(self, path):
        self._path = path

    def spoil(self):
        """Begin."""
        a_ledger(self._path)
        self._other = apsw.Connection(str(self._path))
        self._other.execute("BEGIN IMMEDIATE")

    def mend(self):
        """End."""
        self._other.close()


class Wrong:
    """Something else lies where the ledger should be."""

    def __init__(self, put, path):
        self._put = put
        self._path = path

    def spoil(self):
        """Begin."""
        self._put(self._path)

    def mend(self):
        """End."""
        self._path.rename(self._path.with_name("moved-away"))


def garbage(path):
    """Put bytes that are no database."""
    path.write_bytes(b"\x00\xff" * 5000)


def truncated(path):
    """Put a ledger whose second half is missing."""
    a_ledger(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def foreign(path):
    """Put a database of somebody else's, which even has our version number."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("CREATE TABLE theirs (x); PRAGMA user_version = 1")


def newer(path):
    """Put a ledger that a newer vidobs wrote."""
    a_ledger(path)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA user_version = 999")


BREAKAGES = {
    "full": lambda path: Pragma("PRAGMA max_page_count = 1", path),
    "read_only": lambda path: Pragma("PRAGMA query_only = 1", path),
    "locked": Locked,
    "garbage": lambda path: Wrong(garbage, path),
    "truncated": lambda path: Wrong(truncated, path),
    "foreign": lambda path: Wrong(foreign, path),
    "newer": lambda path: Wrong(newer, path),
    "folder": lambda path: Wrong(lambda path: path.mkdir(), path),
}


@pytest.fixture
def path(tmp_path):
    """Name the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture(params=BREAKAGES)
def breakage(request, path):
    """Break the ledger in every way; mend it at the end, if nobody did."""
    breakage = BREAKAGES[request.param](path)
    breakage.spoil()
    mended = []

    def mend():
        if not mended:
            mended.append(True)
            breakage.mend()

    yield mend
    mend()


@pytest.fixture(scope="module")
def sandbox():
    """Run a hundred times faster than usual."""
    with Sandbox(time_scale=0.01) as running:
        yield running


@pytest.fixture
def told(path):
    """Collect the events that callbacks are told of."""
    vidobs.configure(ledger=f"sqlite:///{path}")
    told = []
    vidobs.on("*")(told.append)
    return told


@pytest.fixture
def make_videos(sandbox, told):
    """Make videos with a wrapped client."""

    def make_videos(count=JOBS):
        with vidobs.wrap(openai.OpenAI(base_url=sandbox.base_url, api_key="sk-x")) as client:
            videos = [
                client.videos.create_and_poll(model="sora-2", prompt=f"{n}", seconds="4")
                for n in range(count)
            ]
            bare = vidobs.unwrap(client)
            assert [bare.videos.retrieve(video.id) for video in videos] == videos
        return videos

    return make_videos


def says(caplog, text):
    """Return the records of our logger that hold a text."""
    return [r for r in caplog.records if r.name == "vidobs" and text in r.getMessage()]


def test_calls_work_and_nothing_is_missing_after(breakage, make_videos, told, path, caplog):
    """While it is broken, calls and callbacks go on; then everything is written, once, in order."""
    videos = make_videos()
    assert [video.status for video in videos] == ["completed"] * JOBS
    waiting = vidobs.flush(SOON)
    assert waiting > 0
    assert [event.name for event in told if event.name.terminal] == ["video.completed"] * JOBS
    assert len(says(caplog, "Your calls go on; jobs are kept in memory")) == 1
    before = list(told)
    breakage()
    assert vidobs.flush(SOON) == 0
    assert told == before
    assert len(says(caplog, "the ledger works again; everything")) == 1
    audit = Audit(path).check()
    ours = [row for row in audit.rows if not row.provider_job_id.startswith("old_")]
    assert [row.provider_job_id for row in ours] == [video.id for video in videos]
    for row in ours:
        assert row.event_ids == [event.id for event in told if event.job.job_id == row.job.job_id]
        assert (row.job.state, row.spent) == (JobState.COMPLETED, [(0, 400_000_000)])
    make_videos(1)
    assert vidobs.flush(SOON) == 0
    assert len(Audit(path).check().rows) == len(audit.rows) + 1


def test_what_is_lost_is_counted_and_said(breakage, make_videos, caplog):
    """When the process ends before the ledger works again, it says how many writes are gone."""
    make_videos()
    waiting = runtime.current().store.backlog.waiting
    assert waiting > 0
    assert vidobs.shutdown(2) >= waiting
    (record,) = says(caplog, "ledger.lost")
    assert record.levelno == logging.WARNING
    assert f"count={waiting}" in record.getMessage()


def test_a_file_deleted_under_us_is_noticed(make_videos, told, path, caplog):
    """Who deletes the ledger of a running process gets a new one, with the jobs from then on."""
    make_videos(1)
    assert vidobs.flush(SOON) == 0
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    store = runtime.current().store
    store.keep(float("inf"))
    assert len(says(caplog, "was taken away while it was in use")) == 1
    (video,) = make_videos(1)
    assert vidobs.flush(SOON) == 0
    assert len(says(caplog, "the ledger works again; everything")) == 1
    (row,) = Audit(path).check().rows
    assert row.provider_job_id == video.id


def test_a_newer_ledger_is_left_alone(path, make_videos):
    """An older library writes nothing to a newer schema, and says who is too old."""
    newer(path)
    before = path.read_bytes()
    make_videos(1)
    vidobs.shutdown(2)
    assert path.read_bytes() == before


def test_a_database_of_others_is_left_alone(path, make_videos):
    """A path that names somebody else's database does not change that, not even its mode."""
    foreign(path)
    before = path.read_bytes()
    make_videos(1)
    vidobs.shutdown(2)
    assert path.read_bytes() == before
