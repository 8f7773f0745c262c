"""How the file of a ledger is opened, and what it is refused for."""

import stat
from contextlib import closing

import apsw
import pytest
from ledger_kit import RULES, Maker

from vidobs.core.errors import LedgerBusyError, LedgerSchemaError, LedgerUnusableError
from vidobs.ledger.database import WRITE_WAIT_MS, open_reader, open_writer
from vidobs.ledger.sqlite import SqliteLedger


@pytest.fixture
def path(tmp_path):
    """Name a ledger in a folder that does not exist."""
    return tmp_path / "state" / "ledger.db"


def pragma(connection, name):
    """Return a setting of a connection."""
    return connection.execute(f"PRAGMA {name}").get


def mode(path):
    """Return the rights of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_may_read(path):
    """File, log and folder are the owner's alone; a folder that was there stays as it is."""
    with closing(SqliteLedger(str(path), RULES)) as ledger:
        ledger.intend(Maker().job())
        assert mode(path.parent) == 0o700
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            assert mode(path.with_name(name)) == 0o600
    path.parent.chmod(0o755)
    open_writer(str(path)).close()
    assert mode(path.parent) == 0o755


@pytest.mark.parametrize(("full_sync", "synchronous"), [(False, 1), (True, 2)])
def test_durability_decides_when_the_disk_is_waited_for(path, full_sync, synchronous):
    """`normal` syncs at checkpoints, `full` with every commit."""
    with closing(open_writer(str(path), full_sync=full_sync)) as connection:
        assert pragma(connection, "synchronous") == synchronous


def test_a_writer_is_set_up_for_short_waits(path):
    """A write-ahead log that only the maintenance checkpoints, and 25 ms for the lock at most."""
    with closing(open_writer(str(path))) as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "wal_autocheckpoint") == 0
        assert pragma(connection, "busy_timeout") == WRITE_WAIT_MS == 25


def test_a_locked_file_is_opened_all_the_same(path):
    """Who holds the write lock keeps nobody from opening a ledger that is there."""
    open_writer(str(path)).close()
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        open_writer(str(path)).close()


def test_a_lock_is_waited_for_and_then_reported(path):
    """A write that cannot get the lock raises the error that means: try again."""
    with closing(SqliteLedger(str(path), RULES)) as ledger:
        with closing(apsw.Connection(str(path))) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LedgerBusyError, match="another process holds the write lock"):
                ledger.intend(Maker().job())
        ledger.intend(Maker().job())


def test_a_thread_that_holds_the_connection_is_waited_for_too(path):
    """Threads of one process wait for each other no longer than for another process."""
    with closing(SqliteLedger(str(path), RULES)) as ledger:
        with ledger.lock, pytest.raises(LedgerBusyError, match="another thread"):
            ledger.intend(Maker().job())
        ledger.intend(Maker().job())


def test_a_newer_schema_is_refused(path):
    """A ledger of a newer vidobs is neither read nor written, and the message says how on."""
    with closing(open_writer(str(path))) as connection:
        connection.execute("PRAGMA user_version = 99")
    for opener in (open_writer, open_reader):
        with pytest.raises(LedgerSchemaError, match=r"schema 99.*pip install -U vidobs"):
            opener(str(path))


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE theirs (x)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"],
)
def test_another_database_is_refused_unchanged(tmp_path, statement):
    """A SQLite file of another program is not touched, whatever its version number."""
    path = tmp_path / "other.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    for opener in (open_writer, open_reader):
        with pytest.raises(LedgerUnusableError, match="no vidobs ledger"):
            opener(str(path))
    assert path.read_bytes() == before


def test_a_reader_makes_nothing(path):
    """Asking for a ledger that is not there, or is empty, leaves no file behind."""
    with pytest.raises(LedgerUnusableError, match="there is no ledger at"):
        open_reader(str(path))
    assert not path.parent.exists()
    path.parent.mkdir()
    path.touch()
    with pytest.raises(LedgerUnusableError, match="is empty"):
        open_reader(str(path))
    assert path.stat().st_size == 0


def test_a_closed_ledger_says_so(path):
    """A thread that comes too late gets our error, not SQLite's."""
    ledger = SqliteLedger(str(path), RULES)
    ledger.close()
    ledger.abandon()
    with pytest.raises(LedgerUnusableError, match="ClosedError"):
        ledger.intend(Maker().job())
