"""Connections to a SQLite file: how they are opened, what their errors mean.

apsw brings a current SQLite; the one of many systems still has a bug with several processes
resetting the write-ahead log (fixed in 3.51.3).
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from vidobs.core.errors import LedgerBusyError, LedgerSchemaError, LedgerUnusableError
from vidobs.ledger.statements import SCHEMA_VERSION, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = ":memory:"
WRITE_WAIT_MS = 25
_SETUP_WAIT_MS = 2000
_READ_ONLY = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the path and what to do."""
    try:
        yield
    except (apsw.BusyError, apsw.LockedError) as error:
        msg = f"ledger {path}: another process holds the write lock ({error})"
        raise LedgerBusyError(msg) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        msg = (
            f"ledger {path} is corrupt or no ledger ({error}); "
            "move the file away, or point VIDOBS_LEDGER elsewhere"
        )
        raise LedgerUnusableError(msg) from error
    except (apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError) as error:
        msg = f"ledger {path} cannot be written ({error}); check the rights of file and folder"
        raise LedgerUnusableError(msg) from error
    except apsw.FullError as error:
        msg = f"ledger {path}: the disk is full ({error}); free space, or move VIDOBS_LEDGER"
        raise LedgerUnusableError(msg) from error
    except (apsw.Error, OSError) as error:
        msg = f"ledger {path} cannot be used ({type(error).__name__}: {error})"
        raise LedgerUnusableError(msg) from error


def open_writer(path: str, *, full_sync: bool = False) -> apsw.Connection:
    """Open, and if need be make, a ledger; raise `LedgerSchemaError` on a newer one."""
    with translated(path):
        if path != MEMORY:
            folder = Path(path).parent
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not Path(path).exists():
                Path(path).touch(mode=0o600)
        connection = apsw.Connection(path, statementcachesize=100)
        connection.set_busy_timeout(_SETUP_WAIT_MS)
        try:
            _pragmas(connection, full_sync=full_sync)
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        connection.set_busy_timeout(WRITE_WAIT_MS)
        return connection


def open_reader(path: str) -> apsw.Connection:
    """Open a ledger for reading only; its file must exist and be of a schema we know."""
    with translated(path):
        if not Path(path).exists():
            msg = f"there is no ledger at {path} yet; it appears with the first observed job"
            raise LedgerUnusableError(msg)
        connection = apsw.Connection(path, flags=_READ_ONLY)
        connection.set_busy_timeout(_SETUP_WAIT_MS)
        _check_version(_version(connection), path)
        return connection


def _pragmas(connection: apsw.Connection, *, full_sync: bool) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # the maintenance thread does it
    connection.execute("PRAGMA cache_size = -8000")
    connection.execute("PRAGMA temp_store = MEMORY")


def _migrate(connection: apsw.Connection, path: str) -> None:
    """Bring an older or empty file to the schema of this version, in one transaction."""
    if _version(connection) == SCHEMA_VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection)
        _check_version(found, path)
        if found == 0:
            _check_empty(connection, path)
            connection.execute(schema())
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: apsw.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").get)


def _check_version(found: int, path: str) -> None:
    if found > SCHEMA_VERSION:
        msg = (
            f"ledger {path} has schema {found}, this vidobs knows {SCHEMA_VERSION}: a newer vidobs "
            "wrote it; upgrade this one (pip install -U vidobs) or use another VIDOBS_LEDGER"
        )
        raise LedgerSchemaError(msg)


def _check_empty(connection: apsw.Connection, path: str) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if tables:
        msg = f"{path} is a SQLite database but no vidobs ledger; point VIDOBS_LEDGER elsewhere"
        raise LedgerUnusableError(msg)
