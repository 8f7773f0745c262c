"""A job that ended as one log request of Helicone's manual logger. Pure.

https://docs.helicone.ai/getting-started/integration-method/manual-logger-curl

Helicone prices tokens only, so the amount stands in `providerResponse.cost`. It takes an answer
with `metadata` at its top for a poll of an assistant, and one with `_type` for no model's: there is
neither.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from vidobs import JobState, Reason, scrub
from vidobs_exporters._asked import asked, known
from vidobs_exporters.helicone.headers import headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from vidobs import Job, VideoEvent

URL = "custom-model-nopath"  # what every log of the manual logger has
_OK = 200
_STATUS = {  # of HTTP, for want of the provider's own
    Reason.MODERATION_INPUT: 400,
    Reason.MODERATION_OUTPUT: 400,
    Reason.INVALID_REQUEST: 400,
    Reason.AUTH: 401,
    Reason.QUOTA: 402,
    Reason.BUDGET: 402,
    Reason.LOST: 404,
    Reason.RATE_LIMITED: 429,
    Reason.PROVIDER_ERROR: 500,
    Reason.NOT_SENT: 503,
    Reason.TIMEOUT: 504,
}
_STATUS_OF_END = {JobState.COMPLETED: _OK, JobState.CANCELLED: 499, JobState.EXPIRED: 504}
_ERRORS = range(400, 600)

_encode = msgspec.json.Encoder(decimal_format="number").encode  # amounts as exact numbers


class Record(NamedTuple):
    """One request: headers and body."""

    headers: Mapping[str, str]
    body: bytes


def record(event: VideoEvent) -> Record | None:
    """Return what is sent for an event; `None` when it is no result."""
    if not event.name.terminal:
        return None
    job = event.job
    response: dict[str, object] = {"status": status(job), "headers": {}, "json": _response(job)}
    if job.cost.usd is not None:
        response["cost"] = job.cost.usd
    body = {
        "providerRequest": {"url": URL, "json": _request(job), "meta": {}},
        "providerResponse": response,
        "timing": {
            "startTime": _time(job.created_at),
            "endTime": _time(max(job.created_at, job.finished_at or event.at)),
        },
    }
    return Record(headers(job), _encode(body))


def status(job: Job) -> int:
    """Return the status of HTTP that says how a job ended.

    That is the provider's code where it is one of HTTP.
    """
    if job.reason is None:
        return _STATUS_OF_END.get(job.state, _STATUS[Reason.PROVIDER_ERROR])
    code = job.error.code if job.error else None
    if code is not None and code.isdecimal() and int(code[:4]) in _ERRORS:
        return int(code)
    return _STATUS.get(job.reason, _STATUS[Reason.PROVIDER_ERROR])


def _request(job: Job) -> dict[str, object]:
    return {"_type": "data", "name": "video_job", **asked(job)}


def _response(job: Job) -> dict[str, object]:
    error = None
    if job.error is not None or job.reason is not None:
        error = known(
            code=job.error.code if job.error else None,
            message=scrub(job.error.message) if job.error and job.error.message else None,
            reason=None if job.reason is None else job.reason.value,
        )
    return known(
        id=job.provider_job_id,
        status=job.state.value,
        model=job.served_model or job.model,
        progress=job.progress,
        queue_s=job.queue_s,
        render_s=job.render_s,
        polls=job.polls,
        error=error,
    )


def _time(at: datetime) -> dict[str, int]:
    """Split a time as Helicone wants it: whole seconds, and the milliseconds behind them."""
    ms = int(at.astimezone(UTC).timestamp() * 1000)
    return {"seconds": ms // 1000, "milliseconds": ms % 1000}
