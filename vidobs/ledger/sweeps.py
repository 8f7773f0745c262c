"""What can be taken out of a ledger again: old jobs, content, a person.

A sweep looks at the next rows behind a place, and works on one at a time inside a transaction. What
another process changed meanwhile is left for the next time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core import content
from vidobs.core.events import EventName
from vidobs.ledger import codec, quiet
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from vidobs.core.jobs import Job


class Found(msgspec.Struct, frozen=True):
    """A row at which there is something to do."""

    seq: int
    version: int = 0
    job_id: str = ""
    events: tuple[int, ...] = ()  # places of the job's events


class Window(msgspec.Struct, frozen=True):
    """Some rows that were looked at: those with something to do, and where the next one begins."""

    found: tuple[Found, ...] = ()
    after: int | None = None  # None: these were the last


class Sweep(Protocol):
    """One kind of tidying."""

    def find(self, connection: apsw.Connection, after: int, size: int) -> Window:
        """Look at the next rows behind a place; only reads."""
        ...

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Do it, inside a transaction; tell whether the row was still as it was found."""
        ...


class OldJobs:
    """Deletes jobs that ended and were created before a place, with their events.

    What they cost stays: the entries of spend are not touched. Jobs with events that an exporter
    has not had, or is asked to take once more, stay too, unless `undelivered`; and always the job
    that has the newest event.
    """

    def __init__(self, before: int, *, undelivered: bool = False) -> None:
        self._before = before
        self._wait = not undelivered

    def find(self, connection: apsw.Connection, after: int, size: int) -> Window:
        """Look for jobs that may go."""
        return _window(connection, "old_jobs", (after, self._before, size, self._wait))

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Delete a job and its events."""
        sql = queries()
        connection.execute(sql["drop_job"], (found.seq, found.version))
        if connection.changes() == 0:
            return False
        quiet.note(connection, found.seq)
        places = codec.places(found.events)
        for query in ("forget_letters", "forget_replays", "forget_events"):
            connection.execute(sql[query], (places,))
        return True


class Content:
    """Takes prompts, what is made from them, and error texts out of jobs before a place."""

    def __init__(self, before: int) -> None:
        self._before = before

    def find(self, connection: apsw.Connection, after: int, size: int) -> Window:
        """Look for jobs in which there is some."""
        return _window(connection, "jobs_with_content", (after, self._before, size))

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Rewrite a job and its events."""
        return _rewrite(connection, found, content.without_content)


class Person:
    """Takes a user's name, tags and content out of jobs before a place, and out of their spend."""

    def __init__(self, user: str, before: int) -> None:
        self._user = user
        self._before = before

    def find(self, connection: apsw.Connection, after: int, size: int) -> Window:
        """Look for jobs for the user."""
        return _window(connection, "jobs_of_user", (after, self._before, size, self._user))

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Rewrite a job and its events, and forget whose money it was."""
        done = _rewrite(connection, found, content.without_person)
        if done:
            connection.execute(queries()["forget_spender"], (found.seq,))
        return done


class Spender:
    """Takes a user's name out of the spend of jobs that are gone already."""

    def __init__(self, user: str, before: int) -> None:
        self._user = user
        self._before = before

    def find(self, connection: apsw.Connection, after: int, size: int) -> Window:
        """Look for entries of the user's."""
        return _window(connection, "spend_of_user", (after, self._before, size, self._user))

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Forget whose money it was."""
        connection.execute(queries()["forget_spender"], (found.seq,))
        quiet.note(connection, found.seq)
        return True


def _window(connection: apsw.Connection, query: str, bindings: tuple[int | str, ...]) -> Window:
    rows = _rows(connection, query, bindings)
    found = {
        seq: Found(seq, version, job_id, tuple(int(place) for place in events.split(",") if place))
        for seq, version, job_id, events, wanted in rows
        if wanted
    }
    return Window(tuple(found.values()), rows[-1][0] if rows else None)


def _rows(
    connection: apsw.Connection, query: str, bindings: tuple[str | int, ...]
) -> list[tuple[Any, ...]]:
    return connection.execute(queries()[query], bindings).fetchall()


def _rewrite(connection: apsw.Connection, found: Found, change: Callable[[Job], Job]) -> bool:
    """Change a job and the job in each of its events; a new version tells other processes."""
    sql = queries()
    doc = connection.execute(sql["place_of"], (found.seq,)).get
    if doc is None:
        return False
    changed = codec.dump_job(change(codec.load_job(str(doc))))
    connection.execute(sql["rewrite_job"], (changed, found.seq, found.version))
    if connection.changes() == 0:
        return False
    quiet.note(connection, found.seq)
    places = codec.places(found.events)
    for seq, name, job, detail in _rows(connection, "docs_of_events", (places,)):
        kept = content.detail_without_content(EventName(name), detail)
        connection.execute(
            sql["rewrite_event"], (codec.dump_job(change(codec.load_job(job))), kept, seq)
        )
    connection.execute(sql["blank_letters"], (places,))
    return True
