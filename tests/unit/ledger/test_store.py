"""How a process keeps its ledger."""

import threading
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import apsw
import pytest
from ledger_kit import RULES, Audit, Maker

from vidobs.core.errors import LedgerBusyError
from vidobs.core.jobs import JobState
from vidobs.core.protocols import Standing
from vidobs.ledger import codec, processes
from vidobs.ledger.backlog import Deferred
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.runtime.store import CHECKPOINT_BYTES, LedgerStore

NOBODY = 2**22 + 1


@pytest.fixture
def path(tmp_path):
    """Name the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def make():
    """Make jobs of now."""
    return Maker(now_ns=time.time_ns())


@pytest.fixture
def open_store(path, make):
    """Open stores on the path; close them."""
    opened = []

    def open_store(where=None):
        store = LedgerStore(
            str(where or path),
            RULES,
            clock=time,
            getrandbits=make.bits,
            report=lambda _: None,
            full_sync=False,
        )
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store):
    """Open a store."""
    return open_store()


def fill(store, make, jobs):
    """Write jobs, at once or, where the lock is not to be had in time, as soon as it goes."""
    for number in range(jobs):
        with suppress(Deferred):
            store.backlog.record(make.poll(f"v{make.now_ns}-{number}", JobState.COMPLETED))


def wal_bytes(path):
    """Return the length of the log."""
    return Path(f"{path}-wal").stat().st_size


def test_nothing_is_opened_before_the_first_write(store, path):
    """A store that nobody uses makes no file."""
    store.keep(0.0)
    assert not path.exists()


def test_the_key_is_of_the_ledger(open_store):
    """Every process on a file has the same key; a ledger in memory has its own."""
    keys = {open_store().fingerprint_key() for _ in range(3)}
    assert len(keys) == 1
    assert open_store(":memory:").fingerprint_key() not in keys


def test_the_key_is_read_though_the_file_is_locked(open_store, path):
    """A process that starts while another writes for long still knows what prompts are equal."""
    key = open_store().fingerprint_key()
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert open_store().fingerprint_key() == key


def test_only_housekeeping_moves_the_log_into_the_file(store, make, path):
    """Writes only ever append to the log; `keep` copies it into the file once it is long."""
    fill(store, make, 10)
    store.keep(1.0)
    before = path.stat().st_size
    while wal_bytes(path) <= CHECKPOINT_BYTES:
        fill(store, make, 50)
    assert path.stat().st_size == before
    store.keep(2.0)
    assert path.stat().st_size > before
    length = wal_bytes(path)
    fill(store, make, 10)
    assert wal_bytes(path) == length  # it starts over at its beginning


def test_housekeeping_finds_the_creates_of_the_dead(store, make, path):
    """The unanswered create of a dead process becomes an event that is told of here."""
    with closing(SqliteLedger(str(path), RULES)) as dead:
        with dead.held():
            processes.enter(dead, make.now_ns)
        job = make.job()
        dead.intend(job)
        dead.connection.execute("UPDATE process SET pid = ?", (NOBODY,))
    store.backlog.open()
    late, rest = store.keep(100.0)
    (event,) = [event for seen in late for event in seen.events]
    assert (event.name.value, event.job.job_id) == ("video.unknown", job.job_id)
    assert all(seen.late for seen in late)
    assert 0 < rest <= 60
    assert store.keep(100.1)[0] == []


def test_a_poll_finds_them_before_housekeeping_does(store, make, path):
    """A job seen at the provider is compared with the creates of processes that died just now."""
    with closing(SqliteLedger(str(path), RULES)) as dead:
        store.backlog.open()
        store.keep(100.0)
        with dead.held():
            processes.enter(dead, make.now_ns)
        job = make.job(prompt_hash="aa")
        dead.intend(job)
        dead.connection.execute("UPDATE process SET pid = ? WHERE id = ?", (NOBODY, dead.owner))
    recorded = store.backlog.record(make.poll("v1", JobState.QUEUED, prompt_hash="aa"))
    assert recorded.job.job_id == job.job_id
    (event,) = [event for seen in store.keep(100.1)[0] for event in seen.events]
    assert event.name.value == "video.unknown"


def test_the_outbox_follows_the_ledger_to_a_new_file(open_store, make, path):
    """After the file was replaced, exporters read the new one."""
    fill(open_store(), make, 2)
    store = open_store()
    store.exporters = ("first",)
    now = codec.moment(make.now_ns // 1000)
    assert store.outbox().lease("first", "me", now + timedelta(seconds=30), now) == Standing(4)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink()
    store.keep(1000.0)
    assert store.backlog.broken
    store.keep(2000.0)
    assert not store.backlog.broken
    assert store.outbox().lease("first", "me", now + timedelta(seconds=30), now) == Standing(0)
    fill(store, make, 1)
    assert len(store.outbox().read(0, 10)) == 2


def test_an_exporter_gets_the_first_event_of_all(store, make):
    """What is recorded before the relay's threads have looked into the outbox is theirs too."""
    store.exporters = ("first",)
    store.route = "first"
    fill(store, make, 1)
    assert store.outbox().behind("first") == 2


def test_a_ledger_in_memory_can_be_read_while_it_is_written(open_store, make):
    """The read model and writes of other threads take turns on the one connection."""
    store = open_store(":memory:")
    store.backlog.open()
    writer = threading.Thread(target=fill, args=(store, make, 300))
    writer.start()
    while writer.is_alive():
        with suppress(LedgerBusyError):  # it takes its turn within 25 ms, or says so
            assert len(store.reader().jobs(limit=5)) <= 5
    writer.join()
    assert not store.backlog.broken
    while store.backlog.waiting:
        store.keep(0.0)
    assert len(Audit.of(store._ledger.connection).check().rows) == 300


def test_an_answer_after_the_end_is_still_written(store, make, path):
    """A call that returns while the process ends is recorded."""
    job = make.job()
    store.backlog.intend(job)
    store.close()
    store.backlog.record(make.seen(job, id="v1", state=JobState.QUEUED))
    assert [row.job.state for row in Audit(path).check().rows] == [JobState.QUEUED]
