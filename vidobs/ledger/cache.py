"""The jobs this process touched last, so that an answer need not be looked up again."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from vidobs.core.jobs import Job


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A job with its place and the version that was read or written last."""

    seq: int
    version: int
    job: Job


class JobCache:
    """A bounded map of entries by our id and by the provider's; the least used go first.

    Reading is safe from any thread; writing needs the ledger's lock.
    """

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._by_id: OrderedDict[str, Entry] = OrderedDict()
        self._by_provider: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def by_id(self, job_id: str | None) -> Entry | None:
        """Return the entry of our id."""
        return self._by_id.get(job_id) if job_id is not None else None

    def by_provider(self, provider: str, provider_job_id: str | None) -> Entry | None:
        """Return the entry of the provider's id."""
        if provider_job_id is None:
            return None
        return self.by_id(self._by_provider.get((provider, provider_job_id)))

    def put(self, entry: Entry) -> None:
        """Keep an entry, as the one used last."""
        job, by_id = entry.job, self._by_id
        job_id, before = job.job_id, len(by_id)
        by_id[job_id] = entry
        if job.provider_job_id is not None:
            self._by_provider[job.provider, job.provider_job_id] = job_id
        if len(by_id) == before:  # it was there: now it is the last
            by_id.move_to_end(job_id)
        elif before >= self._size:
            _, oldest = by_id.popitem(last=False)
            self._forget_provider(oldest.job)

    def drop(self, job_id: str) -> None:
        """Forget an entry that turned out to be stale."""
        entry = self._by_id.pop(job_id, None)
        if entry is not None:
            self._forget_provider(entry.job)

    def _forget_provider(self, job: Job) -> None:
        if job.provider_job_id is None:
            return
        key = job.provider, job.provider_job_id
        if self._by_provider.get(key) == job.job_id:
            del self._by_provider[key]
