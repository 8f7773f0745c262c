"""Two rows of one job become one: the create's own row, and the one that a poll made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.ledger import quiet, steps
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

    from vidobs.ledger.cache import Entry


class StaleError(Exception):
    """The job was changed by another process since it was read."""


def fold(connection: apsw.Connection, mine: Entry, there: Entry) -> Entry:
    """Delete one of a job's two rows, inside a transaction; return what the other gains.

    Raises:
        StaleError: the row to delete was changed meanwhile.
    """
    sql = queries()
    connection.execute(sql["move_events"], (mine.seq, there.seq))
    connection.execute(sql["drop_job"], (mine.seq, mine.version))
    if connection.changes() == 0:
        raise StaleError
    connection.execute(sql["drop_spend"], (mine.seq,))
    quiet.note(connection, mine.seq)
    if not there.job.adopted:
        return there
    return msgspec.structs.replace(there, job=steps.as_created_here(there.job, mine.job))
