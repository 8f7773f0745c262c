"""What people were told, kept over restarts."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core.errors import VidobsError
from vidobs.gateway.alerting.engine import Condition
from vidobs.gateway.sqlite_file import FileKind, queries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

FILE_NAME = "gateway-alerts.db"
KEPT = timedelta(days=7)  # without being seen again
_HOME = "vidobs.gateway.alerting"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Condition).decode


class AlertMemoryError(VidobsError):
    """The file of alerts cannot be used."""


KIND = FileKind(
    what="alerts",
    error=AlertMemoryError,
    application_id=0x76696461,  # "vida"
    home=_HOME,
    wait_ms=2000,
)


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


class SqliteAlertMemory:
    """The memory in SQLite, in a file beside the ledger. Thread-safe."""

    def __init__(self, path: str) -> None:
        """Open, and if need be make, the file. Raises `AlertMemoryError`."""
        self.path = path
        self._lock = Lock()
        self._sql = queries(_HOME)
        self._connection = KIND.open(path)

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
        with self._lock, KIND.translated(self.path):
            yield
