"""One transaction after the other on a connection: all of it or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apsw


class Transaction:
    """`with transaction:` as often as wanted, never inside itself. Takes the write lock at once."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute

    def __enter__(self) -> None:
        """Begin."""
        self._execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Commit; roll back after an exception, that of the commit included."""
        if kind is not None:
            self._roll_back()
            return
        try:
            self._execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._execute("ROLLBACK")
