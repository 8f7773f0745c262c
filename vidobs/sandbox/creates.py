"""The requests that make a video: create, remix, edit and extend.

All take the same way: read the body, look for an earlier request with the same Idempotency-Key,
check the parameters, meet a fault, keep the job, answer.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.calls import Operation
from vidobs.dialects.rows import Bodies
from vidobs.sandbox import params
from vidobs.sandbox.body import Body, read_body
from vidobs.sandbox.errors import ApiError, invalid, missing
from vidobs.sandbox.fates import fate_of
from vidobs.sandbox.fault_table import fault_named
from vidobs.sandbox.jobs import NS, Status, StoredJob
from vidobs.sandbox.recorder import note_fields
from vidobs.sandbox.spoiled import spoil
from vidobs.sandbox.telling import tell_accepted
from vidobs.sandbox.voice import asked_for, voice_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from vidobs.sandbox.backend import Backend
    from vidobs.sandbox.mp4 import Probe
    from vidobs.sandbox.params import Wanted
    from vidobs.sandbox.records import JsonValue
    from vidobs.sandbox.voice import Voice

MAX_EXTENDED_SECONDS = 120
_REFERENCE = "input_reference"
_MULTIPART = "multipart/form-data"
KEY_LIFE_S = 86_400  # times the time scale; after it an Idempotency-Key makes a new job


async def make_video(backend: Backend, request: Request, operation: Operation) -> Response:
    """Answer a request that makes a video; raises the API's errors."""
    body = await _read(backend, request)
    source_id = asked_for(backend, request) if "video_id" in request.path_params else None
    digests = digest({**body.fields, "the operation": str(operation), "the source": source_id})
    key = request.headers.get("idempotency-key") or None
    probe = await _probe(backend, body)
    voice = voice_of(backend, request)
    # Nothing below awaits: of two requests with one key, one makes the job, the other replays it.
    since_ns = backend.now_ns() - round(KEY_LIFE_S * backend.settings.time_scale * NS)
    known = key if backend.manner.honours_keys else None
    if earlier := backend.store.with_key(known, since_ns=since_ns):
        return _replay(backend, earlier, digests, voice)
    wanted = _check(backend, operation, body, source=source_id, probe=probe)
    job = accept(backend, request, wanted, digests=digests)
    fault = fault_named(job.fault)
    return spoil(
        tell_accepted(job, voice),
        fault.spoil if fault else None,
        time_scale=backend.settings.time_scale,
        stopping=backend.stopping,
    )


async def read_create(backend: Backend, request: Request) -> Wanted:
    """Return what a create asks for; raises the API's errors."""
    return _wanted(backend, await _read(backend, request))


def accept(
    backend: Backend,
    request: Request,
    wanted: Wanted,
    *,
    digests: Mapping[str, str] = MappingProxyType({}),
    new_id: Callable[[str], str] | None = None,
) -> StoredJob:
    """Decide what becomes of a request, and keep its job; raises the error that refuses it."""
    fate = fate_of(backend, wanted, header=request.headers.get("x-sandbox-fault"))
    if backend.recording:
        backend.recording.add(wanted, fate.entry, now_ns=backend.now_ns())
    if fate.refusal:
        raise fate.refusal
    fault = fate.entry.fault
    job = StoredJob(
        id=(new_id or backend.manner.new_id)(secrets.token_hex(16)),
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
        idempotency_key=request.headers.get("idempotency-key") or None,
        digests=digests,
    )
    backend.store.add(job)
    if backend.courier:
        backend.courier.expect(job)
    return job


def _wanted(backend: Backend, body: Body) -> Wanted:
    plain = backend.settings.dialect.url_reference == (_REFERENCE,)
    return params.wanted_create(body, plain_reference=plain)


async def _read(backend: Backend, request: Request) -> Body:
    """Read a body; a server of forms sees nothing in any other."""
    body = await read_body(request, backend.settings.max_body_bytes)
    kind = request.headers.get("content-type", "")
    if backend.settings.dialect.bodies is Bodies.FORM and not kind.startswith(_MULTIPART):
        body = Body()
    note_fields(backend.journal, request, body.fields)
    return body


def _replay(
    backend: Backend, earlier: StoredJob, digests: Mapping[str, str], voice: Voice
) -> Response:
    """Answer as the first time; raises the API's 400 when the parameters are not the same."""
    names = earlier.digests.keys() | digests.keys()
    other = sorted(name for name in names if earlier.digests.get(name) != digests.get(name))
    if other:
        message = (
            "This Idempotency-Key was already used with different parameters; "
            f"not the same: {', '.join(other)}."
        )
        raise ApiError(400, message, param=other[0], code="idempotency_key_reused")
    backend.store.count_replay(earlier)
    answer = tell_accepted(earlier, voice)
    answer.headers["idempotent-replayed"] = "true"
    return answer


def digest(fields: Mapping[str, JsonValue]) -> dict[str, str]:
    """Return a digest of each field; the same for JSON and forms, where numbers are text."""
    return {
        name: hashlib.sha256(json.dumps(_as_text(value), sort_keys=True).encode()).hexdigest()
        for name, value in fields.items()
        if value is not None
    }


def _as_text(value: JsonValue) -> JsonValue:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return [_as_text(member) for member in value]
    if isinstance(value, dict):
        return {name: _as_text(member) for name, member in value.items()}
    return value


def _check(
    backend: Backend,
    operation: Operation,
    body: Body,
    *,
    source: str | None,
    probe: Probe | None,
) -> Wanted:
    """Check the parameters of an operation; raises the API's 400 and 404."""
    if operation is Operation.CREATE:
        return _wanted(backend, body)
    if operation is not Operation.REMIX:
        named = params.source_of(body)
        source = None if named is None else backend.manner.own_id(named)
    origin = _finished(backend, source) if source is not None else _uploaded(probe)
    wanted = replace(origin, operation=operation, prompt=params.wanted_prompt(body.fields))
    return _extended(wanted, body) if operation is Operation.EXTEND else wanted


def _finished(backend: Backend, video_id: str) -> Wanted:
    """Return what a finished video was made of."""
    job = backend.store.get(video_id)
    if job.state(backend.now_ns()).status is not Status.COMPLETED:
        message = f"Video '{video_id}' is not completed; only a completed video can be used."
        raise invalid("video_id", message, code="video_not_ready")
    return params.Wanted(
        operation=job.operation,
        model=job.model,
        prompt=job.prompt,
        seconds=job.seconds,
        size=job.size,
        source_id=job.id,
    )


async def _probe(backend: Backend, body: Body) -> Probe | None:
    video = body.uploads.get("video")
    return None if video is None else await backend.renders.probe(video)


def _uploaded(probe: Probe | None) -> Wanted:
    """Return what an uploaded video is like."""
    if probe is None:
        raise invalid("video", "The uploaded 'video' could not be read as a video file.")
    if not {probe.size.width, probe.size.height} <= set(params.SIDES):
        message = f"The uploaded 'video' is {probe.size}; {params.SIDES_RULE}."
        raise invalid("video", message)
    return params.Wanted(
        operation=Operation.EDIT,
        model=params.DEFAULT_MODEL,
        prompt="",
        seconds=max(1, min(params.MAX_SECONDS, round(probe.seconds))),
        size=probe.size,
    )


def _extended(wanted: Wanted, body: Body) -> Wanted:
    """Return the video with its extension: the API counts the stitched total."""
    added = params.wanted_seconds(body.fields)
    if added is None:
        raise missing("seconds")
    total = wanted.seconds + added
    if total > MAX_EXTENDED_SECONDS:
        message = f"The extended video would be {total} s; at most {MAX_EXTENDED_SECONDS} s."
        raise invalid("seconds", message)
    return replace(wanted, seconds=total)
