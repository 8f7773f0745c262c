"""The objects of the API as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vidobs.sandbox.fault_table import Telling, fault_named
from vidobs.sandbox.jobs import NS, Status

if TYPE_CHECKING:
    from vidobs.dialects.rows import Facts, Manner
    from vidobs.sandbox.jobs import State, StoredJob
    from vidobs.sandbox.records import JsonValue
    from vidobs.sandbox.store import Page
    from vidobs.sandbox.voice import Voice

SPARSE = ("id", "object", "status")  # what the fault `missing_fields` leaves


def video(
    job: StoredJob, voice: Voice, *, now_ns: int, first: bool = False
) -> dict[str, JsonValue]:
    """Return the Video object of a job at a time; times are whole Unix seconds."""
    state = job.state(now_ns)
    whole = _whole(job, state, voice)
    whole["id"] = voice.told_id(job.id, job.model if first else None)
    fault = fault_named(job.fault)
    if fault and fault.telling is Telling.SPARSE:
        return {name: whole[name] for name in SPARSE}
    return _in_manner(whole, voice.manner, voice.facts(job, now_ns=now_ns, first=first))


def _whole(job: StoredJob, state: State, voice: Voice) -> dict[str, JsonValue]:
    manner = voice.manner
    running = state.status is Status.IN_PROGRESS
    source = job.remixed_from
    return {
        "id": job.id,
        "object": "video",
        "created_at": job.created_ns // NS,
        "status": manner.words.get(state.status, str(state.status)),
        "completed_at": _seconds(state.completed_ns),
        "error": _error(job, state, manner),
        "expires_at": _seconds(state.expires_ns) if manner.expires else None,
        "model": job.model,
        "progress": min(state.progress, manner.most_progress) if running else state.progress,
        "prompt": job.prompt,
        "remixed_from_video_id": None if source is None else voice.told_id(source),
        "seconds": str(job.seconds),
        "size": str(job.size),
    }


def _in_manner(whole: dict[str, JsonValue], manner: Manner, facts: Facts) -> dict[str, JsonValue]:
    """Return the members that the dialect has, and its own."""
    known = {
        name: value
        for name, value in whole.items()
        if (not manner.only or name in manner.only) and name not in manner.without
    }
    told = known | cast("dict[str, JsonValue]", dict(manner.more(facts)))
    return {name: value for name, value in told.items() if manner.nulls or value is not None}


def _seconds(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns // NS


def _error(job: StoredJob, state: State, manner: Manner) -> JsonValue:
    failure = job.course.failure
    if failure is None or state.status != "failed":
        return None
    return cast("JsonValue", dict(manner.job_error(failure.code, failure.message)))


def page(jobs: Page, voice: Voice, *, now_ns: int) -> dict[str, JsonValue]:
    """Return a list of videos."""
    ids = [voice.told_id(job.id) for job in jobs.jobs]
    return {
        "object": "list",
        "data": [video(job, voice, now_ns=now_ns) for job in jobs.jobs],
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "has_more": jobs.has_more,
    }


def deleted(job: StoredJob, voice: Voice, *, now_ns: int) -> dict[str, JsonValue]:
    """Return the confirmation of a deletion: OpenAI's, or the video as it was."""
    word = voice.manner.deleted_word
    if word is not None:
        return {**video(job, voice, now_ns=now_ns), "status": word}
    return {"id": voice.told_id(job.id), "object": "video.deleted", "deleted": True}
