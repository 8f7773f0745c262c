"""The ledger in SQLite: one transaction for each write, compare and swap on the job's version."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw

from vidobs.core.jobs import Job, JobSnapshot, JobState
from vidobs.core.protocols import Observed, Recorded
from vidobs.ledger import codec, processes, quiet, steps
from vidobs.ledger.cache import Entry, JobCache
from vidobs.ledger.database import ledger_error, open_writer, translated
from vidobs.ledger.finder import Finder, Stranger
from vidobs.ledger.folding import StaleError, fold
from vidobs.ledger.lock import WriteLock
from vidobs.ledger.rows import Change, NotTogetherError, Rows
from vidobs.ledger.statements import queries
from vidobs.ledger.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs.core.machine import Rules


class SqliteLedger:
    """Jobs, money and outbox in one file, shared by any number of processes.

    Thread-safe. A write waits at most 25 ms for the lock and then raises `LedgerBusyError`. Events
    it writes are routed to `route`, the exporters this process has configured. `before` holds the
    jobs of a ledger that this one stands in for.
    """

    def __init__(
        self,
        path: str,
        rules: Rules,
        *,
        route: str = "",
        full_sync: bool = False,
        before: JobCache | None = None,
    ) -> None:
        self.path = path
        self.rules = rules
        self.connection = open_writer(path, full_sync=full_sync)
        self.lock = WriteLock(path, self.connection)
        self.cache = JobCache()
        self.in_flight: set[int] = set()  # places of creates that wait for their answer
        self.rescued: deque[Recorded] = deque()  # events that no call caused, to be told of
        self._before = before or JobCache()
        self._rows = Rows(path, self.connection, route=route)
        self._cursor = self.connection.cursor()
        self._transaction = Transaction(self.connection)
        self._find = Finder(self.connection)
        self._sql = queries()

    @property
    def owner(self) -> int:
        """This process's row, see `processes`."""
        return self._rows.owner

    @owner.setter
    def owner(self, row: int) -> None:
        self._rows.owner = row

    @property
    def route(self) -> str:
        """The exporters that events are for, separated by commas."""
        return self._rows.route

    @route.setter
    def route(self, names: str) -> None:
        self._rows.route = names

    # -- what the backlog calls --------------------------------------------------------------------

    def intend(self, job: Job) -> None:
        """Store the intent to create a job."""
        doc = codec.dump_intent(job)
        self.lock.acquire()
        try:
            seq = self._rows.insert(job, doc)
            self.in_flight.add(seq)
            self.cache.put(Entry(seq, 0, job))
        except apsw.ConstraintError:
            raise
        except apsw.Error as error:
            raise ledger_error(error, self.path) from error
        finally:
            self.lock.release()

    def record(self, seen: Observed) -> Recorded | None:
        """Advance a job by an answer; the change and its events are one transaction."""
        self.lock.acquire()
        try:
            return self._record(seen)
        except apsw.ConstraintError:
            raise
        except apsw.Error as error:
            raise ledger_error(error, self.path) from error
        finally:
            self.lock.release()

    def write_together(self, writes: Sequence[Job | Observed]) -> list[Recorded | None]:
        """Do what `intend` and `record` do with each, in one transaction: all of it or nothing.

        Raises:
            NotTogetherError: one of them needs a transaction of its own; nothing was written.
        """
        jobs: list[Job] = []
        changes: list[Change] = []
        done: list[Recorded | None] = []
        for write in writes:
            if isinstance(write, Job):
                jobs.append(write)
                done.append(None)
                continue
            found = self._prepared(write)
            if isinstance(found, Change):
                changes.append(found)
                found = found.recorded
            done.append(found)
        self.lock.acquire()
        try:
            self._write_all(jobs, changes)
        except (StaleError, apsw.ConstraintError) as error:
            raise NotTogetherError from error
        except apsw.Error as error:
            raise ledger_error(error, self.path) from error
        finally:
            self.lock.release()
        return done

    def find(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job with the provider's id."""
        with self.held():
            entry = self._find.by_provider(provider, provider_job_id) or self._inherit(
                self._before.by_provider(provider, provider_job_id)
            )
            if entry is not None:
                self.cache.put(entry)
        return entry.job if entry is not None else None

    def known(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job as this process saw it last, without touching the file."""
        entry = self.cache.by_provider(provider, provider_job_id)
        if entry is None:
            entry = self._before.by_provider(provider, provider_job_id)
        return entry.job if entry is not None else None

    def unanswered(self, like: Stranger) -> Job | None:
        """Return the create whose answer nobody saw that a job seen at the provider may come from.

        The creates of processes that died are among them from now on.
        """
        with self.held():
            self.rescued += processes.recover(self, like.now_ns, like.seed)
            entry = self._find.unanswered(like)
        return entry.job if entry is not None else None

    def close(self) -> None:
        """Give the file back, with everything in it."""
        self.lock.close()

    def abandon(self) -> None:
        """Give the file back without touching it: it is broken."""
        self.lock.abandon()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock, as long as a write may wait for it at most, and translate errors."""
        with self.lock, translated(self.path):
            yield

    def give_up_creates(
        self, process: int, first_seq: int, now_ns: int, seed: int
    ) -> list[Recorded]:
        """Turn the unanswered creates of a dead process into `unknown`; the caller holds the lock.

        One transaction: nobody sees the process gone and its creates still unanswered.
        """
        given_up: list[tuple[Entry, Recorded]] = []
        with self._transaction:
            self._cursor.execute(self._sql["drop_process"], (process,))
            if self.connection.changes() == 0:
                return []  # another process was faster
            for entry in self._find.abandoned(process, first_seq):
                seen = Observed(
                    provider=entry.job.provider,
                    snapshot=JobSnapshot(state=JobState.UNKNOWN),
                    now_ns=now_ns,
                    seed=seed + len(given_up) * steps.MOST_EVENTS,
                    failure="ProcessDied: the process ended before the answer arrived",
                )
                step = steps.take(entry.job, seen, self.rules)
                given_up.append(self._rows.write(entry, step, seen))
        for entry, _ in given_up:
            self._keep(entry)
        return [recorded for _, recorded in given_up]

    # -- one write ---------------------------------------------------------------------------------

    def _prepared(self, seen: Observed) -> Change | Recorded:
        """Prepare one of several writes, for which nothing has to be looked up in the file."""
        entry = self.cache.by_id(seen.job_id)
        if entry is None or seen.version is not None:
            raise NotTogetherError
        step = steps.take(entry.job, seen, self.rules)
        if not step.changed and seen.failure is None:
            return Recorded(entry.job)
        return Change.of(entry, step, seen)

    def _write_all(self, jobs: Sequence[Job], changes: Sequence[Change]) -> None:
        """Write intents and answers; a single statement needs no other transaction."""
        if not changes and self._rows.one_statement(len(jobs)):
            made = self._rows.insert_all(jobs)
        else:
            with self._transaction:
                made = self._rows.insert_all(jobs)
                self._rows.write_all(changes)
        for entry in made:
            self.in_flight.add(entry.seq)
            self.cache.put(entry)
        for change in changes:
            self._keep(change.after)

    def _record(self, seen: Observed) -> Recorded | None:
        if seen.version is not None:
            return self._record_as_found(seen)
        entry = self.cache.by_id(seen.job_id) or self.cache.by_provider(
            seen.provider, seen.snapshot.provider_job_id
        )
        while True:
            if entry is None:
                entry = self._load(seen)
            if entry is not None:
                recorded = self._advance(entry, seen)
            elif seen.adopt is not None:
                recorded = self._adopt(seen, seen.adopt)
            else:
                return None
            if recorded is not None:
                return recorded
            entry = None  # another process was faster: look again

    def _record_as_found(self, seen: Observed) -> Recorded | None:
        """Advance a job unless it was changed since somebody looked at it."""
        entry = self._load(seen)
        return self._advance(entry, seen) if entry and entry.version == seen.version else None

    def _advance(self, entry: Entry, seen: Observed) -> Recorded | None:
        """Write what an answer changes; `None` when the entry turns out to be stale."""
        step = steps.take(entry.job, seen, self.rules)
        if not step.changed and seen.failure is None:
            return Recorded(entry.job)
        try:
            with self._transaction:
                after, recorded = self._rows.write(entry, step, seen)
        except StaleError:
            self.cache.drop(entry.job.job_id)
            return None
        except apsw.ConstraintError:
            return self._merge(entry, seen)
        self._keep(after)
        return recorded

    def _keep(self, after: Entry) -> None:
        """Remember what was committed."""
        self.cache.put(after)
        if after.job.state is not JobState.SUBMITTING:
            self.in_flight.discard(after.seq)

    # -- jobs that are not in the cache, or not ours alone -----------------------------------------

    def _load(self, seen: Observed) -> Entry | None:
        entry, provider_job_id = None, seen.snapshot.provider_job_id
        if seen.job_id is not None:
            entry = self._find.by_id(seen.job_id) or self._inherit(self._before.by_id(seen.job_id))
        if entry is None and provider_job_id is not None:
            entry = self._find.by_provider(seen.provider, provider_job_id) or self._inherit(
                self._before.by_provider(seen.provider, provider_job_id)
            )
        adopt = seen.adopt
        if entry is None and adopt is not None and adopt.prompt_hash is not None:
            like = Stranger(
                provider=seen.provider,
                prompt_hash=adopt.prompt_hash,
                model=adopt.model,
                created_at=adopt.created_at,
                now_ns=seen.now_ns,
                seed=seen.seed + steps.MOST_EVENTS,
            )
            self.rescued += processes.recover(self, like.now_ns, like.seed)
            entry = self._find.unanswered(like)
        return entry

    def _inherit(self, entry: Entry | None) -> Entry | None:
        """Take over a job of the ledger that this one stands in for."""
        if entry is None:
            return None
        seq = self._rows.insert(entry.job, codec.dump_job(entry.job))
        quiet.note(self._cursor, seq)
        return Entry(seq, 0, entry.job)

    def _adopt(self, seen: Observed, job: Job) -> Recorded | None:
        """Take in a job that was created elsewhere; `None` when another process just did."""
        try:
            with self._transaction:
                entry = Entry(self._rows.insert(job, codec.dump_job(job)), 0, job)
                after, recorded = self._rows.write(entry, steps.take(job, seen, self.rules), seen)
        except apsw.ConstraintError:
            return None
        self._keep(after)
        return recorded

    def _merge(self, mine: Entry, seen: Observed) -> Recorded | None:
        """The provider answered a create with a job that is here already: keep one row.

        That happens when a create is replayed by its idempotency key, or when a poll elsewhere saw
        the job before the create's answer was written. An adopted row takes over our trace.
        Returns `None` when the rows changed meanwhile.
        """
        self.cache.drop(mine.job.job_id)
        try:
            with self._transaction:
                there = self._find.by_provider(seen.provider, seen.snapshot.provider_job_id or "")
                if there is None or there.seq == mine.seq:
                    return None
                there = fold(self.connection, mine, there)
                after, recorded = self._rows.write(
                    there, steps.take(there.job, seen, self.rules), seen
                )
        except StaleError:
            return None
        self.in_flight.discard(mine.seq)
        self._keep(after)
        return recorded
