"""What must always be so in a ledger, and how to find out. Reads all of it, and only reads."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerUnusableError
from vidobs.core.reports import Violation
from vidobs.ledger.database import open_reader, translated
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

_EXAMPLES = 3
_MOST_FAULTS = 20  # that SQLite names
INVARIANTS = {  # the query that finds what breaks it: what it says
    "torn_rows": "a job's columns say what its document says",
    "unsettled_jobs": "a job that ended is settled",
    "early_spend": "a job that has not ended is not settled",
    "broken_entries": "a job is settled once, and adjustments follow",
    "wrong_sums": "what was spent on a job is what the job says",
    "wrong_ends": "a job that ended has one event that says so, another job none",
    "lost_events": "the events of a job are there",
    "stray_events": "an event belongs to a job",
    "early_cursors": "no exporter is beyond the last event",
    "letters_of_nothing": "a dead letter is about an event",
    "unreadable_events": "an event can be read",
    "asked_for_nothing": "what an exporter is to get once more is an event",
    "rows_without_cursor": "an exporter that is asked again, or missed something, has a cursor",
    "odd_drops": "what was dropped is counted, under a reason that there is",
}


def violations(path: str) -> tuple[Violation, ...]:
    """Return what is wrong with a ledger; raise `LedgerError` when it cannot be opened."""
    with closing(open_reader(path)) as connection:
        try:
            with translated(path):
                connection.execute("BEGIN")  # one moment of the file for all that follows
                return (*_damage(connection), *_broken(connection))
        except LedgerUnusableError as error:
            return (Violation(rule="the file can be read", count=1, examples=(str(error),)),)


def _damage(connection: apsw.Connection) -> tuple[Violation, ...]:
    found = connection.execute(f"PRAGMA integrity_check({_MOST_FAULTS})").fetchall()
    said = [str(line) for (line,) in found if line != "ok"]
    if not said:
        return ()
    examples = tuple(said[:_EXAMPLES])
    return (Violation(rule="SQLite finds no damage", count=len(said), examples=examples),)


def _broken(connection: apsw.Connection) -> list[Violation]:
    found = []
    for query, rule in INVARIANTS.items():
        names = [str(name) for (name,) in connection.execute(queries()[query])]
        if names:
            examples = tuple(names[:_EXAMPLES])
            found.append(Violation(rule=rule, count=len(names), examples=examples))
    return found
