"""Stores finished videos before their provider throws them away: on a thread of its own.

The work list is the ledger: every video that is there and that nobody has downloaded, whichever
process or run saw it completed. Processes that share the ledger share the work.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from vidobs.core import notices
from vidobs.core.api_errors import APIError
from vidobs.core.errors import ConfigError, LedgerError
from vidobs.core.jobs import AssetState
from vidobs.core.scrub import scrub
from vidobs.ledger import claims, codec, open_jobs, processes
from vidobs.ledger.patience import patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vidobs._guard import Guard
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Clock
    from vidobs.ledger.claims import Claim
    from vidobs.ledger.sweeper import Sweeper
    from vidobs.runtime.reach import Reach
    from vidobs.runtime.store import LedgerStore

KIND = "asset"  # of the claims
LOOK_S = 60.0  # between two looks at what other processes left
LEASE_S = 300.0
TIMEOUT_S = 60.0  # for the next bytes
MOST_TRIES = 10
RETRY_FIRST_S = 10.0  # three times as long after each try
RETRY_MOST_S = 3600.0
OLDEST = timedelta(days=7)
_ROWS = 200
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_log = logging.getLogger("vidobs")


class StoppingError(Exception):
    """The process ends; a part that is there is gone on with by the next one."""


class AssetStore:
    """Downloads to `FOLDER/JOB_ID.mp4`, with the checksum beside it. Never raises to anybody."""

    def __init__(
        self,
        folder: Path,
        store: LedgerStore,
        *,
        reach: Callable[[], Reach],
        clock: Clock,
        getrandbits: Callable[[int], int],
        guard: Guard,
    ) -> None:
        self.folder = folder
        self._store = store
        self._reach = reach
        self._clock = clock
        self._guard = guard
        self._owner = processes.owner_name(getrandbits(32))
        self._front: int | None = None  # before it there is nothing to do any more
        self._said: set[str] = set()
        self._refused: set[str] = set()  # jobs that nobody may be asked about
        self._working = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="vidobs-assets", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Ask for a look soon; never waits."""
        self._wake.set()

    def close(self, timeout_s: float) -> None:
        """End the thread; a download is broken off, and gone on with another time."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def work(self) -> float:
        """Store what waits; return in how many seconds to look again."""
        with self._working:
            try:
                return self._round()
            except LedgerError as error:
                if not self._stopping.is_set():  # else it was closed under a download
                    self._say(f"videos cannot be stored now: {error}")
                return LOOK_S

    # -- one round ---------------------------------------------------------------------------------

    def _run(self) -> None:
        rest_s: float | None = 0.0
        while not self._stopping.is_set():
            self._wake.wait(LOOK_S if rest_s is None else rest_s)
            self._wake.clear()
            if not self._stopping.is_set():
                rest_s = self._guard.run("store", self.work)

    def _round(self) -> float:
        sweeper = self._store.outbox().sweeper()
        rest_s = LOOK_S
        for job in self._waiting(sweeper):
            if self._stopping.is_set():
                break
            rest_s = min(rest_s, self._one(sweeper, job))
        return rest_s

    def _waiting(self, sweeper: Sweeper) -> Iterator[Job]:
        """The videos that nobody has downloaded, oldest first."""
        now = self._now()
        after = codec.seq_at(now - OLDEST) if self._front is None else self._front
        front: int | None = None
        while rows := patiently(
            partial(sweeper.ask, partial(open_jobs.to_watch, after=after, limit=_ROWS))
        ):
            for row in rows:
                wanted = row.job is not None and _wanted(row.job, now)
                if front is None and (wanted or not row.state.terminal):
                    front = row.seq - 1
                if row.job is not None and wanted and row.job.job_id not in self._refused:
                    yield row.job
            after = rows[-1].seq
        self._front = after if front is None else front

    def _one(self, sweeper: Sweeper, job: Job) -> float:
        """Store one video, if it is time; return in how many seconds to look again."""
        name = f"{KIND}:{job.job_id}"
        known = patiently(partial(sweeper.ask, partial(claims.read, name=name)))
        wait_s = known.retry_us / 1e6 - codec.us(self._now()) / 1e6
        if known.tries >= MOST_TRIES or wait_s > 0:
            return LOOK_S if known.tries >= MOST_TRIES else wait_s
        claim = self._take(sweeper, name)
        if claim is None:
            return LOOK_S
        after, rest_s = self._tried(sweeper, job, name, claim)
        if after is None:
            patiently(partial(sweeper.work, partial(claims.drop, names=[name])))
        else:
            patiently(partial(sweeper.work, partial(claims.keep, name=name, claim=after)))
        return rest_s

    def _tried(
        self, sweeper: Sweeper, job: Job, name: str, claim: Claim
    ) -> tuple[Claim | None, float]:
        """Try to store a video; return what to remember (nothing: it is done), and the rest."""
        entry = patiently(partial(sweeper.ask, partial(open_jobs.by_id, job_id=job.job_id)))
        if entry is None or not notices.unread(entry.job):
            return None, LOOK_S
        try:
            self._fetch(sweeper, job, name)
        except StoppingError:
            return claim, LOOK_S
        except ConfigError as error:
            self._refused.add(job.job_id)
            self._say(f"the video of {job.job_id} is not stored: {error}")
            return claim, LOOK_S
        except APIError as error:  # before OSError: there is one that is both
            return self._again(sweeper, job, claim, str(error))
        except OSError as error:
            self._no_place(job, error)
            return claim, LOOK_S
        return self._again(sweeper, job, claim, "the file is no whole video")

    def _again(
        self, sweeper: Sweeper, job: Job, claim: Claim, why: str
    ) -> tuple[Claim | None, float]:
        """Try again later, unless the ledger says by now that the video was read, or is gone."""
        entry = patiently(partial(sweeper.ask, partial(open_jobs.by_id, job_id=job.job_id)))
        if entry is None or entry.job.asset is not AssetState.AVAILABLE:
            return None, LOOK_S
        wait_s = min(RETRY_FIRST_S * 3.0**claim.tries, RETRY_MOST_S)
        retry_us = codec.us(self._now()) + int(wait_s * 1e6)
        after = msgspec.structs.replace(claim, tries=claim.tries + 1, retry_us=retry_us)
        if after.tries >= MOST_TRIES:
            _log.error(
                "the video of %s was not stored in %d tries, and is not tried again: %s",
                job.job_id, after.tries, scrub(why, 300),
            )  # fmt: skip
        return after, wait_s

    def _no_place(self, job: Job, error: OSError) -> None:
        """The folder cannot be written: say so, and give back what a part takes of a full disk."""
        self._say(f"videos cannot be stored in {self.folder} ({error.strerror or error})")
        if error.errno in _FULL:
            self._path(job).with_name(f"{job.job_id}.mp4.part").unlink(missing_ok=True)

    def _fetch(self, sweeper: Sweeper, job: Job, name: str) -> None:
        path = self._path(job)
        self.folder.mkdir(parents=True, exist_ok=True)
        between = _Between(partial(self._take, sweeper, name), self._stopping)
        file = self._reach().download(job, path, timeout_s=TIMEOUT_S, between=between)
        path.with_name(f"{path.name}.sha256").write_text(f"{file.sha256}  {path.name}\n", "utf-8")

    def _take(self, sweeper: Sweeper, name: str) -> Claim | None:
        """Claim a video, or go on claiming it; `None` when another process has it."""
        now_us = codec.us(self._now())
        taking = partial(
            claims.take,
            names=[name],
            owner=self._owner,
            now_us=now_us,
            until_us=now_us + int(LEASE_S * 1e6),
        )
        return patiently(partial(sweeper.work, taking)).get(name)

    def _path(self, job: Job) -> Path:
        return self.folder / f"{job.job_id}.mp4"

    def _now(self) -> datetime:
        return codec.moment(self._clock.time_ns() // 1000)

    def _say(self, problem: str) -> None:
        """Say something once."""
        if problem not in self._said:
            self._said.add(problem)
            _log.warning("%s", problem)


class _Between:
    """Called before each piece of a download: ends it with the process, and keeps the lease."""

    def __init__(self, claim: Callable[[], Claim | None], stopping: threading.Event) -> None:
        self._claim = claim
        self._stopping = stopping
        self._due = time.monotonic() + LEASE_S / 4

    def __call__(self) -> None:
        """Raise `StoppingError` when there is no going on."""
        if self._stopping.is_set():
            raise StoppingError
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + LEASE_S / 4
            if self._claim() is None:
                raise StoppingError


def _wanted(job: Job, now: datetime) -> bool:
    return notices.unread(job) and (job.expires_at is None or now < job.expires_at)
