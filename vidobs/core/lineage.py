"""A job's family: what its video was made from, and what was made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.core.jobs import Job
from vidobs.core.reports import Children

if TYPE_CHECKING:
    from collections.abc import Sequence


class Relatives(Protocol):
    """Where jobs are looked up."""

    def job(self, id_or_prefix: str) -> Sequence[Job]:
        """Return the jobs that have this id, a longer one, or this id at the provider."""
        ...

    def children(self, job: Job) -> Children:
        """Return the jobs that were made from a job's video."""
        ...


class Lineage(msgspec.Struct, frozen=True):
    """What a video was made from, and what was made from it."""

    parent_id: str | None = None  # the provider's id
    parent: Job | None = None  # where the ledger has it
    children: Children = Children()


def lineage_of(reader: Relatives, job: Job) -> Lineage:
    """Look up the family of a job."""
    parent = None
    if job.parent_id is not None:
        found = (one for one in reader.job(job.parent_id) if one.provider == job.provider)
        parent = next((one for one in found if one.provider_job_id == job.parent_id), None)
    return Lineage(job.parent_id, parent, reader.children(job))
