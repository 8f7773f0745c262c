"""The files beside the ledger: made once, and left alone where they are of somebody else."""

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import apsw
import pytest

from vidobs.gateway.alerting.memory import KIND as ALERTS
from vidobs.gateway.governance.database import KIND as KEYS
from vidobs.gateway.hooks.store import KIND as HOOKS
from vidobs.gateway.idempotency.store import KIND as ANSWERS
from vidobs.gateway.sqlite_file import MEMORY, transaction

KINDS = pytest.mark.parametrize("kind", [KEYS, ANSWERS, HOOKS, ALERTS], ids=lambda kind: kind.what)


def header(path):
    """Return what stands in the header of a file."""
    with closing(apsw.Connection(str(path))) as connection:
        return tuple(
            connection.execute(f"PRAGMA {name}").get
            for name in ("application_id", "user_version", "journal_mode")
        )


@KINDS
def test_a_file_is_made_for_its_owner(kind, tmp_path):
    """With the folder that it lies in; it is opened again as it is."""
    path = tmp_path / "new" / "file"
    for _ in range(2):
        kind.open(str(path)).close()
    assert header(path) == (kind.application_id, kind.version, "wal")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@KINDS
def test_many_make_it_at_once(kind, tmp_path):
    """Every process finds the same tables, or is told that another one holds the file."""
    path = str(tmp_path / "file")

    def opened(_):
        try:
            kind.open(path).close()
        except kind.error as error:
            return str(error)
        return "opened"

    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(opened, range(8)))
    assert {one for one in found if "holds the write lock" not in one} <= {"opened"}
    kind.open(path).close()


@KINDS
def test_files_of_others_are_left_alone(kind, tmp_path):
    """Those of another program, and those of the gateway for something else."""
    foreign = tmp_path / "foreign"
    with closing(apsw.Connection(str(foreign))) as connection:
        connection.execute("CREATE TABLE mine (x)")
    other = tmp_path / "other"
    next(one for one in (KEYS, ALERTS) if one is not kind).open(str(other)).close()
    for path in (foreign, other):
        before = path.read_bytes()
        with pytest.raises(kind.error, match=f"not one of {kind.what}; move it away"):
            kind.open(str(path))
        assert path.read_bytes() == before


@KINDS
def test_a_file_of_a_newer_version_is_left_alone(kind, tmp_path):
    """It is said what to do."""
    path = str(tmp_path / "file")
    with closing(kind.open(path)) as connection:
        connection.execute(f"PRAGMA user_version = {kind.version + 1}")
    with pytest.raises(kind.error, match="upgrade this one"):
        kind.open(path)


def test_who_waits_too_long_is_told(tmp_path):
    """A lock that another process holds is named as such."""
    path = str(tmp_path / "file")
    with closing(ANSWERS.open(path)) as one, closing(ANSWERS.open(path)) as other:
        with (
            transaction(one),
            pytest.raises(ANSWERS.error, match="another process holds the write lock"),
            ANSWERS.translated(path),
        ):
            other.execute("DELETE FROM answer")
        with ANSWERS.translated(path):
            other.execute("DELETE FROM answer")


def test_a_transaction_is_all_or_nothing():
    """What is raised in it undoes it; who committed inside has committed."""
    with closing(ANSWERS.open(MEMORY)) as connection:
        connection.execute("CREATE TABLE one (x)")
        with pytest.raises(KeyError):
            write(connection, "INSERT INTO one VALUES (1)", raising=KeyError)
        write(connection, "INSERT INTO one VALUES (2); COMMIT")
        assert connection.execute("SELECT x FROM one").fetchall() == [(2,)]


def write(connection, statements, raising=None):
    """Execute statements in one transaction, and raise behind them."""
    with transaction(connection):
        connection.execute(statements)
        if raising is not None:
            raise raising
