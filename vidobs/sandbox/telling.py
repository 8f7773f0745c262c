"""The answers about one job, as its fault has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from vidobs.sandbox import wire
from vidobs.sandbox.fault_table import Telling, fault_named
from vidobs.sandbox.jobs import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.voice import Voice

BOMB_HEADERS, BOMB_BYTES = 64, 1024  # within the 100 headers and 100 KiB that clients accept
_JSON = "application/json"
_FAILED_AS = {Telling.FAILED_AS_400: 400, Telling.FAILED_AS_500: 500}


def telling_of(job: StoredJob) -> Telling | None:
    """Return how the server tells of a job; `None` is the usual way."""
    fault = fault_named(job.fault)
    return fault.telling if fault else None


def tell_accepted(job: StoredJob, voice: Voice) -> Response:
    """Return the answer to the request that made a job, now and at every replay."""
    now_ns, manner = job.created_ns, voice.manner
    answer = JSONResponse(
        wire.video(job, voice, now_ns=now_ns, first=True),
        status_code=manner.created_status,
        headers=dict(manner.created_headers(voice.facts(job, now_ns=now_ns, first=True))),
    )
    return with_headers(answer, job)


def tell_status(
    job: StoredJob, voice: Voice, *, now_ns: int, headers: Mapping[str, str]
) -> Response:
    """Return the answer to a request for the status of a job."""
    how = telling_of(job)
    answer: Response = JSONResponse(
        wire.video(job, voice, now_ns=now_ns),
        status_code=_status(job, voice, how, now_ns=now_ns),
        headers=dict(headers),
    )
    if how is Telling.GARBAGE:
        body = bytes(answer.body)
        answer = Response(body[: len(body) // 2], headers=dict(headers), media_type=_JSON)
    return with_headers(answer, job)


def _status(job: StoredJob, voice: Voice, how: Telling | None, *, now_ns: int) -> int:
    """The HTTP status of a poll: that of the fault, or the dialect's for a job that failed."""
    if job.state(now_ns).status is not Status.FAILED:
        return 200
    code = job.course.failure.code if job.course.failure else ""
    usual = voice.manner.failed_status(code)
    return _FAILED_AS.get(how, usual) if how else usual


def with_headers(answer: Response, job: StoredJob) -> Response:
    """Add the headers of a job whose answers have too many."""
    if telling_of(job) is Telling.HEADERS:
        for number in range(BOMB_HEADERS):
            name = f"x-sandbox-bomb-{number}"
            answer.headers[name] = "b" * (BOMB_BYTES - len(name))
    return answer
