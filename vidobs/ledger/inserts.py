"""INSERT statements that take several rows in one call.

With every call, SQLite lets other threads run and then waits until they let it go on: a call for
sixteen rows waits once where sixteen calls wait sixteen times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

_VALUES = "VALUES ("
_EACH = 16  # up to so many rows there is a statement for every number of them
_MORE = (64, 32, 16)  # beyond that only for these: prepared statements take memory


class Insert:
    """An INSERT of one row, done with as many as there are. `statement` names no parameter."""

    def __init__(self, cursor: apsw.Cursor, statement: str) -> None:
        head, _, rest = statement.partition(_VALUES)
        row, _, self._tail = rest.partition(")")
        self._head = head + _VALUES
        self._row = row
        self._width = row.count("?")
        self._execute = cursor.execute
        self._changed = cursor.connection.changes
        self._statements: dict[int, str] = {}

    def fits(self, rows: int) -> bool:
        """Tell whether so many rows are one statement."""
        return _at_once(rows) == rows

    def run(self, bindings: Sequence[Any]) -> int:
        """Insert rows, given one behind the other; return how many were inserted or changed."""
        rows = len(bindings) // self._width
        now = _at_once(rows)
        if now == rows:
            return self._run(rows, bindings) if rows else 0
        behind = now * self._width
        return self._run(now, bindings[:behind]) + self.run(bindings[behind:])

    def _run(self, rows: int, bindings: Sequence[Any]) -> int:
        self._execute(self._statements.get(rows) or self._for(rows), bindings)
        return self._changed()

    def _for(self, rows: int) -> str:
        values = "), (".join([self._row] * rows)
        self._statements[rows] = statement = f"{self._head}{values}){self._tail}"
        return statement


def _at_once(rows: int) -> int:
    """Return how many of some rows go into the next statement."""
    return rows if rows <= _EACH else next(most for most in _MORE if most <= rows)
