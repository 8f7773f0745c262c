"""Checking the parameters of a request that makes a video."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidobs.core.calls import Operation
from vidobs.sandbox.errors import invalid, missing
from vidobs.sandbox.jobs import Size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.sandbox.body import Body
    from vidobs.sandbox.records import JsonValue

    Fields = Mapping[str, JsonValue]

DEFAULT_MODEL = "sora-2"
DEFAULT_SECONDS = 4
DEFAULT_SIZE = Size(720, 1280)
MAX_SECONDS = 60
MAX_PROMPT = 32_000
MAX_MODEL = 256
MAX_NAME = 80  # of a character
SIDES = range(16, 1921, 2)
SIDES_RULE = f"width and height must be even, from {SIDES[0]} to {SIDES[-1]}"

_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A video that somebody asked for, checked and with the defaults filled in."""

    operation: Operation
    model: str
    prompt: str
    seconds: int
    size: Size
    source_id: str | None = None


def wanted_create(body: Body, *, plain_reference: bool = False) -> Wanted:
    """Check the parameters of a create; raises the API's 400. Unknown parameters are accepted.

    `plain_reference`: a picture to start from may be its bare address.
    """
    fields = body.fields
    prompt = wanted_prompt(fields)
    reference = fields.get("input_reference")
    bare = plain_reference and isinstance(reference, str)
    if "input_reference" not in body.uploads and not bare:
        _check_reference(reference)
    _check_characters(fields.get("characters"))
    return Wanted(
        operation=Operation.CREATE,
        model=_text(fields, "model", MAX_MODEL) or DEFAULT_MODEL,
        prompt=prompt,
        seconds=wanted_seconds(fields) or DEFAULT_SECONDS,
        size=_size(fields),
    )


def wanted_prompt(fields: Fields) -> str:
    """Return the prompt; raises the API's 400 when it is missing, empty or too long."""
    prompt = _text(fields, "prompt", MAX_PROMPT)
    if prompt is None:
        raise missing("prompt")
    return prompt


def wanted_name(fields: Fields) -> str:
    """Return the name of a character; raises the API's 400."""
    name = _text(fields, "name", MAX_NAME)
    if name is None:
        raise missing("name")
    return name


def wanted_seconds(fields: Fields) -> int | None:
    """Return the length in seconds, sent as a string or a number; `None` when it was not sent."""
    value = fields.get("seconds")
    if value is None:
        return None
    text = str(value) if isinstance(value, (int, str)) else ""
    if re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= MAX_SECONDS:
        return int(text)
    message = f"Invalid value: {value!r}. 'seconds' must be a whole number from 1 to {MAX_SECONDS}."
    raise invalid("seconds", message)


def _size(fields: Fields) -> Size:
    value = fields.get("size")
    if value is None:
        return DEFAULT_SIZE
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match and int(match[1]) in SIDES and int(match[2]) in SIDES:
        return Size(int(match[1]), int(match[2]))
    message = f"Invalid value: {value!r}. 'size' is written like 720x1280; {SIDES_RULE}."
    raise invalid("size", message)


def _text(fields: Fields, name: str, limit: int) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(name, f"Invalid type for '{name}': expected a string.", code="invalid_type")
    if not 1 <= len(value) <= limit:
        message = f"Invalid '{name}': its length must be 1 to {limit}, got {len(value)}."
        raise invalid(name, message)
    return value


def _check_reference(value: JsonValue) -> None:
    """Accept nothing, or an object with exactly one of `image_url` and `file_id`."""
    if value is None:
        return
    members = value if isinstance(value, dict) else {}
    given = [members[name] for name in ("image_url", "file_id") if name in members]
    if len(given) != 1 or not isinstance(given[0], str):
        message = "'input_reference' must be a file, or have exactly one of image_url and file_id."
        raise invalid("input_reference", message)


def _check_characters(value: JsonValue) -> None:
    """Accept nothing, or a list of objects with an `id`; whether there is one is not looked up."""
    members = [] if value is None else value if isinstance(value, list) else [None]
    for member in members:
        if not (isinstance(member, dict) and isinstance(member.get("id"), str)):
            raise invalid("characters", "'characters' must be a list of objects with an id.")


def source_of(body: Body) -> str | None:
    """Return the id in `video`, or `None` when a file was uploaded; raises the API's 400."""
    if "video" in body.uploads:
        return None
    value = body.fields.get("video")
    if value is None:
        raise missing("video")
    video_id = value.get("id") if isinstance(value, dict) else None
    if not isinstance(video_id, str):
        raise invalid("video", "'video' must be a file or have an id.")
    return video_id
