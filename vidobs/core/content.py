"""What is content and who somebody is, taken out of records. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import NOBODY
from vidobs.core.capture import Content, shown_hash
from vidobs.core.events import NO_EXCEPTION
from vidobs.core.jobs import JobError
from vidobs.core.scrub import scrub_error

if TYPE_CHECKING:
    from vidobs.core.events import EventName, VideoEvent
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
    """Return the type of an error without its text; what is no error is no content."""
    if detail is None or name in NO_EXCEPTION:
        return detail
    head, _, _ = detail.partition(":")
    return head if _TYPE.fullmatch(head) else None


def lowered(event: VideoEvent, content: Content) -> VideoEvent:
    """Return an event as it would be if no more than `content` were kept of prompts.

    A text that is too much becomes its hash where that is enough and is known, else nothing; error
    texts lose what they quote of it.
    """
    job = event.job
    hashed = None if job.prompt_hash is None else shown_hash(job.prompt_hash)
    kept = hashed if content is Content.HASH else None
    if job.prompt in {None, kept} or content is Content.FULL:
        return event
    if job.prompt == hashed:
        return msgspec.structs.replace(event, job=msgspec.structs.replace(job, prompt=kept))
    error = job.error
    if error is not None and error.message is not None:
        error = JobError(error.code, scrub_error(error.message, job.prompt))
    detail = event.detail and scrub_error(event.detail, job.prompt)
    job = msgspec.structs.replace(job, prompt=kept, error=error)
    return msgspec.structs.replace(event, job=job, detail=detail)
