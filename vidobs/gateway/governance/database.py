"""The gateway's own file: how it is opened, and what its errors mean."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from vidobs.core.errors import VidobsError
from vidobs.gateway.governance.statements import SCHEMA_VERSION, schema, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID = 0x76696467  # "vidg" in the header tells the file from ledgers
FILE_NAME = "gateway.db"
_WAIT_MS = 5000  # admins wait for each other, and the gateway's answers come from memory


class StoreError(VidobsError):
    """The file of keys and budgets cannot be used."""


class StaleAccountError(VidobsError):
    """Somebody else changed the account meanwhile; look again."""


class AliasTakenError(VidobsError):
    """Another account of the kind has this alias or id."""


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn SQLite's errors into ours. A violated constraint is told by who knows which."""
    try:
        yield
    except apsw.ConstraintError:
        raise
    except apsw.BusyError as error:
        raise StoreError(f"{path}: another process holds the write lock ({error})") from error
    except (apsw.Error, OSError) as error:
        raise StoreError(
            f"{path} cannot be used as the gateway's file ({type(error).__name__}: {error}); check "
            "its rights and the space on its disk, or name another file"
        ) from error


def beside(ledger_path: str) -> str:
    """Return where the gateway's file lies by default."""
    return str(Path(ledger_path).with_name(FILE_NAME))


def open_file(path: str, *, full_sync: bool = True) -> apsw.Connection:
    """Open, and if need be make, the gateway's file; only its owner may read it.

    Raises:
        StoreError: it is something else, of a newer version, or cannot be used.
    """
    with translated(path):
        _make_file(Path(path))
        connection = apsw.Connection(path, statementcachesize=100)
        try:
            connection.set_busy_timeout(_WAIT_MS)
            if _version(connection, path) != SCHEMA_VERSION:
                _create(connection, path)
            connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # see `Keeper`
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Take the write lock, and do all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        if connection.in_transaction:  # what is inside may have committed already
            connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)


def _create(connection: apsw.Connection, path: str) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    with transaction(connection):
        if _version(connection, path) == 0:  # asked again: another process may have been faster
            connection.execute(schema())
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: apsw.Connection, path: str) -> int:
    """Return the version of the schema, 0 for an empty file; raise for what we cannot use."""
    found = connection.execute(statements("queries.sql")["identity"]).get
    application, version, tables = found
    if (application, version, tables) == (0, 0, 0):
        return 0
    if application != APPLICATION_ID:
        raise StoreError(f"{path} is a database but not the gateway's; name another file")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema {version}, this vidobs knows {SCHEMA_VERSION}: a newer one wrote "
            "it; upgrade this one (pip install -U vidobs)"
        )
    return int(version)
