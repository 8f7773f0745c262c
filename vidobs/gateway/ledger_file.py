"""A ledger as the parts of the gateway read it beside the one that writes it."""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerMissingError
from vidobs.ledger.database import open_reader, reading
from vidobs.ledger.keys import fingerprint_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import apsw

NO_LEDGER = "-"


class LedgerFile:
    """A ledger in SQLite, open from when there is one. Not thread-safe; methods may block."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._connection: apsw.Connection | None = None

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection | None]:
        """Lend a connection that only reads; `None` while nothing was ever written.

        Raises:
            LedgerError: it cannot be read.
        """
        with reading(self.path):
            yield self._opened()

    def identity(self) -> str:
        """Return a text that no other ledger has; `-` while there is none."""
        with self.reading() as connection:
            if connection is None:
                return NO_LEDGER
            return sha256(fingerprint_key(connection)).hexdigest()[:16]

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> apsw.Connection | None:
        if self._connection is None:
            try:
                self._connection = open_reader(self.path)
            except LedgerMissingError:
                return None
        return self._connection
