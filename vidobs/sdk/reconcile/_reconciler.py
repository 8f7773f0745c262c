"""A reconciliation: every open job is looked after at its own server, by one process at a time."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import JobState
from vidobs.core.reconciled import Outcome, Reconciled, ReconcileReport
from vidobs.sdk.asking._asker import Asker
from vidobs.sdk.asking._servers import Refusal, Servers, place_of
from vidobs.sdk.reconcile._books import Books
from vidobs.sdk.reconcile._errand import Errand
from vidobs.sdk.reconcile._look import Look
from vidobs.sdk.reconcile._surplus import Surplus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from vidobs.core.jobs import Job
    from vidobs.ledger.cache import Entry
    from vidobs.ledger.open_jobs import Place
    from vidobs.runtime import Runtime
    from vidobs.sdk.client._server import Server

SINCE = timedelta(days=7)
GAP_S = 0.2  # between two requests


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked after."""

    since: timedelta = SINCE
    provider: str | None = None
    base_url: str | None = None


class Reconciler:
    """Looks after the open jobs of a ledger. For one thread; raises `LedgerError`. Close it."""

    def __init__(
        self,
        runtime: Runtime,
        scope: Scope,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Raises:
            ConfigError, AuthenticationError: the scope names a server that cannot be asked.
        """
        self._runtime = runtime
        self._scope = scope
        self._sleep = sleep
        self._monotonic = monotonic
        self._free_at = 0.0
        self._books = Books(runtime)
        self._servers = Servers(os.environ, base_url=scope.base_url)
        self._named = None
        if scope.base_url is not None:
            self._named = self._servers.named(scope.provider)
        self._askers: dict[tuple[str, str], Asker] = {}

    def close(self) -> None:
        """Close the connections."""
        for asker in self._askers.values():
            asker.close()

    def plan(self) -> ReconcileReport:
        """Say who would be asked about what; nobody is asked, and nothing is written."""
        planned = []
        for entry in self._open(self._books.now - self._scope.since):
            found = self._servers.at(place_of(entry.job))
            told = self._refused(entry)
            if told is None and not isinstance(found, Refusal):
                told = _told(entry, Outcome.PLANNED, server=found.base_url)
            planned += [] if told is None else [told]
        return ReconcileReport(jobs=tuple(planned))

    def everything(self) -> ReconcileReport:
        """Look after every open job, and look for what was made without the ledger."""
        since = self._books.now - self._scope.since
        surplus = Surplus(self._books, since, provider=self._scope.provider)
        self._books.tidy()
        told = self._look_after(since, self._books.places(since), surplus)
        return ReconcileReport(jobs=told, orphans=surplus.orphans, doubles=surplus.doubles())

    def open_jobs(self) -> ReconcileReport:
        """Look after every open job, and no further."""
        return ReconcileReport(jobs=self._look_after(self._books.now - self._scope.since, (), None))

    def again(self, jobs: Iterable[Job]) -> Iterator[Reconciled]:
        """Ask again about jobs that were running, where no other process does so just now."""
        looks: dict[tuple[str, str], Look] = {}
        for job in jobs:
            entry = self._books.entry(job.job_id)
            found = self._servers.at(place_of(job))
            if entry is None or isinstance(found, Refusal):
                continue
            if entry.job.state.terminal:
                told = _told(entry, Outcome.SETTLED, server=found.base_url)
                yield msgspec.structs.replace(told, before=job.state)
                continue
            claim = self._books.take([job.job_id]).get(job.job_id)
            if claim is None:
                continue
            if _key(found) not in looks:
                looks[_key(found)] = Look(self._asker(found), self._books, pace=self._pace)
            answer, after = looks[_key(found)].ask(entry, claim)
            if after is None:
                self._books.forget([job.job_id])
            else:
                self._books.remember(job.job_id, after)
            yield answer

    def due_in_s(self, job: Job) -> float:
        """Return in how many seconds a job may be asked about again."""
        return max(0.0, self._books.due_us(job.job_id) / 1e6 - self._books.now.timestamp())

    # -- inside ------------------------------------------------------------------------------------

    def _look_after(
        self, since: datetime, places: Sequence[Place], surplus: Surplus | None
    ) -> tuple[Reconciled, ...]:
        """Look after the open jobs at their servers, and at those of `places`."""
        self._books.recover()
        told: list[Reconciled] = []
        entries: list[Entry] = []
        for entry in self._open(since):
            refused = self._refused(entry)
            if refused is None:
                entries.append(entry)
            else:
                told.append(refused)
        for server in self._servers_of([*(place_of(one.job) for one in entries), *places]):
            mine = [entry for entry in entries if self._key_of(entry) == _key(server)]
            look = Look(self._asker(server), self._books, pace=self._pace)
            told += Errand(server, look, self._books, sleep=self._sleep).run(mine, surplus)
        return tuple(sorted(told, key=lambda one: one.job.created_at))

    def _open(self, since: datetime) -> list[Entry]:
        wanted = self._scope.provider
        found = self._books.unfinished(since)
        return [entry for entry in found if wanted in (None, entry.job.provider)]

    def _refused(self, entry: Entry) -> Reconciled | None:
        """Return what there is to say of a job that nobody is asked about."""
        if entry.job.state is JobState.SUBMITTING:
            return _told(entry, Outcome.RUNNING, why="its create is still under way")
        found = self._servers.at(place_of(entry.job))
        if isinstance(found, Refusal):
            return _told(entry, Outcome.SKIPPED, why=found.why, fix=found.fix)
        return None

    def _servers_of(self, places: Iterable[Place]) -> list[Server]:
        """Return the servers of some places that may be asked, each once."""
        wanted = [one for one in places if self._scope.provider in (None, one.provider)]
        found = [self._servers.at(place) for place in wanted]
        if self._named is not None:
            found.append(self._named)
        servers: dict[tuple[str, str], Server] = {}
        for one in found:
            if not isinstance(one, Refusal):
                servers.setdefault(_key(one), one)
        return list(servers.values())

    def _key_of(self, entry: Entry) -> tuple[str, str] | None:
        found = self._servers.at(place_of(entry.job))
        return None if isinstance(found, Refusal) else _key(found)

    def _asker(self, server: Server) -> Asker:
        if _key(server) not in self._askers:
            self._askers[_key(server)] = Asker(server, self._runtime)
        return self._askers[_key(server)]

    def _pace(self) -> None:
        """Wait until the next request may leave."""
        wait_s = self._free_at - self._monotonic()
        if wait_s > 0:
            self._sleep(wait_s)
        self._free_at = self._monotonic() + GAP_S


def _key(server: Server) -> tuple[str, str]:
    """What tells servers apart here: jobs of two providers may be at one address."""
    return server.base_url, server.provider


def _told(
    entry: Entry,
    outcome: Outcome,
    *,
    server: str | None = None,
    why: str | None = None,
    fix: str | None = None,
) -> Reconciled:
    job = entry.job
    return Reconciled(job=job, before=job.state, outcome=outcome, server=server, why=why, fix=fix)
