"""The endpoints of the Videos API, and the application that serves them."""

from __future__ import annotations

import secrets
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, Router

from vidobs.core.calls import Operation
from vidobs.dialects.openai import route
from vidobs.sandbox import params, wire
from vidobs.sandbox.body import read_body
from vidobs.sandbox.characters import Character
from vidobs.sandbox.content import check_downloadable, file_answer, wanted_variant
from vidobs.sandbox.creates import make_video
from vidobs.sandbox.errors import ApiError, invalid
from vidobs.sandbox.fault_table import Sending, fault_named
from vidobs.sandbox.pointers import STORED, send_on, stored_elsewhere
from vidobs.sandbox.recorder import Recorder, note_fields
from vidobs.sandbox.sync import create_and_send
from vidobs.sandbox.telling import tell_status, with_headers
from vidobs.sandbox.voice import asked_for, told_error, voice_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from starlette.datastructures import Headers
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from vidobs.sandbox.backend import Backend

    Handler = Callable[[Backend, Request], Awaitable[Response]]

PREFIXES = ("/v1", "/openai/v1", "/openai")  # OpenAI's, Azure's v1 and Azure's older one
POLL_AFTER_MS = 250  # times the time scale
MAX_PAGE = 100
SYNC = "/videos/sync"


def build_app(backend: Backend) -> ASGIApp:
    """Return the ASGI application of one sandbox."""
    router = Router(list(_routes(backend)), redirect_slashes=False)
    app = Starlette(
        routes=[
            Route(STORED, partial(stored_elsewhere, backend)),
            *(Mount(prefix, app=router) for prefix in PREFIXES),
        ],
        exception_handlers={
            ApiError: partial(_on_api_error, backend),
            HTTPException: partial(_on_http_error, backend),
            Exception: partial(_on_bug, backend),  # uvicorn logs it too
        },
    )
    app.router.redirect_slashes = False
    return Recorder(
        app,
        backend.journal,
        backend.settings.clock,
        openai_headers=backend.manner.openai_headers,
    )


def _routes(backend: Backend) -> Iterator[Route]:
    """Yield the routes that servers of the dialect have."""
    dialect = backend.settings.dialect
    if dialect.manner.sync:
        yield _route(backend, SYNC, {"POST": create_and_send})
    for path, handlers in ROUTES.items():
        asked = {method: route(method, path) for method in handlers}
        served = {
            method: handlers[method]
            for method, found in asked.items()
            if found is not None and found.operation not in dialect.lacks
        }
        if served:
            yield _route(backend, path, served)


def _route(backend: Backend, path: str, handlers: Mapping[str, Handler]) -> Route:
    """Return the route of one path, so that a 405 can say all its methods."""

    async def endpoint(request: Request) -> Response:
        if not backend.settings.dialect.keyless:
            _require_key(request.headers)
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](backend, request)

    return Route(path, endpoint, methods=list(handlers))


def _require_key(headers: Headers) -> None:
    """Raise the API's 401 without a bearer token or an `api-key`; any key will do."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if (scheme.lower() == "bearer" and token.strip()) or headers.get("api-key"):
        return
    message = (
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as api-key."
    )
    raise ApiError(401, message, headers={"www-authenticate": "Bearer"})


async def create(backend: Backend, request: Request) -> Response:
    """`POST /videos`."""
    return await make_video(backend, request, Operation.CREATE)


async def remix(backend: Backend, request: Request) -> Response:
    """`POST /videos/{video_id}/remix`."""
    return await make_video(backend, request, Operation.REMIX)


async def edit(backend: Backend, request: Request) -> Response:
    """`POST /videos/edits`."""
    return await make_video(backend, request, Operation.EDIT)


async def extend(backend: Backend, request: Request) -> Response:
    """`POST /videos/extensions`."""
    return await make_video(backend, request, Operation.EXTEND)


async def retrieve(backend: Backend, request: Request) -> Response:
    """`GET /videos/{video_id}`, with a hint when to ask again."""
    job = backend.store.get(asked_for(backend, request))
    now_ns = backend.now_ns()
    poll_after_ms = max(1, round(POLL_AFTER_MS * backend.settings.time_scale))
    openai = backend.manner.openai_headers
    headers = {"openai-poll-after-ms": str(poll_after_ms)} if openai else {}
    return tell_status(job, voice_of(backend, request), now_ns=now_ns, headers=headers)


async def list_videos(backend: Backend, request: Request) -> Response:
    """`GET /videos`, the newest first unless `order=asc`."""
    query = request.query_params
    limit = query.get("limit", str(backend.manner.page_size or MAX_PAGE))
    if not (limit.isascii() and limit.isdigit() and int(limit[:9]) <= MAX_PAGE):
        raise invalid("limit", f"Invalid 'limit': expected 0 to {MAX_PAGE}, got {limit!r}.")
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        raise invalid("order", f"Invalid 'order': expected 'asc' or 'desc', got {order!r}.")
    after = backend.manner.own_id(query.get("after", "")) or None
    page = backend.store.page(after=after, limit=int(limit), descending=order == "desc")
    if page is None:
        raise invalid("after", f"Invalid 'after': no video with id {after!r}.")
    return JSONResponse(wire.page(page, voice_of(backend, request), now_ns=backend.now_ns()))


async def delete(backend: Backend, request: Request) -> Response:
    """`DELETE /videos/{video_id}`, whether the job runs or is finished."""
    job = backend.store.get(asked_for(backend, request))
    told = wire.deleted(job, voice_of(backend, request), now_ns=backend.now_ns())
    backend.store.delete(job.id)
    return JSONResponse(told)


async def content(backend: Backend, request: Request) -> Response:
    """`GET /videos/{video_id}/content`."""
    variant = wanted_variant(request.query_params.get("variant", "video"))
    job = backend.store.get(asked_for(backend, request))
    refused = backend.manner.failed_content_status
    check_downloadable(job, now_ns=backend.now_ns(), failed_status=refused)
    fault = fault_named(job.fault)
    if fault and fault.sending is Sending.ELSEWHERE:
        return send_on(backend, request, job)
    asset = await backend.renders.asset(job, variant)
    answer = file_answer(asset, video_id=job.id, headers=request.headers)
    if fault:
        answer.spoil(
            fault.sending, time_scale=backend.settings.time_scale, stopping=backend.stopping
        )
    return with_headers(answer, job)


async def create_character(backend: Backend, request: Request) -> Response:
    """`POST /videos/characters`."""
    body = await read_body(request, backend.settings.max_body_bytes)
    note_fields(backend.journal, request, body.fields)
    name = params.wanted_name(body.fields)
    if "video" not in body.uploads or await backend.renders.probe(body.uploads["video"]) is None:
        raise invalid("video", "'video' must be an uploaded video file.")
    character = Character(f"char_{secrets.token_hex(16)}", name, backend.now_ns())
    backend.characters.add(character)
    return JSONResponse(character.to_json())


async def get_character(backend: Backend, request: Request) -> Response:
    """`GET /videos/characters/{character_id}`."""
    character = backend.characters.get(request.path_params["character_id"])
    return JSONResponse(character.to_json())


async def _on_api_error(backend: Backend, _request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - starlette calls it with nothing else
    status, body = told_error(backend.manner, error)
    return JSONResponse(body, status_code=status, headers=error.headers)


async def _on_http_error(backend: Backend, request: Request, error: Exception) -> Response:
    """Put an unknown URL or method into the envelope too."""
    assert isinstance(error, HTTPException)  # noqa: S101 - starlette calls it with nothing else
    reason = HTTPStatus(error.status_code).phrase
    message = f"{reason}: {request.method} {request.url.path}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"Invalid URL ({request.method} {request.url.path})"
    told = ApiError(error.status_code, message, headers=error.headers)
    return await _on_api_error(backend, request, told)


async def _on_bug(backend: Backend, request: Request, _error: Exception) -> Response:
    told = ApiError(500, "The sandbox itself failed; its log says why.", kind="server_error")
    return await _on_api_error(backend, request, told)


ROUTES: Mapping[str, Mapping[str, Handler]] = {
    "/videos": {"GET": list_videos, "POST": create},
    "/videos/edits": {"POST": edit},
    "/videos/extensions": {"POST": extend},
    "/videos/characters": {"POST": create_character},
    "/videos/characters/{character_id}": {"GET": get_character},
    "/videos/{video_id}": {"GET": retrieve, "DELETE": delete},
    "/videos/{video_id}/remix": {"POST": remix},
    "/videos/{video_id}/content": {"GET": content},
}
