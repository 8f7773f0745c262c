"""What the body of a webhook says: of which job, and how that stands where it says so. Pure.

OpenAI's events are thin, they name the job only. Those of Replicate and fal are the job itself;
what they say is read as the answer to a poll would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from vidobs.core.jobs import JobSnapshot
from vidobs.dialects.openai import read_video
from vidobs.dialects.values import text
from vidobs.webhooks._signatures import Kind

_VIDEO = "video."
_ENDS = frozenset({"video.completed", "video.failed", "video.cancelled", "video.expired"})
_ENDED = {"OK": "completed", "ERROR": "failed"}  # fal's words
_PROMPT_CHARS = 1 << 20

Members: TypeAlias = Mapping[str, object]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a webhook is about."""

    kind: Kind
    event: str  # as its sender calls it
    video_id: str | None = None  # None: it is about no job
    snapshot: JobSnapshot | None = None  # None: it does not say how the job stands
    prompt: str | None = None  # that its answer shows; never kept

    @property
    def ends(self) -> bool:
        """Whether it says that the job has ended."""
        if self.snapshot is None:
            return self.event in _ENDS
        return self.snapshot.state is not None and self.snapshot.state.terminal


def read(body: bytes, kinds: frozenset[Kind]) -> Told | None:
    """Read a body from one of some senders; `None` when it makes no sense."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(raw, Mapping):
        return None
    if Kind.FAL in kinds:
        return _fal(raw)
    if Kind.OPENAI in kinds and isinstance(raw.get("type"), str):
        return _openai(raw)
    return _replicate(raw) if Kind.REPLICATE in kinds else None


def _openai(raw: Members) -> Told | None:
    event = text(raw.get("type")) or ""
    if not event.startswith(_VIDEO):
        return Told(kind=Kind.OPENAI, event=event)
    data = raw.get("data")
    video_id = text(data.get("id")) if isinstance(data, Mapping) else None
    return None if video_id is None else Told(kind=Kind.OPENAI, event=event, video_id=video_id)


def _replicate(raw: Members) -> Told | None:
    video_id, status = text(raw.get("id")), text(raw.get("status"))
    if video_id is None or status is None:
        return None
    asked, took = _mapping(raw.get("input")), _mapping(raw.get("metrics"))
    prompt = text(asked.get("prompt"), _PROMPT_CHARS)
    wire = {
        "id": video_id,
        "status": status,
        "model": raw.get("model"),
        "error": raw.get("error"),
        "created_at": raw.get("created_at"),
        "completed_at": raw.get("completed_at"),
        "seconds": asked.get("duration"),
        "usage": {"gpu_seconds": took.get("predict_time")},
    }
    snapshot = read_video(wire, prompt=prompt)
    return Told(
        kind=Kind.REPLICATE, event=status, video_id=video_id, snapshot=snapshot, prompt=prompt
    )


def _fal(raw: Members) -> Told | None:
    """A status of `OK` with an error inside is a failure too: a moderated one, mostly."""
    video_id, status = text(raw.get("request_id")), text(raw.get("status"))
    if video_id is None or status is None or status not in _ENDED:
        return None
    payload = _mapping(raw.get("payload"))
    error = raw.get("error") or payload.get("error")
    wire = {
        "id": video_id,
        "status": _ENDED[status],
        "error": error,
        "detail": None if status == "OK" else payload.get("detail"),
    }
    if payload.get("detail") and status == "ERROR":
        wire["error"] = None  # "Unexpected status code: 422"; the detail says why
    snapshot = read_video(wire)
    return Told(kind=Kind.FAL, event=status, video_id=video_id, snapshot=snapshot)


def _mapping(value: object) -> Members:
    return value if isinstance(value, Mapping) else {}
