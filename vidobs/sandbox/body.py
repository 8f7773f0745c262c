"""Reading a request's body: JSON, multipart or a plain form, as one kind of fields.

Form fields with brackets are nested as the official SDK writes them: `input_reference[image_url]`
is a member of an object, `characters[][id]` one of an object in a list. Other clients put the
whole object into one field as JSON text; that is read too.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from vidobs.sandbox.errors import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from starlette.datastructures import Headers
    from starlette.requests import Request

    from vidobs.sandbox.records import JsonValue

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_OBJECTS = frozenset({"characters", "input_reference", "video"})  # never plain text
_MAX_DEPTH = 8
_MAX_JSON_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of one request. An upload is described in `fields` and held in `uploads`."""

    fields: Mapping[str, JsonValue] = field(default_factory=dict)
    uploads: Mapping[str, bytes] = field(default_factory=dict)


async def read_body(request: Request, max_bytes: int) -> Body:
    """Read and parse a body; raises the API's 400, 413 or 415."""
    raw = await _read_bytes(request, max_bytes)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        parser = MultiPartParser(request.headers, _once(raw), max_part_size=max_bytes)
        # A file in memory needs neither a disk nor a thread; the whole body is in memory anyway.
        parser.spool_max_size = max_bytes
        return await _parse_form(parser)
    if kind == "application/x-www-form-urlencoded":
        return await _parse_form(FormParser(request.headers, _once(raw)))
    if not kind and not raw:
        return Body()
    if kind in {"application/json", ""}:
        return Body(parse_json(raw))
    message = f"Unsupported content type {kind!r}; use application/json or multipart/form-data."
    raise ApiError(415, message)


async def _read_bytes(request: Request, max_bytes: int) -> bytes:
    _refuse_above(max_bytes, _declared_length(request.headers))
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        _refuse_above(max_bytes, len(raw))
    return bytes(raw)


def _declared_length(headers: Headers) -> int:
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _refuse_above(max_bytes: int, size_bytes: int) -> None:
    if size_bytes > max_bytes:
        message = f"The request body is larger than {max_bytes} bytes."
        raise ApiError(413, message, code="request_too_large")


def parse_json(raw: bytes) -> dict[str, JsonValue]:
    """Parse a JSON object; raises the API's 400 for anything else."""
    try:
        value = json.loads(raw.decode())
        _check_json(value, _MAX_JSON_DEPTH)
    except (ValueError, RecursionError) as error:
        message = "We could not parse the JSON body of your request."
        raise ApiError(400, message) from error
    if not isinstance(value, dict):
        message = f"The body must be a JSON object, got {type(value).__name__}."
        raise ApiError(400, message)
    return value


def _check_json(value: JsonValue, levels: int) -> None:
    """Raise `ValueError` for lone surrogates, which no answer could repeat, and deep nesting."""
    if levels == 0:
        message = "nested too deep"
        raise ValueError(message)
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list):
        for member in value:
            _check_json(member, levels - 1)
    elif isinstance(value, dict):
        for name, member in value.items():
            name.encode()
            _check_json(member, levels - 1)


async def _once(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw
    yield b""


async def _parse_form(parser: MultiPartParser | FormParser) -> Body:
    try:
        form = await parser.parse()
    except (MultiPartException, LookupError, ValueError) as error:
        message = f"We could not parse the form of your request: {error}"
        raise ApiError(400, message) from error
    try:
        return await _from_form(form)
    finally:
        await form.close()


async def _from_form(form: FormData) -> Body:
    pairs: list[tuple[str, JsonValue]] = []
    uploads: dict[str, bytes] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            uploads[name] = await value.read()
            pairs.append((name, _describe(value, uploads[name])))
        else:
            pairs.append((name, _object_in(value) if name in _OBJECTS else value))
    return Body(nest(pairs), uploads)


def _object_in(text: str) -> JsonValue:
    """Return the object or list that a form field holds as JSON, or else the text itself."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    return parse_json(b'{"it":%s}' % text.encode())["it"]


def _describe(upload: UploadFile, data: bytes) -> JsonValue:
    return {
        "filename": upload.filename,
        "content_type": upload.content_type,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def nest(pairs: Iterable[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Build nested fields from form names with brackets.

    The last of two equal names wins; `name[]` collects. Raises the API's 400 for a name that is
    malformed, deeper than 8, or both a value and an object.
    """
    fields: dict[str, JsonValue] = {}
    for name, value in pairs:
        _put(fields, name, _path(name), value)
    return fields


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise invalid(name, f"Malformed field name {name!r}.")
    path = [match[1], *_BRACKET.findall(match[2])]
    if len(path) > _MAX_DEPTH:
        raise invalid(name, f"Field name {name!r} is nested deeper than {_MAX_DEPTH}.")
    return path


def _put(fields: dict[str, JsonValue], name: str, path: list[str], value: JsonValue) -> None:
    """Store a value at a path such as `["characters", "", "id"]`; "" is a list."""
    here: JsonValue = fields
    for key, deeper in pairwise(path):
        here = _step(here, name, key, [] if deeper == "" else {}, path[-1])
    if isinstance(here, list) and path[-1] == "":
        here.append(value)
    elif isinstance(here, dict) and path[-1] != "":
        here[path[-1]] = value
    else:
        raise _conflict(name)


def _step(here: JsonValue, name: str, key: str, empty: JsonValue, leaf: str) -> JsonValue:
    """Go one level down, making the level when it is not there yet."""
    if isinstance(here, dict) and key != "":
        return here.setdefault(key, empty)
    if isinstance(here, list) and key == "":
        last = here[-1] if here else None
        if not isinstance(last, type(empty)) or (isinstance(last, dict) and leaf in last):
            here.append(empty)
        return here[-1]
    raise _conflict(name)


def _conflict(name: str) -> ApiError:
    return invalid(name, f"Field {name!r} is used both as a value and as an object or list.")
