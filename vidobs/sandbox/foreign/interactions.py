"""The Interactions API, as far as it makes videos: https://ai.google.dev/api/interactions-api.

What a filter withholds is completed with a text in the place of the video, and costs what the text
costs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from vidobs.core.calls import Operation
from vidobs.dialects.gemini_requests import size as size_of
from vidobs.sandbox.foreign import google, making
from vidobs.sandbox.jobs import NS, Size, Status
from vidobs.sandbox.params import Wanted

if TYPE_CHECKING:
    from starlette.requests import Request

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.records import JsonValue

    Fields = making.Fields

USUAL_SECONDS, USUAL_SIZE = 10, Size(1280, 720)
VIDEO_TOKENS, TEXT_TOKENS, INPUT_TOKENS = 5792, 100, 29  # the first for a second
_ID = "v1_{}"
_STATUS = {
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "incomplete",
}


async def create(backend: Backend, request: Request) -> Response:
    """`POST interactions`, in the background or not: a job is told of at once."""
    google.require_key(request)
    fields = await making.fields_of(backend, request)
    given = fields.get("response_format")
    asked: Fields = given if isinstance(given, dict) else {}
    ratio, tier = asked.get("aspect_ratio"), asked.get("resolution")
    size = size_of(
        ratio if isinstance(ratio, str) else None, tier if isinstance(tier, str) else None
    )
    wanted = Wanted(
        operation=Operation.CREATE,
        model=making.text_in(fields, "model"),
        prompt=_prompt(fields.get("input")),
        seconds=making.seconds_in(asked.get("duration"), USUAL_SECONDS),
        size=making.drawable(size, USUAL_SIZE),
    )
    job = making.accept(backend, request, wanted)
    return making.answer_of(backend, job, JSONResponse(_told(job, job.created_ns, request)))


async def retrieve(backend: Backend, request: Request) -> Response:
    """`GET interactions/{id}`."""
    google.require_key(request)
    return JSONResponse(_told(_job(backend, request), backend.now_ns(), request))


async def delete(backend: Backend, request: Request) -> Response:
    """`DELETE interactions/{id}`."""
    google.require_key(request)
    backend.store.delete(_job(backend, request).id)
    return JSONResponse({})


async def cancel(backend: Backend, request: Request) -> Response:
    """`POST interactions/{id}/cancel`: of one that runs."""
    google.require_key(request)
    job, now_ns = _job(backend, request), backend.now_ns()
    told = _told(job, now_ns, request)
    if not job.state(now_ns).status.is_final:
        backend.store.delete(job.id)
        told["status"] = "cancelled"
    return JSONResponse(told)


def _job(backend: Backend, request: Request) -> StoredJob:
    return backend.store.get(request.path_params["id"].removeprefix(_ID.format("")))


def _told(job: StoredJob, now_ns: int, request: Request) -> dict[str, JsonValue]:
    status = job.state(now_ns).status
    withheld = job.course.failure is not None and "moderation" in job.course.failure.code
    told: dict[str, JsonValue] = {
        "id": _ID.format(job.id),
        "object": "interaction",
        "status": _STATUS.get(status, "completed" if status.is_final else "in_progress"),
        "model": job.model,
        "created": _time(job.created_ns),
        "updated": _time(now_ns),
    }
    if status is Status.COMPLETED:
        place = google.file_url(request, job)
        video: JsonValue = {"type": "video", "uri": place, "mime_type": "video/mp4"}
        return told | _made(video, VIDEO_TOKENS * job.seconds)
    if status is Status.FAILED and withheld:
        refusal: JsonValue = {"type": "text", "text": "I cannot make this video."}
        return told | {"status": "completed"} | _made(refusal, 0)
    if status is Status.FAILED:
        message = job.course.failure.message if job.course.failure else "It failed."
        return told | {"errors": [{"code": "internal", "message": message}]}
    return told


def _made(piece: JsonValue, video_tokens: int) -> dict[str, JsonValue]:
    """The steps of what was made, and the tokens of it."""
    kinds: list[JsonValue] = [{"modality": "text", "tokens": TEXT_TOKENS}]
    if video_tokens:
        kinds.append({"modality": "video", "tokens": video_tokens})
    total = video_tokens + TEXT_TOKENS
    return {
        "steps": [{"type": "model_output", "content": [piece]}],
        "usage": {
            "total_input_tokens": INPUT_TOKENS,
            "total_output_tokens": total,
            "total_tokens": INPUT_TOKENS + total,
            "output_tokens_by_modality": kinds,
        },
    }


def _prompt(given: JsonValue) -> str:
    """The text of an input, given as it is or as pieces of content."""
    if isinstance(given, str):
        return given
    pieces = given if isinstance(given, list) else []
    texts = [piece.get("text") for piece in pieces if isinstance(piece, dict)]
    return "\n".join(text for text in texts if isinstance(text, str)) or "a video"


def _time(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
