"""The small files that the gateway keeps beside the ledger: how one is opened, and its errors."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import msgspec

from vidobs.core.errors import VidobsError
from vidobs.ledger.statements import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEMORY = ":memory:"
_IDENTITY = """
SELECT (SELECT application_id FROM pragma_application_id),
       (SELECT user_version FROM pragma_user_version),
       (SELECT count(*) FROM sqlite_schema)
"""  # in one statement, for another process may be making the file


class FileKind(msgspec.Struct, frozen=True, kw_only=True):
    """What tells the files of one kind from others, and how they are used."""

    what: str  # is kept in them, for messages
    error: type[VidobsError]
    application_id: int  # in the header
    home: str  # the package whose `schema.sql` makes the tables
    version: int = 1  # of the schema
    wait_ms: int  # for other processes
    pragmas: tuple[str, ...] = ()  # of each connection

    def open(self, path: str) -> apsw.Connection:
        """Open, and if need be make, a file; only its owner may read it.

        Raises:
            VidobsError: as `error`; it is something else, of a newer version, or cannot be used.
        """
        with self.translated(path):
            if path != MEMORY:
                _make_file(Path(path))
            connection = apsw.Connection(path)
            try:
                connection.set_busy_timeout(self.wait_ms)
                connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
                if self._empty(connection, path):
                    self._create(connection, path)
                for pragma in self.pragmas:
                    connection.execute(f"PRAGMA {pragma}")
            except BaseException:
                connection.close()
                raise
            return connection

    @contextmanager
    def translated(self, path: str) -> Iterator[None]:
        """Turn the errors of SQLite, of the disk and of what stands in a file into `error`."""
        try:
            yield
        except apsw.BusyError as error:
            raise self.error(f"{path}: another process holds the write lock ({error})") from error
        except (apsw.Error, OSError, msgspec.DecodeError) as error:
            raise self.error(
                f"{path} cannot be used for {self.what} ({type(error).__name__}: {error}); check "
                "its rights and the space on its disk"
            ) from error

    def _create(self, connection: apsw.Connection, path: str) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            if self._empty(connection, path):  # asked again: another process may have been faster
                connection.execute(_text(self.home, "schema.sql"))
                connection.execute(f"PRAGMA application_id = {self.application_id}")
                connection.execute(f"PRAGMA user_version = {self.version}")

    def _empty(self, connection: apsw.Connection, path: str) -> bool:
        """Tell whether a file has no tables yet; raise for one that is something else."""
        found: Any = connection.execute(_IDENTITY).fetchall()[0]
        application_id, version, tables = found
        if (application_id, version) == (self.application_id, self.version):
            return False
        if application_id == self.application_id and version > self.version:
            raise self.error(
                f"{path} has schema {version}, this vidobs knows {self.version}: a newer one wrote "
                "it; upgrade this one (pip install -U vidobs)"
            )
        if (application_id, version, tables) != (0, 0, 0):
            raise self.error(f"{path} is a database but not one of {self.what}; move it away")
        return True


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


def cut_log(connection: apsw.Connection) -> bool:
    """Empty the write-ahead log, which holds older pages; `False` while somebody reads."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        return False
    return True


@cache
def queries(home: str, file: str = "queries.sql") -> Mapping[str, str]:
    """Return the named statements of a file of a package."""
    return named(_text(home, file))


def _text(home: str, file: str) -> str:
    return files(home).joinpath(file).read_text("utf-8")


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
