"""Writes rows of jobs, events and money, inside of whatever transaction is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw

from vidobs.core.errors import LedgerUnusableError
from vidobs.core.protocols import Recorded
from vidobs.ledger import codec, quiet, steps
from vidobs.ledger.cache import Entry
from vidobs.ledger.folding import StaleError
from vidobs.ledger.spend import write_spend
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.machine import Advance
    from vidobs.core.protocols import Observed


class NotTogetherError(Exception):
    """Several writes cannot be one transaction."""


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
        self._update_job = self._sql["update_job"]
        self._insert_event = self._sql["insert_event"]

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

    def write(self, entry: Entry, step: Advance, seen: Observed) -> tuple[Entry, Recorded]:
        """Write the step of a job inside a transaction; raise when the entry is stale."""
        job = step.job
        seq = entry.seq
        doc = codec.dump_job(job)
        events = steps.events_of(step, seen)
        listed = self._write_events(events, doc, seen.now_ns // 1000) if events else ""
        self._cursor.execute(
            self._update_job,
            (job.provider_job_id, job.state, job.model, listed, doc, seq, entry.version),
        )
        if self._connection.changes() == 0:
            raise StaleError
        if step.settled or step.adjusted:
            write_spend(self._cursor, seq, job, seen.now_ns)
        if not events:
            quiet.note(self._cursor, seq)
        return Entry(seq, entry.version + 1, job), Recorded(job, events, settled=step.settled)

    def _write_events(self, events: tuple[VideoEvent, ...], doc: str, at_us: int) -> str:
        """Put events into the outbox; return their places as a job lists them."""
        listed = ""
        for event in events:
            spans = codec.dump_spans(event.spans)
            row = (event.id, event.name, at_us, self.route, doc, spans, event.detail)
            self._cursor.execute(self._insert_event, row)
            listed += f",{self._connection.last_insert_rowid()}"
        return listed
