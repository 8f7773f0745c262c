"""What can be taken out of a ledger again: old jobs, content, a person.

A sweep finds places of jobs from one place on, and works on one at a time inside a transaction.
What another process changed meanwhile is left for the next time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from vidobs.core.events import EventName
from vidobs.ledger import codec, content
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    import apsw

    from vidobs.core.jobs import Job


class Found(msgspec.Struct, frozen=True):
    """A place at which there is something to do."""

    seq: int
    version: int = 0
    events: tuple[int, ...] = ()  # places of the job's events


class Sweep(Protocol):
    """One kind of tidying."""

    def find(self, connection: apsw.Connection, after: int, limit: int) -> list[Found]:
        """Return the next places behind a place; only reads."""
        ...

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Do it, inside a transaction; tell whether the place was still as it was found."""
        ...


class OldJobs:
    """Deletes jobs that ended and were created before a place, with their events.

    What they cost stays: the entries of spend are not touched. Jobs with events that an exporter
    has not had stay too, unless `undelivered`; and always the job that has the newest event.
    """

    def __init__(self, before: int, *, undelivered: bool = False) -> None:
        self._before = before
        self._wait = not undelivered

    def find(self, connection: apsw.Connection, after: int, limit: int) -> list[Found]:
        """Return the next jobs that may go."""
        bindings = (after, self._before, self._wait, limit)
        return _found(connection, "expired_jobs", bindings)

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Delete a job and its events."""
        sql = queries()
        connection.execute(sql["drop_job"], (found.seq, found.version))
        if connection.changes() == 0:
            return False
        places = _places(found)
        connection.execute(sql["forget_letters"], (places,))
        connection.execute(sql["forget_events"], (places,))
        return True


class Content:
    """Takes prompts, what is made from them, and error texts out of jobs before a place."""

    def __init__(self, before: int) -> None:
        self._before = before

    def find(self, connection: apsw.Connection, after: int, limit: int) -> list[Found]:
        """Return the next jobs in which there is some."""
        return _found(connection, "jobs_with_content", (after, self._before, limit))

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Rewrite a job and its events."""
        return _rewrite(connection, found, content.without_content)


class Person:
    """Takes a user's name, tags and content out of jobs before a place, and out of their spend."""

    def __init__(self, user: str, before: int) -> None:
        self._user = user
        self._before = before

    def find(self, connection: apsw.Connection, after: int, limit: int) -> list[Found]:
        """Return the next jobs for the user."""
        return _found(connection, "jobs_of_user", (after, self._before, self._user, limit))

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

    def find(self, connection: apsw.Connection, after: int, limit: int) -> list[Found]:
        """Return the next places of spend."""
        bindings = (after, self._before, self._user, limit)
        rows = _rows(connection, "spend_of_user", bindings)
        return [Found(seq) for (seq,) in rows]

    def apply(self, connection: apsw.Connection, found: Found) -> bool:
        """Forget whose money it was."""
        connection.execute(queries()["forget_spender"], (found.seq,))
        return True


def _found(connection: apsw.Connection, query: str, bindings: tuple[str | int, ...]) -> list[Found]:
    rows = _rows(connection, query, bindings)
    return [
        Found(seq, version, tuple(int(place) for place in events.split(",") if place))
        for seq, version, events in rows
    ]


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
    places = _places(found)
    for seq, name, job, detail in _rows(connection, "docs_of_events", (places,)):
        kept = content.detail_without_content(EventName(name), detail)
        connection.execute(
            sql["rewrite_event"], (codec.dump_job(change(codec.load_job(job))), kept, seq)
        )
    connection.execute(sql["blank_letters"], (places,))
    return True


def _places(found: Found) -> str:
    return f"[{','.join(map(str, found.events))}]"
