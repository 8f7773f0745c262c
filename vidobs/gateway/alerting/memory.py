"""What people were told, kept over restarts."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import apsw
import msgspec

from vidobs.core.errors import VidobsError
from vidobs.gateway.alerting.engine import Condition
from vidobs.ledger.statements import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

APPLICATION_ID = 0x76696461  # "vida" in the header of the file
SCHEMA_VERSION = 1
FILE_NAME = "gateway-alerts.db"
KEPT = timedelta(days=7)  # without being seen again
_WAIT_MS = 2000
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Condition).decode


class AlertMemoryError(VidobsError):
    """The file of alerts cannot be used."""


class AlertMemory(Protocol):
    """Remembers conditions. Methods may block and raise `AlertMemoryError`."""

    def load(self, now: datetime) -> list[Condition]:
        """Return what is remembered, without what is long over."""
        ...

    def keep(self, condition: Condition) -> None:
        """Remember a condition as it stands."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class NoMemory:
    """Remembers nothing: a restart may tell again what was told."""

    def load(self, now: datetime) -> list[Condition]:  # noqa: ARG002 - see `AlertMemory`
        """Return nothing."""
        return []

    def keep(self, condition: Condition) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@cache
def _queries() -> Mapping[str, str]:
    return named(files("vidobs.gateway.alerting").joinpath("queries.sql").read_text("utf-8"))


class SqliteAlertMemory:
    """The memory in SQLite, in a file beside the ledger. Thread-safe."""

    def __init__(self, path: str) -> None:
        """Open, and if need be make, the file. Raises `AlertMemoryError`."""
        self.path = path
        self._lock = Lock()
        self._sql = _queries()
        with self._held():
            self._connection = _opened(path)

    def load(self, now: datetime) -> list[Condition]:
        """Return what is remembered; what is long over is forgotten."""
        with self._held():
            rows: list[Any] = self._connection.execute(self._sql["load"]).fetchall()
            found = [_decode(doc) for (doc,) in rows]
            old = [one for one in found if now - one.seen_at > KEPT]
            self._connection.executemany(self._sql["forget"], [one.name for one in old])
        return [one for one in found if now - one.seen_at <= KEPT]

    def keep(self, condition: Condition) -> None:
        """Remember a condition as it stands."""
        with self._held():
            row = (condition.kind, condition.key, _encode(condition))
            self._connection.execute(self._sql["keep"], row)

    def close(self) -> None:
        """Give the file back."""
        with self._held():
            self._connection.close()

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (apsw.Error, OSError, msgspec.DecodeError) as error:
                raise AlertMemoryError(
                    f"{self.path} cannot be used for alerts ({type(error).__name__}: {error})"
                ) from error


def _opened(path: str) -> apsw.Connection:
    place = Path(path)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not place.exists():
        place.touch(mode=0o600)
    connection = apsw.Connection(path)
    try:
        connection.set_busy_timeout(_WAIT_MS)
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: apsw.Connection, path: str) -> None:
    found: Any = (
        connection.execute("PRAGMA application_id").get,
        connection.execute("PRAGMA user_version").get,
    )
    if found == (APPLICATION_ID, SCHEMA_VERSION):
        return
    if found != (0, 0) or connection.execute("SELECT count(*) FROM sqlite_schema").get:
        raise AlertMemoryError(f"{path} is no file of alerts that this vidobs knows; move it away")
    connection.execute("PRAGMA journal_mode = WAL")
    with connection:
        schema = files("vidobs.gateway.alerting").joinpath("schema.sql").read_text("utf-8")
        connection.execute(schema)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
