"""Read answers of the OpenAI Videos protocol: a video, a list of them, a deletion.

Answers come as bytes, as decoded JSON or as objects of somebody's SDK, of which only attributes are
read. Servers differ in what they leave out and in what they add; what makes no sense is not known.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from vidobs.core.calls import VideoRequest
from vidobs.core.jobs import TERMINAL, AssetState, JobSnapshot, JobState
from vidobs.core.scrub import scrub
from vidobs.dialects.failures import failure_of, reason_of_error
from vidobs.dialects.packed_ids import plain_id
from vidobs.dialects.states import STATES, state_of
from vidobs.dialects.usage import usage_of
from vidobs.dialects.values import moment, per_cent, positive, text
from vidobs.dialects.wire import WireKey, WireVideo, wire_of

_DELETED = "deleted"
_LISTS = ("data", "videos", "items")
_decode_wire = msgspec.json.Decoder(WireVideo).decode
_decode_key = msgspec.json.Decoder(WireKey).decode
_decode = msgspec.json.Decoder().decode


def read_video(data: object, *, prompt: str | None = None) -> JobSnapshot:
    """Return what an answer says of a job.

    `data` is decoded JSON or an object with the attributes of a video. An error message may quote
    the prompt; it is taken out, `prompt` being the one that was sent, where that is known.
    """
    return _snapshot(wire_of(data), prompt)


def decode_video(body: bytes, *, prompt: str | None = None) -> JobSnapshot | None:
    """Return what the body of an answer says of a job; `None` when it is not about one."""
    try:
        wire = _decode_wire(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if wire.id is None and wire.task_id is None and wire.status is None:
        return None
    return _snapshot(wire, prompt)


def failed_body(body: bytes, *, prompt: str | None = None) -> JobSnapshot | None:
    """Return the failed job in the body of an HTTP error; `None` when it is not one.

    vLLM-Omni answers a poll of a failed job with 4xx or 5xx and the job as the body.
    """
    seen = decode_video(body, prompt=prompt)
    if seen is None or seen.provider_job_id is None or seen.state is None:
        return None
    return seen if seen.state.terminal and seen.state is not JobState.COMPLETED else None


def read_list(data: object, *, prompt: str | None = None) -> list[JobSnapshot]:
    """Return what a page of videos says of each job."""
    items: object = data
    if isinstance(data, Mapping):
        items = next((data[name] for name in _LISTS if name in data), None)
    elif not isinstance(data, list | tuple):
        items = getattr(data, "data", None)
    if not isinstance(items, list | tuple):
        return []
    return [read_video(item, prompt=prompt) for item in items if _about_job(item)]


def decode_list(body: bytes, *, prompt: str | None = None) -> list[JobSnapshot]:
    """Return what the body of a list says of each job; nothing when it is no list."""
    try:
        return read_list(_decode(body), prompt=prompt)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []


def decode_deleted(answer: object) -> JobSnapshot:
    """Return what a successful deletion says, as bytes or as an object; some say nothing."""
    seen = decode_video(answer) if isinstance(answer, bytes) else read_video(answer)
    if seen is not None and seen.state is not None:
        return seen
    return JobSnapshot(
        provider_job_id=None if seen is None else seen.provider_job_id,
        state=JobState.CANCELLED,
        raw_status=_DELETED,
        asset=AssetState.DELETED,
    )


def status_key(answer: object) -> tuple[str, int | None]:
    """Return status and progress, raw: when both are as before, a poll brought nothing new."""
    if isinstance(answer, bytes):
        try:
            answer = _decode_key(answer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "", None
    if isinstance(answer, Mapping):
        status, progress = answer.get("status"), answer.get("progress")
    else:
        status, progress = getattr(answer, "status", None), getattr(answer, "progress", None)
    if type(progress) is not int:
        progress = per_cent(progress)
    return status if isinstance(status, str) else "", progress


def _about_job(item: object) -> bool:
    return isinstance(item, Mapping) or hasattr(item, "id")


def _snapshot(wire: WireVideo, prompt: str | None) -> JobSnapshot:
    raw = text(wire.status)
    state = None if raw is None else state_of(raw)
    deleted = wire.deleted is True or wire.kind == "video.deleted" or raw == _DELETED
    if deleted:
        raw, state = raw or _DELETED, JobState.CANCELLED
    quoted = prompt if prompt is not None else wire.prompt
    error = failure_of(wire, quoted if isinstance(quoted, str) else None)
    if error is not None and state is JobState.COMPLETED:
        state = JobState.FAILED  # fal: finished, with an error and without a video
    ended, until, source = state in TERMINAL, wire.expires_at, wire.remixed_from_video_id
    return JobSnapshot(
        provider_job_id=_id(wire.id) or _id(wire.task_id),
        state=state,
        raw_status=raw if raw is None or raw in STATES else scrub(raw, 64),
        progress=per_cent(wire.progress),
        model=text(wire.model),
        reason=reason_of_error(error, raw) if state is JobState.FAILED else None,
        error=error,
        created_at=moment(wire.created_at),
        finished_at=moment(wire.completed_at or wire.finished_at) if ended else None,
        expires_at=None if until is None else moment(until),
        request=_request(wire),
        parent_id=None if source is None else _id(source),
        usage=usage_of(wire) if ended else None,
        asset=AssetState.DELETED if deleted else None,
    )


def _id(given: object) -> str | None:
    known = text(given)
    return None if known is None else plain_id(known)


def _request(wire: WireVideo) -> VideoRequest | None:
    """What the provider says it will make."""
    seconds, size = positive(wire.seconds), text(wire.size)
    fps = None if wire.fps is None else positive(wire.fps)
    chars = len(wire.prompt) if isinstance(wire.prompt, str) else None
    if seconds is None and size is None and fps is None and chars is None:
        return None
    return VideoRequest(seconds=seconds, size=size, fps=fps, prompt_chars=chars)
