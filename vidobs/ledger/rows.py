"""Writes rows of jobs, events and money, inside of whatever transaction is open."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import apsw
import msgspec

from vidobs.core.errors import LedgerUnusableError
from vidobs.core.protocols import Recorded
from vidobs.ledger import codec, quiet, steps
from vidobs.ledger.cache import Entry
from vidobs.ledger.folding import StaleError
from vidobs.ledger.inserts import Insert
from vidobs.ledger.spend import write_spend
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.jobs import Job
    from vidobs.core.machine import Advance
    from vidobs.core.protocols import Observed


_place = attrgetter("seq")


class NotTogetherError(Exception):
    """Several writes cannot be one transaction."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """The step of a job, ready to be written: where it goes, and what becomes of the outbox."""

    before: Entry
    after: Entry
    at_us: int
    doc: str
    recorded: Recorded
    billed: bool  # there is an amount to write

    @classmethod
    def of(cls, entry: Entry, step: Advance, seen: Observed) -> Change:
        """Return the change that a step makes."""
        job = step.job
        return cls(
            entry,
            Entry(entry.seq, entry.version + 1, job),
            seen.now_ns // 1000,
            codec.dump_job(job),
            Recorded(job, steps.events_of(step, seen), step.settled),
            step.settled or step.adjusted,
        )


class Rows:
    """The tables of a connection. Whoever uses it holds the ledger's lock."""

    def __init__(self, path: str, connection: apsw.Connection, *, route: str) -> None:
        self.owner = 0  # this process's row, see `processes`
        self.route = route  # the exporters that events are for
        self._path = path
        self._connection = connection
        self._cursor = connection.cursor()
        self._sql = queries()
        self._insert_job = self._sql["insert_job"]
        self._jobs = Insert(self._cursor, self._insert_job)
        self._changes = Insert(self._cursor, self._sql["update_job"])
        self._events = Insert(self._cursor, self._sql["insert_event"])

    def insert(self, job: Job, doc: str) -> int:
        """Insert a job and return its place: the one its id names, or the next free one.

        Two ids name one place once in two million pairs of the same millisecond.
        """
        first = codec.seq_of(job.job_id)
        for seq in range(first, first + codec.PLACES):
            row = (seq, job.provider, job.provider_job_id, job.state, job.model, self.owner,
                   job.prompt_hash, doc)  # fmt: skip
            try:
                self._cursor.execute(self._insert_job, row)
            except apsw.ConstraintError as error:
                if "job.seq" not in str(error):
                    raise
            else:
                return seq
            found = self._cursor.execute(self._sql["place_of"], (seq,)).get
            if codec.load_job(found).job_id == job.job_id:
                return seq  # the same intent, tried again
        msg = f"ledger {self._path}: no free place for {job.job_id}"
        raise LedgerUnusableError(msg)

    def insert_all(self, jobs: Sequence[Job]) -> list[Entry]:
        """Insert jobs at the places that their ids name; a statement for all, where they fit."""
        entries = [Entry(codec.seq_of(job.job_id), 0, job) for job in jobs]
        if len(entries) > 1:
            entries.sort(key=_place)  # behind each other: pages fill up
        rows: list[str | int | None] = []
        for entry in entries:
            job = entry.job
            rows += (entry.seq, job.provider, job.provider_job_id, job.state, job.model, self.owner,
                     job.prompt_hash, codec.dump_intent(job))  # fmt: skip
        self._jobs.run(rows)
        return entries

    def one_statement(self, jobs: int) -> bool:
        """Tell whether so many jobs are inserted by one statement, which is its own transaction."""
        return self._jobs.fits(jobs)

    def write(self, entry: Entry, step: Advance, seen: Observed) -> tuple[Entry, Recorded]:
        """Write the step of a job inside a transaction; raise when the entry is stale."""
        change = Change.of(entry, step, seen)
        self.write_all((change,))
        return change.after, change.recorded

    def write_all(self, changes: Sequence[Change]) -> None:
        """Write steps of jobs inside a transaction; raise `StaleError` when one is stale."""
        place = self._write_events(changes)
        rows: list[str | int | None] = []
        for change in changes:
            job, before = change.after.job, change.before
            listed = ""
            for _ in change.recorded.events:
                listed += f",{place}"
                place += 1
            rows += (job.provider_job_id, job.state, job.model, listed, change.doc, before.seq,
                     before.version)  # fmt: skip
        last = self._connection.last_insert_rowid()
        updated = self._changes.run(rows)
        if updated != len(changes) or self._connection.last_insert_rowid() != last:
            raise StaleError
        for change in changes:
            if change.billed:
                write_spend(self._cursor, change.after.seq, change.after.job, change.at_us)
            if not change.recorded.events:
                quiet.note(self._cursor, change.after.seq)

    def _write_events(self, changes: Sequence[Change]) -> int:
        """Put events into the outbox; return the place of the first, the others follow it."""
        rows: list[str | int | None] = []
        count = 0
        for change in changes:
            for event in change.recorded.events:
                rows += (event.id, event.name, change.at_us, self.route, change.doc,
                         codec.dump_spans(event.spans), event.detail)  # fmt: skip
                count += 1
        self._events.run(rows)
        return self._connection.last_insert_rowid() - count + 1
