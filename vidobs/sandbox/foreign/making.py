"""What every API has in common: a request becomes a job, and a finished job has a file."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from vidobs.core.tiers import frame
from vidobs.sandbox.assets import Variant
from vidobs.sandbox.body import read_body
from vidobs.sandbox.content import check_downloadable, file_answer
from vidobs.sandbox.errors import ApiError, invalid
from vidobs.sandbox.fates import fate_of
from vidobs.sandbox.fault_table import fault_named
from vidobs.sandbox.jobs import Size, StoredJob
from vidobs.sandbox.params import SIDES
from vidobs.sandbox.recorder import note_fields
from vidobs.sandbox.spoiled import spoil

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.params import Wanted
    from vidobs.sandbox.records import JsonValue

    Fields = Mapping[str, JsonValue]
    Endpoint = Callable[[Request], Awaitable[Response]]
    Handler = Callable[[Backend, Request], Awaitable[Response]]
    Tell = Callable[[ApiError], Response]
    """How an API words an error."""


async def fields_of(backend: Backend, request: Request) -> Fields:
    """Return the JSON body of a request, and write it into the journal."""
    body = await read_body(request, backend.settings.max_body_bytes)
    note_fields(backend.journal, request, body.fields)
    return body.fields


def accept(backend: Backend, request: Request, wanted: Wanted) -> StoredJob:
    """Keep a new job; raises the error that its fault begins with."""
    fate = fate_of(backend, wanted, header=request.headers.get("x-sandbox-fault"))
    if fate.refusal:
        raise fate.refusal
    fault = fate.entry.fault
    job = StoredJob(
        id=secrets.token_hex(16),
        operation=wanted.operation,
        model=wanted.model,
        prompt=wanted.prompt,
        seconds=wanted.seconds,
        size=wanted.size,
        created_ns=backend.now_ns(),
        course=fate.plan,
        source_id=wanted.source_id,
        fault=fault.name if fault else None,
        file_seconds=fate.entry.file_seconds,
        digests={},
    )
    backend.store.add(job)
    return job


def answer_of(backend: Backend, job: StoredJob, answer: Response) -> Response:
    """Return the answer to a create, as far as its fault lets it through."""
    fault = fault_named(job.fault)
    return spoil(
        answer,
        fault.spoil if fault else None,
        time_scale=backend.settings.time_scale,
        stopping=backend.stopping,
    )


async def send_file(backend: Backend, request: Request, job: StoredJob) -> Response:
    """Answer with the finished video."""
    check_downloadable(job, now_ns=backend.now_ns())
    asset = await backend.renders.asset(job, Variant.VIDEO)
    answer = file_answer(asset, video_id=job.id, headers=request.headers)
    fault = fault_named(job.fault)
    if fault:
        answer.spoil(
            fault.sending, time_scale=backend.settings.time_scale, stopping=backend.stopping
        )
    return answer


def worded(endpoint: Endpoint, tell: Tell) -> Endpoint:
    """Return an endpoint whose errors are worded as its API does."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            return tell(error)
        except HTTPException as error:
            return tell(ApiError(error.status_code, error.detail))

    return answer


def root_of(request: Request) -> str:
    """Return the address that a client asked; one that knew a name came by TLS."""
    url = request.base_url
    by_number = (url.hostname or "").replace(".", "").isdigit() or url.hostname == "localhost"
    return str(url if by_number else url.replace(scheme="https"))


def text_in(fields: Fields, name: str) -> str:
    """Return a text that must be there; raises the 400."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(name, f"'{name}' must be a text that is not empty.")
    return value


def seconds_in(value: JsonValue, usual: int) -> int:
    """Return a length, sent as a number or as a text such as "8" or "8s"."""
    written = str(value).removesuffix("s") if isinstance(value, int | float | str) else ""
    try:
        return max(1, round(float(written)))
    except ValueError:
        return usual


def drawable(size: str | None, usual: Size) -> Size:
    """Return a size that can be rendered; one that is too large is halved."""
    pixels = frame(size) if size else None
    if pixels is None:
        return usual
    width, height = pixels
    while max(width, height) > SIDES[-1]:
        width, height = width // 2, height // 2
    return Size(width - width % 2, height - height % 2)
