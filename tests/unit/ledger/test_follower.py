"""Reading the outbox while others write it."""

from datetime import timedelta

import pytest
from ledger_kit import RULES, Maker

from vidobs.core.errors import LedgerMissingError, LedgerUnusableError
from vidobs.core.events import EventName
from vidobs.core.jobs import JobState
from vidobs.ledger import codec, follower
from vidobs.ledger.follower import Follower
from vidobs.ledger.sqlite import SqliteLedger


class Writer:
    """A process that writes jobs, one after the other, to a file."""

    def __init__(self, path) -> None:
        self.ledger = SqliteLedger(str(path), RULES)
        self.make = Maker()
        self.count = 0

    def job(self) -> str:
        """Let a job be accepted: one event; return the provider's id."""
        self.count += 1
        job = self.make.job()
        self.ledger.intend(job)
        seen = self.make.seen(job, id=f"v{self.count}", state=JobState.QUEUED)
        self.ledger.record(seen)
        return f"v{self.count}"


@pytest.fixture
def path(tmp_path):
    """Return the place of a ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def writer(path):
    """Open the ledger for writing."""
    writer = Writer(path)
    yield writer
    writer.ledger.close()


@pytest.fixture
def follow(path):
    """Make followers of the file; close them."""
    made = []

    def follow(**options) -> Follower:
        made.append(Follower(str(path), **options))
        return made[-1]

    yield follow
    for one in made:
        one.close()


def ids(events):
    """Return the providers' ids."""
    return [event.job.provider_job_id for event in events]


def test_what_was_there_before_is_left_out(writer, follow):
    """A follower begins with what is written after its first look."""
    writer.job()
    following = follow()

    assert following.read() == []
    writer.job()
    assert ids(following.read()) == ["v2"]
    assert list(following.read()) == []


def test_everything_comes_in_batches(writer, follow, monkeypatch):
    """All events come, each once and in order, however small the batches are."""
    monkeypatch.setattr(follower, "BATCH", 3)
    for _ in range(7):
        writer.job()
    following = follow(everything=True)

    found = [ids(following.read()) for _ in range(4)]

    assert found == [["v1", "v2", "v3"], ["v4", "v5", "v6"], ["v7"], []]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8])
def test_the_past_is_found_by_time(writer, follow, count):
    """With `since` the first event is the first that is not older, wherever it lies."""
    times = []
    for _ in range(8):
        writer.job()
        times.append(codec.moment(writer.make.now_ns // 1000))
    since = times[count] if count < 8 else times[-1] + timedelta(seconds=1)

    found = ids(follow(since=since).read())

    assert found == [f"v{number}" for number in range(count + 1, 9)]


def test_the_past_is_found_where_the_first_rows_are_gone(writer, follow):
    """After a purge the places begin anywhere; the search by time bears that."""
    for _ in range(8):
        writer.job()
    writer.ledger.connection.execute("DELETE FROM event WHERE seq IN (1, 2, 3, 5)")

    assert ids(follow(since=codec.EPOCH).read()) == ["v4", "v6", "v7", "v8"]


def test_nothing_new_costs_no_query(writer, follow):
    """While no other connection commits, the rows are not looked at again."""
    following = follow()
    following.read()
    ran = []
    following._connection.trace_v2(1, lambda event: ran.append(event["sql"]))

    following.read()

    assert ran == ["PRAGMA data_version"]


def test_a_missing_ledger_is_read_from_its_beginning(path, follow):
    """What is written before the follower sees the file is not lost."""
    following = follow()
    with pytest.raises(LedgerMissingError):
        following.read()
    path.touch()
    with pytest.raises(LedgerMissingError, match="empty"):
        following.read()
    writer = Writer(path)
    writer.job()

    assert ids(following.read()) == ["v1"]
    writer.ledger.close()


def test_a_replaced_ledger_is_read_from_its_beginning(path, writer, follow):
    """When the file is taken away, the one that comes in its place is followed."""
    following = follow()
    writer.job()
    following.read()
    for name in ("", "-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    with pytest.raises(LedgerMissingError):
        following.read()
    again = Writer(path)
    again.job()

    assert [event.name for event in following.read()] == [EventName.SUBMITTED]
    again.ledger.close()


def test_what_is_no_ledger_is_refused(path, follow):
    """A file of somebody else's is an error, not something to wait for."""
    path.write_bytes(b"not a database, and longer than the header of one " * 20)

    with pytest.raises(LedgerUnusableError) as refused:
        follow().read()
    assert not isinstance(refused.value, LedgerMissingError)


def test_it_writes_nothing(path, writer, follow):
    """A follower leaves the file as it is: its connection refuses to write."""
    writer.job()
    following = follow(everything=True)
    following.read()

    assert following._connection.readonly("main")
