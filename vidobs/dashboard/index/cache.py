"""The file of the index: where it lies, who has it, how it is opened and thrown away."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections import deque
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import apsw
import platformdirs

from vidobs.dashboard.index.statements import SCHEMA_VERSION, queries, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

APPLICATION_ID = 0x76646978  # "vdix" in the header of the file
_BUSY_MS = 1000
_IDLE = 8  # connections for reading that are kept open
_READ_ONLY = apsw.SQLITE_OPEN_READONLY
_COMPANIONS = ("", "-wal", "-shm")
_LOCK = ".lock"
_KEPT_S = 30 * 86_400


class Claim:
    """Where an index may write: the user's cache, or a folder of its own while somebody has that.

    SQLite's own lock on a small file beside the cache says who has it; the system takes it back
    when the process ends, however that ends.
    """

    def __init__(self, ledger: str, folder: Path | None = None) -> None:
        """Take the cache of a ledger, or else make a folder."""
        self._lock: apsw.Connection | None = None
        self._own: Path | None = None
        name = blake2b(str(Path(ledger).resolve()).encode(), digest_size=8).hexdigest()
        try:
            self.path = self._take(folder or _folder(), name)
        except (apsw.Error, OSError):
            self._settle()

    @classmethod
    def alone(cls) -> Claim:
        """Make a folder at once."""
        claim = cls.__new__(cls)
        claim._lock = None  # noqa: SLF001 - it is one of us
        claim._settle()  # noqa: SLF001
        return claim

    @property
    def shared(self) -> bool:
        """Whether the next process will find what is written here."""
        return self._own is None

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            self._lock.close()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _settle(self) -> None:
        self._own = Path(tempfile.mkdtemp(prefix="vidobs-dashboard-"))
        self.path = self._own / "index.db"

    def _take(self, folder: Path, name: str) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{name}.db"
        self._lock = _locked(path)
        path.touch(mode=0o600)
        _tidy(folder)
        return path


class Cache:
    """An open cache: one connection that writes, and some that read."""

    def __init__(self, path: Path) -> None:
        """Open a cache; one that is no cache, of another version or broken is made anew."""
        self.path = path
        self._idle: deque[apsw.Connection] = deque()
        self._closing = Lock()
        self._closed = False
        try:
            self.writer = _opened(path)
        except (apsw.NotADBError, apsw.CorruptError, _UnfitError):
            discard(path)
            self.writer = _opened(path)

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """Lend a connection that only reads, at one moment of the cache."""
        connection = self._reader()
        try:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        finally:
            with self._closing:
                if self._closed or len(self._idle) >= _IDLE:
                    connection.close()
                else:
                    self._idle.append(connection)

    def note(self, name: str) -> Any:  # noqa: ANN401 - a number or a text, as it was kept
        """Return what was kept under a name, `None` where nothing was."""
        return self.writer.execute(queries()["note"], (name,)).get

    def keep(self, name: str, value: int | str) -> None:
        """Keep a number or a text under a name."""
        self.writer.execute(queries()["keep_note"], (name, value))

    def cut_log(self) -> bool:
        """Empty the write-ahead log, which holds older pages; `False` while somebody reads."""
        try:
            self.writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return False
        return True

    def close(self) -> None:
        """Give the file back; connections that are lent are closed when they come back."""
        with self._closing:
            self._closed = True
            while self._idle:
                self._idle.popleft().close()
        self.writer.close()

    def _reader(self) -> apsw.Connection:
        with self._closing:
            if self._closed:
                raise apsw.CantOpenError("the cache is being made anew")
            if self._idle:
                return self._idle.popleft()
        connection = apsw.Connection(str(self.path), flags=_READ_ONLY, statementcachesize=100)
        connection.set_busy_timeout(_BUSY_MS)
        connection.execute("PRAGMA cache_size = -16000")
        return connection


class _UnfitError(Exception):
    """The file is a database, but not a cache of this version."""


def discard(path: Path) -> None:
    """Delete a cache."""
    for companion in _COMPANIONS:
        Path(f"{path}{companion}").unlink(missing_ok=True)


def _locked(path: Path) -> apsw.Connection:
    """Lock a cache for this process; raise `apsw.BusyError` while another one has it."""
    beside = path.with_suffix(_LOCK)
    beside.touch(mode=0o600)
    lock = apsw.Connection(str(beside))
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except apsw.Error:
        lock.close()
        raise
    return lock


def _tidy(folder: Path) -> None:
    """Delete caches that nobody has opened for weeks: their ledgers may be gone for long."""
    long_ago = time.time() - _KEPT_S
    for lock in folder.glob(f"*{_LOCK}"):
        with contextlib.suppress(apsw.Error, OSError):
            if lock.stat().st_mtime < long_ago:
                with closing(_locked(lock.with_suffix(".db"))):
                    discard(lock.with_suffix(".db"))
                    lock.unlink()


def _folder() -> Path:
    return Path(platformdirs.user_cache_dir("vidobs")) / "dashboard"


def _opened(path: Path) -> apsw.Connection:
    path.touch(mode=0o600)
    connection = apsw.Connection(str(path), statementcachesize=100)
    try:
        connection.set_busy_timeout(_BUSY_MS)
        _set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: apsw.Connection) -> None:
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "secure_delete = ON",  # what is purged in the ledger is nowhere here either
        "wal_autocheckpoint = 8000",
        "journal_size_limit = 33554432",
        "cache_size = -64000",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    found = (_number(connection, "application_id"), _number(connection, "user_version"))
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if tables and found != (APPLICATION_ID, SCHEMA_VERSION):
        raise _UnfitError
    if not tables:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(schema())
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def _number(connection: apsw.Connection, pragma: str) -> int:
    return int(str(connection.execute(f"PRAGMA {pragma}").get))
