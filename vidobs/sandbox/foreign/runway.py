"""A server of Runway's API: `/v1/text_to_video` and its like, and `/v1/tasks`.

A video that a filter withholds costs as much as any other; a task that failed for another reason
gives its credits back. https://docs.dev.runwayml.com/api
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vidobs.core.calls import Operation
from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.foreign import making
from vidobs.sandbox.jobs import NS, Size, Status
from vidobs.sandbox.params import Wanted

if TYPE_CHECKING:
    from starlette.requests import Request

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.records import JsonValue

USUAL_SECONDS, USUAL_SIZE = 5, Size(1280, 720)
CREDITS_PER_SECOND = {"gen4_turbo": 5, "gen4.5": 12, "veo3.1": 40, "veo3.1_fast": 15}
USUAL_CREDITS = 10
_VIDEO_TO_VIDEO = "video_to_video"
_VERSION = "x-runway-version"
_STATUS = {
    Status.QUEUED: "PENDING",
    Status.IN_PROGRESS: "RUNNING",
    Status.COMPLETED: "SUCCEEDED",
    Status.FAILED: "FAILED",
    Status.CANCELLED: "CANCELLED",
    Status.EXPIRED: "CANCELLED",
}
_FILTERED, _BROKEN = "SAFETY.OUTPUT.VIDEO", "INTERNAL.BAD_OUTPUT.CODE01"


def routes(backend: Backend) -> list[Route]:
    """Return the routes of the API."""

    def on(path: str, handler: making.Handler, *methods: str) -> Route:
        endpoint = making.worded(partial(handler, backend), told)
        return Route(path, endpoint, methods=list(methods))

    return [
        on("/v1/{kind:str}", create, "POST"),
        on("/v1/tasks/{task_id}", retrieve, "GET"),
        on("/v1/tasks/{task_id}", delete, "DELETE"),
        on("/files/{name}.mp4", content, "GET"),
    ]


async def create(backend: Backend, request: Request) -> Response:
    """`POST /v1/text_to_video`, `/v1/image_to_video` and `/v1/video_to_video`."""
    _require_headers(request)
    kind = request.path_params["kind"]
    if kind not in {"text_to_video", "image_to_video", _VIDEO_TO_VIDEO}:
        raise ApiError(404, "Not found")
    fields = await making.fields_of(backend, request)
    ratio = fields.get("ratio")
    wanted = Wanted(
        operation=Operation.EDIT if kind == _VIDEO_TO_VIDEO else Operation.CREATE,
        model=making.text_in(fields, "model"),
        prompt=making.text_in(fields, "promptText"),
        seconds=making.seconds_in(fields.get("duration"), USUAL_SECONDS),
        size=making.drawable(ratio if isinstance(ratio, str) else None, USUAL_SIZE),
    )
    job = making.accept(backend, request, wanted)
    told_at_once = {"id": _task_id(job), "estimatedCost": {"credits": float(credits_of(job))}}
    return making.answer_of(backend, job, JSONResponse(told_at_once))


async def retrieve(backend: Backend, request: Request) -> Response:
    """`GET /v1/tasks/{task_id}`."""
    _require_headers(request)
    job = backend.store.get(_own_id(request.path_params["task_id"]))
    return JSONResponse(_task(job, backend.now_ns(), making.root_of(request)))


async def delete(backend: Backend, request: Request) -> Response:
    """`DELETE /v1/tasks/{task_id}`: stops a task, or deletes one that ended."""
    _require_headers(request)
    backend.store.delete(_own_id(request.path_params["task_id"]))
    return Response(status_code=204)


async def content(backend: Backend, request: Request) -> Response:
    """The file of a task, at a signed address: no key is looked at."""
    if not request.query_params.get("_jwt"):
        raise ApiError(403, "Missing signature")
    job = backend.store.get(_own_id(request.path_params["name"]))
    return await making.send_file(backend, request, job)


def told(error: ApiError) -> Response:
    """Word an error: a text and no more."""
    body: dict[str, JsonValue] = {"error": error.message}
    if error.param:
        body["issues"] = [{"path": [error.param], "message": error.message}]
    return JSONResponse(body, status_code=error.status, headers=error.headers)


def credits_of(job: StoredJob) -> int:
    """Return what a video costs."""
    return CREDITS_PER_SECOND.get(job.model, USUAL_CREDITS) * job.seconds


def _task(job: StoredJob, now_ns: int, root_url: str) -> dict[str, JsonValue]:
    state = job.state(now_ns)
    body: dict[str, JsonValue] = {
        "id": _task_id(job),
        "status": _STATUS[state.status],
        "createdAt": datetime.fromtimestamp(job.created_ns / NS, UTC).isoformat(),
    }
    if not state.status.is_final:
        running = {"progress": state.progress / 100} if state.status is Status.IN_PROGRESS else {}
        return body | running | {"estimatedCost": {"credits": float(credits_of(job))}}
    withheld = state.status is Status.FAILED and _withheld(job)
    charged = credits_of(job) if state.status is Status.COMPLETED or withheld else 0
    body["cost"] = {"credits": charged}
    if state.status is Status.COMPLETED:
        body["output"] = [f"{root_url}files/{_task_id(job)}.mp4?_jwt=signed"]
    elif state.status is Status.FAILED:
        failure = job.course.failure
        body["failure"] = failure.message if failure else "The task failed."
        body["failureCode"] = _FILTERED if withheld else _BROKEN
    return body


def _withheld(job: StoredJob) -> bool:
    return job.course.failure is not None and "moderation" in job.course.failure.code


def _task_id(job: StoredJob) -> str:
    return str(uuid.UUID(job.id))


def _own_id(task_id: str) -> str:
    return task_id.replace("-", "")


def _require_headers(request: Request) -> None:
    """Raise what the API says without a key or a version."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(401, "Authorization token was not provided.")
    if not request.headers.get(_VERSION):
        raise ApiError(400, "This endpoint requires the X-Runway-Version header.")
