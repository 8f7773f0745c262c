"""The jobs of one sandbox: bounded, in order of creation, readable from any thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vidobs.sandbox.errors import no_such_video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.sandbox.jobs import StoredJob


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs of a list, and whether more follow."""

    jobs: tuple[StoredJob, ...]
    has_more: bool


class JobStore:
    """Keeps the newest `limit` jobs and their idempotency keys, in memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: dict[str, StoredJob] = {}
        self._by_key: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, job: StoredJob) -> None:
        """Keep a new job; the oldest one is forgotten when there are too many."""
        with self._lock:
            self._jobs[job.id] = job
            if job.idempotency_key is not None:
                self._by_key[job.idempotency_key] = job.id
            if len(self._jobs) > self._limit:
                oldest = self._jobs.pop(next(iter(self._jobs)))
                if self._by_key.get(oldest.idempotency_key or "") == oldest.id:
                    del self._by_key[oldest.idempotency_key or ""]

    def get(self, video_id: str) -> StoredJob:
        """Return a job; raises the API's 404 when it is unknown or deleted."""
        job = self.find(video_id)
        if job is None:
            raise no_such_video(video_id)
        return job

    def find(self, video_id: str) -> StoredJob | None:
        """Return a job, or `None` when it is unknown or deleted."""
        job = self._jobs.get(video_id)
        return None if job is None or job.deleted else job

    def delete(self, video_id: str) -> None:
        """Mark a job as deleted; raises the API's 404 when it is unknown or deleted already."""
        job = self.get(video_id)
        with self._lock:
            self._jobs[job.id] = replace(job, deleted=True)

    def with_key(self, idempotency_key: str | None, *, since_ns: int = 0) -> StoredJob | None:
        """Return the job that was made with a key since a time, deleted or not."""
        job = self._jobs.get(self._by_key.get(idempotency_key or "", ""))
        return job if job is not None and job.created_ns > since_ns else None

    def count_replay(self, job: StoredJob) -> None:
        """Note that a request was answered by an earlier job."""
        with self._lock:
            self._jobs[job.id] = replace(job, replays=job.replays + 1)

    def everything(self) -> Sequence[StoredJob]:
        """Return every job that is kept, oldest first, deleted ones too."""
        with self._lock:
            return tuple(self._jobs.values())

    def page(self, *, after: str | None, limit: int, descending: bool) -> Page | None:
        """Return the jobs behind one; `None` when that one is unknown. Deleted ones are left out.

        A deleted job still marks its place, so a reader that deletes as it goes misses nothing.
        """
        jobs = list(self.everything())
        if descending:
            jobs.reverse()
        if after is not None:
            place = next((i for i, job in enumerate(jobs) if job.id == after), None)
            if place is None:
                return None
            jobs = jobs[place + 1 :]
        alive = [job for job in jobs if not job.deleted]
        return Page(tuple(alive[:limit]), has_more=len(alive) > limit)
