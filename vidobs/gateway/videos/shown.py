"""What clients are shown of a server's answer: its own fields, with our ids and OpenAI's words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.jobs import JobState
from vidobs.dialects.openai import state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.core.jobs import Job

_WORDS = MappingProxyType(
    {
        JobState.SUBMITTING: "queued",
        JobState.UNKNOWN: "queued",
        JobState.QUEUED: "queued",
        JobState.IN_PROGRESS: "in_progress",
        JobState.COMPLETED: "completed",
        JobState.FAILED: "failed",
        JobState.CANCELLED: "cancelled",
        JobState.EXPIRED: "failed",  # OpenAI's clients know no such state
    }
)
_SOURCE = "remixed_from_video_id"
_EXPIRED = MappingProxyType({"code": "expired", "message": "the job was never run"})


def shown(
    given: Mapping[str, object],
    *,
    video_id: str,
    model: str,
    source: Callable[[str], str],
) -> dict[str, object]:
    """Return a video as its owner sees it.

    `model` is what clients call it; `source` turns the server's id of another video into ours.
    """
    told = dict(given)
    told["id"] = video_id
    told["object"] = "video"
    told["model"] = model
    raw = told.get("status")
    state = state_of(raw) if isinstance(raw, str) else None
    if state is not None:
        told["status"] = _WORDS[state]
    parent = told.get(_SOURCE)
    if isinstance(parent, str) and parent:
        told[_SOURCE] = source(parent)
    if told.get("error") is not None or state is JobState.EXPIRED:
        instead = dict(_EXPIRED) if state is JobState.EXPIRED else None
        told["error"] = _error(told.get("error")) or instead
    told.pop("task_id", None)  # new-api repeats its id there
    told.pop("polling_url", None)  # leads past the gateway
    return told


def _error(given: object) -> dict[str, object] | None:
    """An error in OpenAI's shape: `{code, message}`, the code a text."""
    if isinstance(given, str) and given:
        return {"code": "failed", "message": given}
    if not isinstance(given, Mapping) or not given:
        return None
    code = given.get("code")
    message = given.get("message")
    return {
        **given,
        "code": "failed" if code is None else str(code),
        "message": message if isinstance(message, str) else "the job failed",
    }


def shown_job(job: Job, *, video_id: str, model: str, source: str | None) -> dict[str, object]:
    """Return a video as the ledger knows it, for lists."""
    error = job.error
    return {
        "id": video_id,
        "object": "video",
        "model": model,
        "status": _WORDS[job.state],
        "progress": 100 if job.state is JobState.COMPLETED else job.progress or 0,
        "created_at": int(job.created_at.timestamp()),
        "completed_at": _seconds(job.finished_at) if job.state is JobState.COMPLETED else None,
        "expires_at": _seconds(job.expires_at),
        "seconds": None if job.request.seconds is None else str(job.request.seconds),
        "size": job.request.size,
        "prompt": None,
        _SOURCE: source,
        "error": None
        if error is None
        else {"code": error.code or "failed", "message": error.message or "the job failed"},
    }


def _seconds(moment: object) -> int | None:
    stamp = getattr(moment, "timestamp", None)
    return None if stamp is None else int(stamp())
