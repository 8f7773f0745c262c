"""What servers have that the ledger does not know, and what was made twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import Job
from vidobs.core.reconciled import Orphan
from vidobs.sdk.reconcile._matching import TWICE, Listed, apart, double_of, doubles, like

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from vidobs.core.reconciled import Double
    from vidobs.sdk.client._server import Server
    from vidobs.sdk.reconcile._books import Books
    from vidobs.sdk.reconcile._listing import Listing


class _Found(msgspec.Struct, frozen=True):
    """An orphan, and the job that it may be the double of."""

    orphan: Orphan
    video: Listed
    job: Job | None


class Surplus:
    """Collects the videos of a period that belong to no job."""

    def __init__(self, books: Books, since: datetime, *, provider: str | None = None) -> None:
        self._books = books
        self.since = since
        self._provider = provider
        self._found: dict[tuple[str, str], _Found] = {}

    def note(self, server: Server, listing: Listing, *, claimed: Collection[str]) -> None:
        """Take in the list of a server; some of its videos have found their job by now."""
        for video in listing.strangers:
            old = video.created_at is not None and video.created_at < self.since
            if not old and video.id not in claimed:
                found = self._orphan(server, video)
                self._found[server.base_url, video.id] = found

    @property
    def orphans(self) -> tuple[Orphan, ...]:
        """The videos that no job of the ledger accounts for."""
        return tuple(found.orphan for found in self._found.values())

    def doubles(self) -> tuple[Double, ...]:
        """Return what was possibly made twice: by the ledger, and by what the servers have."""
        jobs = self._books.asked_twice(self.since)
        jobs = [job for job in jobs if self._provider in (None, job.provider)]
        beside = (found for found in self._found.values() if found.job is not None)
        more = [double_of([found.job], found.video) for found in beside if found.job is not None]
        return (*doubles(jobs), *more)

    def _orphan(self, server: Server, video: Listed) -> _Found:
        job = self._like(server, video)
        orphan = Orphan(
            server=server.base_url,
            video_id=video.id,
            status=video.status,
            model=video.model,
            created_at=video.created_at,
            like=None if job is None else job.job_id,
        )
        return _Found(orphan, video, job)

    def _like(self, server: Server, video: Listed) -> Job | None:
        """Return the job, with another video, that was made from the same prompt at that time."""
        if video.prompt_hash is None or video.created_at is None:
            return None
        near = [
            job
            for job in self._books.same_prompt(video.prompt_hash, video.created_at, TWICE)
            if job.provider == server.provider and job.provider_job_id and like(job, video)
        ]
        return min(near, key=lambda job: apart(job, video), default=None)
