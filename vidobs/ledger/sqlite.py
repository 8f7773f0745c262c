"""The ledger in SQLite: one transaction for each write, compare and swap on the job's version."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import apsw
import msgspec

from vidobs.core import ids, machine
from vidobs.core.errors import LedgerBusyError, LedgerUnusableError
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, JobState
from vidobs.core.machine import Advance, Rules
from vidobs.core.protocols import Observed, Recorded
from vidobs.ledger import codec
from vidobs.ledger.cache import Entry, JobCache
from vidobs.ledger.database import WRITE_WAIT_MS, open_writer, translated
from vidobs.ledger.spend import write_spend
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")
_LOCK_WAIT_S = WRITE_WAIT_MS / 1000
_MATCH_WINDOW_S = 600.0  # how far the provider's clock may be from ours for an orphan to match


class SqliteLedger:
    """Jobs, money and outbox in one file, shared by any number of processes.

    Thread-safe. A write waits at most 25 ms for the lock and then raises `LedgerBusyError`. Events
    it writes are routed to `route`, the exporters this process has configured.
    """

    def __init__(self, path: str, rules: Rules, *, route: str = "", full_sync: bool = False) -> None:
        self.path = path
        self.route = route
        self.owner = 0  # this process's row, see `processes`
        self.rules = rules
        self.lock = Lock()
        self.connection = open_writer(path, full_sync=full_sync)
        self._cursor = self.connection.cursor()
        self._cache = JobCache()
        self._sql = queries()
        self._insert_job = self._sql["insert_job"]
        self._update_job = self._sql["update_job"]
        self._insert_event = self._sql["insert_event"]

    # -- writes ------------------------------------------------------------------------------------

    def intend(self, job: Job) -> None:
        """Store the intent to create a job."""
        seq = self._locked(lambda: self._insert(job))
        self._cache.put(Entry(seq, 0, job))

    def record(self, seen: Observed) -> Recorded | None:
        """Advance a job by an answer; the change and its events are one transaction."""
        return self._locked(lambda: self._record(seen))

    def find(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job with the provider's id."""
        entry = self._locked(lambda: self._lookup(provider, provider_job_id))
        return entry.job if entry else None

    def known(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job as this process saw it last, without touching the file."""
        entry = self._cache.by_provider(provider, provider_job_id)
        return entry.job if entry else None

    def close(self) -> None:
        """Give the file back."""
        with self.lock:
            self.connection.close()

    # -- one write ---------------------------------------------------------------------------------

    def _locked(self, action: Callable[[], _T]) -> _T:
        if not self.lock.acquire(timeout=_LOCK_WAIT_S):
            msg = f"ledger {self.path}: another thread of this process holds it"
            raise LedgerBusyError(msg)
        try:
            with translated(self.path):
                return action()
        finally:
            self.lock.release()

    def _insert(self, job: Job) -> int:
        """Insert a job and return its place: the one its id names, or the next free one.

        Two ids name one place once in two million pairs of the same millisecond.
        """
        doc = codec.dump_job(job)
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
        msg = f"ledger {self.path}: no free place for {job.job_id}"
        raise LedgerUnusableError(msg)

    def _record(self, seen: Observed) -> Recorded | None:
        entry = self._cache.by_id(seen.job_id) or self._cache.by_provider(
            seen.provider, seen.snapshot.provider_job_id
        )
        while True:
            entry = entry or self._load(seen)
            if entry is None:
                return self._adopt(seen) if seen.adopt is not None else None
            try:
                recorded = self._advance(entry, seen)
            except apsw.ConstraintError:
                return self._merge(entry, seen)
            if recorded is not None:
                return recorded
            self._cache.drop(entry.job.job_id)  # another process was faster: read it again
            entry = None

    def _advance(
        self, entry: Entry, seen: Observed, *, touched: bool = False
    ) -> Recorded | None:
        """Write what an answer changes; `None` when the entry turns out to be stale."""
        step = _step(entry.job, seen, self.rules)
        if not (step.changed or touched or seen.failure is not None):
            return Recorded(entry.job)
        events = _events(step, seen)
        doc = codec.dump_job(step.job)
        execute = self._cursor.execute
        execute("BEGIN IMMEDIATE")
        try:
            job = step.job
            execute(
                self._update_job,
                (job.provider_job_id, job.state, job.model, doc, entry.seq, entry.version),
            )
            if self.connection.changes() == 0:
                execute("ROLLBACK")
                return None
            self._write_events(entry.seq, events, doc)
            if step.settled or step.adjusted:
                write_spend(self._cursor, entry.seq, job, seen.now_ns)
            execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        self._cache.put(Entry(entry.seq, entry.version + 1, step.job))
        return Recorded(step.job, events, settled=step.settled)

    def _write_events(self, seq: int, events: tuple[VideoEvent, ...], doc: str) -> None:
        for event in events:
            self._cursor.execute(
                self._insert_event,
                (
                    event.id,
                    seq,
                    event.name,
                    codec.us(event.at),
                    self.route,
                    doc,
                    codec.dump_spans(event.spans),
                    event.detail,
                ),
            )

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self._cursor.execute("ROLLBACK")

    # -- finding the job ---------------------------------------------------------------------------

    def _load(self, seen: Observed) -> Entry | None:
        if seen.job_id is not None:
            first = codec.seq_of(seen.job_id)
            for seq in range(first, first + codec.PLACES):
                entry = self._entry("load_job", (seq,))
                if entry is None:
                    break
                if entry.job.job_id == seen.job_id:
                    return entry
        return self._lookup(seen.provider, seen.snapshot.provider_job_id) or self._orphan(seen)

    def _lookup(self, provider: str, provider_job_id: str | None) -> Entry | None:
        if provider_job_id is None:
            return None
        return self._entry("load_by_provider", (provider, provider_job_id))

    def _orphan(self, seen: Observed) -> Entry | None:
        """Find the create with an unknown outcome that this answer belongs to."""
        adopt = seen.adopt
        if adopt is None or adopt.prompt_hash is None:
            return None
        rows = self._cursor.execute(
            self._sql["load_unknown"], (seen.provider, adopt.prompt_hash)
        ).fetchall()
        near = [entry for row in rows if _near(entry := _entry(row), seen)]
        if not near:
            return None
        self._cache.put(near[0])
        return near[0]

    def _entry(self, query: str, bindings: tuple[Any, ...]) -> Entry | None:
        row = self._cursor.execute(self._sql[query], bindings).fetchone()
        if row is None:
            return None
        entry = _entry(row)
        self._cache.put(entry)
        return entry

    # -- jobs that are not ours alone --------------------------------------------------------------

    def _adopt(self, seen: Observed) -> Recorded:
        """Take over a job that was created elsewhere: its row, then what the answer says."""
        job = seen.adopt
        assert job is not None  # noqa: S101 - the caller checked; tells the type checker
        try:
            seq = self._insert(job)
        except apsw.ConstraintError:  # another process adopted it meanwhile
            found = self._record(msgspec.structs.replace(seen, adopt=None))
            return found if found is not None else Recorded(job)
        self._cache.put(Entry(seq, 0, job))
        recorded = self._record(seen)
        return recorded if recorded is not None else Recorded(job)

    def _merge(self, mine: Entry, seen: Observed) -> Recorded | None:
        """The provider answered a create with a job that is here already: keep one row.

        That happens when a create is replayed by its idempotency key, or when a poll elsewhere saw
        the job before the create's answer was written. An adopted row takes over our trace.
        """
        there = self._lookup(seen.provider, seen.snapshot.provider_job_id)
        if there is None:
            return None
        self._cursor.execute(self._sql["delete_job"], (mine.seq,))
        self._cache.drop(mine.job.job_id)
        seen = msgspec.structs.replace(seen, job_id=None)
        adopted = there.job.adopted
        if adopted:
            there.job = _as_created_here(there.job, mine.job)
        return self._advance(there, seen, touched=adopted) or self._record(seen)


def _entry(row: tuple[Any, ...]) -> Entry:
    return Entry(row[0], row[1], codec.load_job(row[2]))


def _step(job: Job, seen: Observed, rules: Rules) -> Advance:
    if seen.download:
        return machine.downloaded(job, seen.snapshot, rules)
    return machine.advance(job, seen.snapshot, codec.moment(seen.now_ns // 1000), rules)


def _events(step: Advance, seen: Observed) -> tuple[VideoEvent, ...]:
    """Make the events of a step. The spans ride on the last one, the job span on the terminal."""
    names = step.events
    if seen.failure is not None and not names:
        names = (EventName.CALL_FAILED,)
    at = codec.moment(seen.now_ns // 1000)
    last = len(names) - 1
    return tuple(
        VideoEvent(
            id=ids.event_id(seen.now_ns, seen.seed + place),
            name=name,
            at=at,
            job=step.job,
            spans=_spans(name, seen, carries_call=place == last),
            detail=seen.failure if place == last else None,
        )
        for place, name in enumerate(names)
    )


def _spans(name: EventName, seen: Observed, *, carries_call: bool) -> tuple[Any, ...]:
    spans = (seen.span,) if carries_call and seen.span is not None else ()
    if name.terminal and seen.job_span is not None:
        return (*spans, seen.job_span)
    return spans


def _near(entry: Entry, seen: Observed) -> bool:
    """Whether a create with an unknown outcome can be the job that was seen."""
    job, adopt = entry.job, seen.adopt
    if adopt is None or (job.model and adopt.model and job.model != adopt.model):
        return False
    return abs((job.created_at - adopt.created_at).total_seconds()) < _MATCH_WINDOW_S


def _as_created_here(adopted: Job, intent: Job) -> Job:
    return msgspec.structs.replace(
        adopted,
        created_at=intent.created_at,
        trace=intent.trace,
        adopted=False,
        request_hash=intent.request_hash,
        idempotency_key=intent.idempotency_key,
        attribution=intent.attribution,
        prompt=intent.prompt,
    )
