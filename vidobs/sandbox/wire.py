"""The objects of the API as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.sandbox.fault_table import Telling, fault_named
from vidobs.sandbox.jobs import NS

if TYPE_CHECKING:
    from vidobs.sandbox.jobs import State, StoredJob
    from vidobs.sandbox.records import JsonValue
    from vidobs.sandbox.store import Page

SPARSE = ("id", "object", "status")  # what the fault `missing_fields` leaves


def video(job: StoredJob, *, now_ns: int) -> dict[str, JsonValue]:
    """Return the Video object of a job at a time; times are whole Unix seconds."""
    state = job.state(now_ns)
    whole = _whole(job, state)
    fault = fault_named(job.fault)
    if fault and fault.telling is Telling.SPARSE:
        return {name: whole[name] for name in SPARSE}
    return whole


def _whole(job: StoredJob, state: State) -> dict[str, JsonValue]:
    return {
        "id": job.id,
        "object": "video",
        "created_at": job.created_ns // NS,
        "status": str(state.status),
        "completed_at": _seconds(state.completed_ns),
        "error": _error(job, state),
        "expires_at": _seconds(state.expires_ns),
        "model": job.model,
        "progress": state.progress,
        "prompt": job.prompt,
        "remixed_from_video_id": job.remixed_from,
        "seconds": str(job.seconds),
        "size": str(job.size),
    }


def _seconds(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // NS


def _error(job: StoredJob, state: State) -> JsonValue:
    failure = job.course.failure
    if failure is None or state.status != "failed":
        return None
    return {"code": failure.code, "message": failure.message}


def page(jobs: Page, *, now_ns: int) -> dict[str, JsonValue]:
    """Return a list of videos."""
    ids = [job.id for job in jobs.jobs]
    return {
        "object": "list",
        "data": [video(job, now_ns=now_ns) for job in jobs.jobs],
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": jobs.has_more,
    }


def deleted(video_id: str) -> dict[str, JsonValue]:
    """Return the confirmation of a deletion."""
    return {"id": video_id, "object": "video.deleted", "deleted": True}
