"""A server of Google's APIs for videos: long-running operations (Veo) and interactions (Omni).

https://ai.google.dev/gemini-api/docs/video and https://ai.google.dev/api/interactions-api
"""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vidobs.core.calls import Operation
from vidobs.dialects.gemini_requests import size as size_of
from vidobs.sandbox.assets import Variant
from vidobs.sandbox.errors import invalid, no_such_video
from vidobs.sandbox.foreign import google, interactions, making
from vidobs.sandbox.jobs import Size, Status
from vidobs.sandbox.params import Wanted

if TYPE_CHECKING:
    from starlette.requests import Request

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.jobs import StoredJob
    from vidobs.sandbox.records import JsonValue

USUAL_SECONDS, USUAL_SIZE = 8, Size(1280, 720)
_GOOGLES = "publishers/google/"
_PROJECT = f"projects/{{project}}/locations/{{location}}/{_GOOGLES}"
_MODEL = "models/{model:str}"
_INTERNAL, _CANCELLED = 13, 1
_BLOCKED = "We encountered an issue with the safety of the video. Support codes: 58061214"


def routes(backend: Backend) -> list[Route]:
    """Return the routes of the API; a path begins with any version."""

    def on(path: str, handler: making.Handler, method: str) -> Route:
        endpoint = making.worded(partial(handler, backend), google.told)
        return Route(f"/{{version}}/{path}", endpoint, methods=[method])

    return [
        on("interactions", interactions.create, "POST"),
        on("interactions/{id}", interactions.retrieve, "GET"),
        on("interactions/{id}", interactions.delete, "DELETE"),
        on("interactions/{id}/cancel", interactions.cancel, "POST"),
        on(f"{_MODEL}:predictLongRunning", create, "POST"),
        on(f"{_MODEL}/operations/{{id}}", retrieve, "GET"),
        on(f"{_GOOGLES}{_MODEL}:predictLongRunning", create, "POST"),
        on(f"{_GOOGLES}{_MODEL}:fetchPredictOperation", fetch, "POST"),
        on(f"{_PROJECT}{_MODEL}:predictLongRunning", create, "POST"),
        on(f"{_PROJECT}{_MODEL}:fetchPredictOperation", fetch, "POST"),
        on("files/{id}:download", content, "GET"),
    ]


async def create(backend: Backend, request: Request) -> Response:
    """`POST models/{model}:predictLongRunning`."""
    google.require_key(request)
    fields = await making.fields_of(backend, request)
    instances, given = fields.get("instances"), fields.get("parameters")
    instance = instances[0] if isinstance(instances, list) and instances else None
    if not isinstance(instance, dict):
        raise invalid("instances", "instances is required")
    asked = given if isinstance(given, dict) else {}
    size = size_of(_text(asked.get("aspectRatio")), _text(asked.get("resolution")))
    wanted = Wanted(
        operation=Operation.CREATE,
        model=request.path_params["model"],
        prompt=making.text_in(instance, "prompt"),
        seconds=making.seconds_in(asked.get("durationSeconds"), USUAL_SECONDS),
        size=making.drawable(size, USUAL_SIZE),
    )
    job = making.accept(backend, request, wanted)
    name = request.url.path.partition("/")[2].partition("/")[2].partition(":")[0]
    return making.answer_of(backend, job, JSONResponse({"name": f"{name}/operations/{job.id}"}))


async def retrieve(backend: Backend, request: Request) -> Response:
    """`GET models/{model}/operations/{id}`: the file is to be had at an address."""
    google.require_key(request)
    job = backend.store.get(request.path_params["id"])
    name = f"models/{job.model}/operations/{job.id}"
    sample: JsonValue = {"video": {"uri": google.file_url(request, job)}}
    return JSONResponse(
        _operation(job, backend.now_ns(), name, made={"generatedSamples": [sample]})
    )


async def fetch(backend: Backend, request: Request) -> Response:
    """`POST ...:fetchPredictOperation`: the file comes along."""
    google.require_key(request)
    name = making.text_in(await making.fields_of(backend, request), "operationName")
    job = backend.store.get(name.rpartition("/")[2])
    now_ns = backend.now_ns()
    made: JsonValue = None
    if job.state(now_ns).status is Status.COMPLETED:
        asset = await backend.renders.asset(job, Variant.VIDEO)
        encoded = base64.b64encode(asset.data).decode()
        made = [{"bytesBase64Encoded": encoded, "mimeType": asset.media_type}]
    return JSONResponse(_operation(job, now_ns, name, made=made))


async def content(backend: Backend, request: Request) -> Response:
    """`GET files/{id}:download?alt=media`."""
    google.require_key(request)
    if request.query_params.get("alt") != "media":
        raise no_such_video(request.path_params["id"])
    job = backend.store.get(request.path_params["id"])
    return await making.send_file(backend, request, job)


def _operation(job: StoredJob, now_ns: int, name: str, *, made: JsonValue) -> dict[str, JsonValue]:
    status = job.state(now_ns).status
    if not status.is_final:
        return {"name": name}
    body: dict[str, JsonValue] = {"name": name, "done": True}
    vertex = _GOOGLES in name
    if status is Status.COMPLETED:
        body["response"] = {"videos": made} if vertex else {"generateVideoResponse": made}
    elif status is not Status.FAILED:
        body["error"] = {"code": _CANCELLED, "message": "Operation was cancelled."}
    elif job.course.failure is not None and "moderation" in job.course.failure.code:
        nothing: JsonValue = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [_BLOCKED]}
        body["response"] = nothing if vertex else {"generateVideoResponse": nothing}
    else:
        message = job.course.failure.message if job.course.failure else "It failed."
        body["error"] = {"code": _INTERNAL, "message": message}
    return body


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
