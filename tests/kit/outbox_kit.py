"""What the tests of delivery share: the ledger's real outbox, in memory, with a window into it."""

import threading
from collections import defaultdict, deque
from contextlib import contextmanager
from datetime import UTC, datetime

from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, TraceRef
from vidobs.ledger import codec
from vidobs.ledger.database import MEMORY, open_writer
from vidobs.ledger.outbox import SqliteOutbox

START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


def event(number=0, name=EventName.COMPLETED, **job):
    """Build the n-th event."""
    return VideoEvent(
        id=f"event-{number}",
        name=name,
        at=START,
        job=Job(
            job_id=f"job_{number}",
            provider="openai",
            dialect="openai",
            created_at=START,
            trace=TraceRef(trace_id="4b" * 16, span_id="00f067aa0ba902b7"),
            **job,
        ),
    )


class OpenOutbox(SqliteOutbox):
    """The outbox over a ledger of its own. Exporters begin at the first event, unasked."""

    def __init__(self, path=MEMORY):
        self.connection = open_writer(str(path))
        super().__init__(str(path), self.connection, threading.RLock())
        self.leases_asked = 0
        self.owners = []  # whom a lease was given to, or prolonged for
        self._faults = defaultdict(deque)

    def add(self, event, route="sink"):
        """Record an event."""
        with self._lock:
            self.connection.execute(
                "INSERT INTO event (id, name, at_us, route, job) VALUES (?, ?, ?, ?, ?)",
                (event.id, event.name, codec.us(event.at), route, codec.dump_job(event.job)),
            )

    def add_many(self, events, route="sink"):
        """Record events at once."""
        with self._lock, self.connection:
            for one in events:
                self.add(one, route)

    def lease(self, exporter, owner, until, now):
        """Claim an exporter."""
        self.leases_asked += 1
        self.see(exporter)
        standing = super().lease(exporter, owner, until, now)
        if standing is not None:
            self.owners.append(owner)
        return standing

    def fail(self, operation, error, *, after=False):
        """Let the next call of a method raise, before or after it took effect."""
        self._faults[operation, after].append(error)

    def heal(self):
        """Forget all faults that did not happen yet."""
        self._faults.clear()

    def delivered(self, exporter, owner, cursor, *, events, now):
        """Move a cursor, or fail."""
        before = self.standing(exporter)["cursor"]
        with self._failing("delivered"):
            super().delivered(exporter, owner, cursor, events=events, now=now)
        assert self.standing(exporter)["cursor"] >= before, "the cursor went back"

    def redelivered(self, *args, **given):
        """Forget what was asked for, or fail."""
        with self._failing("redelivered"):
            super().redelivered(*args, **given)

    def failed(self, *args, **given):
        """Remember a failure, or fail."""
        with self._failing("failed"):
            super().failed(*args, **given)

    def bury(self, *args):
        """Bury an event, or fail."""
        with self._failing("bury"):
            super().bury(*args)

    @contextmanager
    def _failing(self, operation):
        for after in (False, True):
            if after:
                yield
            if self._faults[operation, after]:
                raise self._faults[operation, after].popleft()

    def see(self, exporter):
        """Know an exporter, from the first event on."""
        with self._lock:
            self.connection.execute(
                "INSERT OR IGNORE INTO relay (exporter, cursor) VALUES (?, 0)", (exporter,)
            )

    def ask(self, exporter, *seqs):
        """Ask for dead letters once more, as `vidobs replay` does."""
        with self._lock:
            for seq in seqs:
                self.connection.execute("INSERT INTO replay VALUES (?, ?, 0)", (exporter, seq))

    def enable(self, exporter):
        """Switch an exporter on again, as `vidobs exporters enable` does."""
        with self._lock:
            self.connection.execute(
                "UPDATE relay SET disabled = NULL, failures = 0, retry_at_us = NULL "
                "WHERE exporter = ?",
                (exporter,),
            )

    def standing(self, exporter="sink"):
        """Return the row of an exporter."""
        with self._lock:
            cursor = self.connection.execute("SELECT * FROM relay WHERE exporter = ?", (exporter,))
            row = cursor.fetchone()
            return dict(zip((column[0] for column in cursor.description), row, strict=True))

    def holder(self, exporter, now):
        """Return who holds an exporter."""
        row = self.standing(exporter)
        return row["owner"] if row["leased_until_us"] >= codec.us(now) else None

    @property
    def cursors(self):
        """How far each exporter has come."""
        return dict(self.rows("SELECT exporter, cursor FROM relay"))

    @property
    def dead(self):
        """The dead letters: exporter, place, error."""
        return self.rows("SELECT exporter, seq, error FROM dead_letter ORDER BY 1, 2")

    @property
    def asked(self):
        """What was asked for once more: exporter, place."""
        return self.rows("SELECT exporter, seq FROM replay ORDER BY 1, 2")

    def rows(self, query, *bindings):
        """Ask the file."""
        with self._lock:
            return self.connection.execute(query, bindings).fetchall()
