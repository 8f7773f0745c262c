"""Changes of jobs that no event tells of, noted in the ledger for whoever keeps a picture of it.

An answer may add something to a job that is worth no event, two rows of a job become one, a sweep
deletes or rewrites. Each is counted, and the last ones are kept with their places, so that a reader
who comes by often enough looks at those rows alone. The note is part of the change's transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

KEPT = 512  # changes whose places are kept
COUNT = "quiet"  # note: how many there were; those of `quiet:N` are their places


def note(cursor: apsw.Cursor | apsw.Connection, seq: int) -> None:
    """Note that the job at a place was changed or deleted, inside a transaction."""
    sql = queries()
    cursor.execute(sql["count_quiet"], (COUNT,))
    cursor.execute(sql["keep_quiet"], (COUNT, KEPT, seq))


def count(connection: apsw.Connection) -> int:
    """Return how many changes there were."""
    found: Any = connection.execute(queries()["note"], (COUNT,)).get
    return int(found or 0)


def places(connection: apsw.Connection, after: int) -> list[int] | None:
    """Return where the changes behind a count were; `None` when not all are known any more."""
    now = count(connection)
    if not 0 <= now - after <= KEPT:
        return None
    names = [f"{COUNT}:{number % KEPT}" for number in range(after, now)]
    listed = "[" + ",".join(f'"{name}"' for name in names) + "]"
    rows = connection.execute(queries()["quiet_places"], (listed,)).fetchall()
    return [int(str(seq)) for (seq,) in rows]
