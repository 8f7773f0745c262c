"""What is content and who somebody is, taken out of records. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import NOBODY
from vidobs.core.events import EventName
from vidobs.core.jobs import JobError

if TYPE_CHECKING:
    from vidobs.core.jobs import Job

_TYPE = re.compile(r"[A-Za-z_][\w.]*")


def without_content(job: Job) -> Job:
    """Return a job without its prompt, without what is made from it, and without error texts."""
    error = None if job.error is None or job.error.code is None else JobError(code=job.error.code)
    file = None if job.file is None else msgspec.structs.replace(job.file, thumbnail=None)
    return msgspec.structs.replace(
        job, prompt=None, prompt_hash=None, request_hash=None, error=error, file=file
    )


def without_person(job: Job) -> Job:
    """Return a job that is nobody's: without user, tags and content."""
    return msgspec.structs.replace(without_content(job), attribution=NOBODY)


def detail_without_content(name: EventName, detail: str | None) -> str | None:
    """Return the type of an error without its text; what does not match is no content."""
    if detail is None or name is EventName.MISMATCH:
        return detail
    head, _, _ = detail.partition(":")
    return head if _TYPE.fullmatch(head) else None
