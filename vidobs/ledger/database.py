"""Connections to a SQLite file: how they are opened, what their errors mean.

apsw brings a current SQLite; the one of many systems still has a bug with several processes
resetting the write-ahead log (fixed in 3.51.3).
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import msgspec

from vidobs.core.errors import (
    LedgerBusyError,
    LedgerError,
    LedgerMissingError,
    LedgerSchemaError,
    LedgerUnusableError,
)
from vidobs.ledger.keys import KEY_BYTES, KEY_NAME
from vidobs.ledger.statements import SCHEMA_VERSION, queries, schema, steps_from

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = ":memory:"
WRITE_WAIT_MS = 25
APPLICATION_ID = 0x7669646F  # "vido" in the header of the file tells a ledger from other databases
_SETUP_WAIT_S = 0.25  # once in a file's life, while another process makes the tables
_PAUSE_S = 0.002
_READ_ONLY = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
_EMPTY = "{path} is empty; a ledger appears there with the first observed job"
# A longer log is cut when it starts over. That happens within a write, which waits 50 ms for it.
_WAL_KEEPS_BYTES = 64 << 20


def ledger_error(error: Exception, path: str) -> LedgerError:
    """Return our error for one of SQLite's or the system's, with the path and what to do."""
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return LedgerBusyError(f"ledger {path}: another process holds the write lock ({error})")
    if isinstance(error, apsw.NotADBError | apsw.CorruptError):
        return LedgerUnusableError(
            f"ledger {path} is corrupt or no ledger ({error}); "
            "move the file away, or point VIDOBS_LEDGER elsewhere"
        )
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError):
        return LedgerUnusableError(
            f"ledger {path} cannot be written ({error}); check the rights of file and folder"
        )
    if isinstance(error, apsw.FullError):
        return LedgerUnusableError(
            f"ledger {path}: the disk is full ({error}); free space, or move VIDOBS_LEDGER"
        )
    return LedgerUnusableError(f"ledger {path} cannot be used ({type(error).__name__}: {error})")


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn SQLite's errors into ours. A violated constraint is a fault of ours and stays one."""
    try:
        yield
    except apsw.ConstraintError:
        raise
    except (apsw.Error, OSError) as error:
        raise ledger_error(error, path) from error


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what a damaged file brings about into our errors too, for those who only read."""
    try:
        with translated(path):
            yield
    except (UnicodeDecodeError, msgspec.DecodeError) as error:
        raise LedgerUnusableError(
            f"ledger {path} holds something that cannot be read ({error}): the file was damaged; "
            "see vidobs ledger check, then restore a copy or move the file away"
        ) from error


def open_writer(path: str, *, full_sync: bool = False) -> apsw.Connection:
    """Open, and if need be make, a ledger; raise `LedgerSchemaError` on a newer one."""
    with translated(path):
        if path != MEMORY:
            _make_file(Path(path))
        connection = apsw.Connection(path, statementcachesize=100)
        try:
            connection.set_busy_timeout(WRITE_WAIT_MS)
            _set_up(connection, path, full_sync=full_sync)
        except BaseException:
            connection.close()
            raise
        return connection


def open_reader(path: str) -> apsw.Connection:
    """Open a ledger for reading only; its file must exist and be of a schema we know."""
    with translated(path):
        _check_there(path)
        connection = apsw.Connection(path, flags=_READ_ONLY)
        try:
            connection.set_busy_timeout(int(_SETUP_WAIT_S * 1000))
            _check_filled(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def migrate(path: str) -> tuple[int, int]:
    """Bring a ledger to the schema of this version; return the schema before and after.

    Raises:
        LedgerMissingError: there is none yet.
        LedgerSchemaError: a newer vidobs wrote it.
        LedgerBusyError: somebody writes to it just now; try again.
    """
    with translated(path):
        _check_there(path)
        connection = apsw.Connection(path, flags=_READ_ONLY)
        try:
            before = _version(connection, path)
        finally:
            connection.close()
        if before == 0:
            raise LedgerMissingError(_EMPTY.format(path=path))
    open_writer(path).close()
    return before, SCHEMA_VERSION


def _check_there(path: str) -> None:
    if not Path(path).exists():
        msg = f"there is no ledger at {path} yet; it appears with the first observed job"
        raise LedgerMissingError(msg)


def _check_filled(connection: apsw.Connection, path: str) -> None:
    found = _version(connection, path)
    if found == 0:
        raise LedgerMissingError(_EMPTY.format(path=path))
    if found < SCHEMA_VERSION:
        msg = (
            f"ledger {path} has schema {found}, which is older than {SCHEMA_VERSION}; bring it up "
            "with: vidobs ledger migrate"
        )
        raise LedgerSchemaError(msg)


def _make_file(path: Path) -> None:
    """Make an empty file that only its owner may read; SQLite's companions get the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)


def _set_up(connection: apsw.Connection, path: str, *, full_sync: bool) -> None:
    """Make the connection ready; wait for a process that is making the tables just now.

    SQLite's own busy timeout does not cover the step to a write-ahead log.
    """
    deadline = time.monotonic() + _SETUP_WAIT_S
    while True:
        try:
            found = _version(connection, path)  # first: nothing is changed in what is not ours
            _pragmas(connection, full_sync=full_sync)
            if found != SCHEMA_VERSION:
                _migrate(connection, path)
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
        else:
            return


def _pragmas(connection: apsw.Connection, *, full_sync: bool) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # the maintenance thread does it
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEEPS_BYTES}")
    connection.execute("PRAGMA cache_size = -8000")
    connection.execute("PRAGMA temp_store = MEMORY")


def _migrate(connection: apsw.Connection, path: str) -> None:
    """Bring an older or empty file to the schema of this version, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection, path)  # asked again: another process may have been faster
        if found == 0:
            connection.execute(schema())
            connection.execute(queries()["keep_key"], (KEY_NAME, os.urandom(KEY_BYTES)))
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        else:
            for step in steps_from(found):
                connection.execute(step)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: apsw.Connection, path: str) -> int:
    """Return the version of the schema, 0 for an empty file; raise for what we cannot use."""
    application, version, tables = connection.execute(queries()["identity"]).get
    if (application, version, tables) == (0, 0, 0):
        return 0
    if application != APPLICATION_ID:
        msg = f"{path} is a SQLite database but no vidobs ledger; point VIDOBS_LEDGER elsewhere"
        raise LedgerUnusableError(msg)
    if version > SCHEMA_VERSION:
        msg = (
            f"ledger {path} has schema {version}, this vidobs knows {SCHEMA_VERSION}: a newer "
            "vidobs wrote it; upgrade this one (pip install -U vidobs) or use another VIDOBS_LEDGER"
        )
        raise LedgerSchemaError(msg)
    return int(version)
