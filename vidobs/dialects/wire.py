"""The fields of an answer that are read, whatever shape the answer comes in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class WireVideo(msgspec.Struct, gc=False):
    """A video as it stands on the wire: every field may be missing or of any type."""

    id: object = None
    kind: object = msgspec.field(name="object", default=None)
    status: object = None
    progress: object = None
    model: object = None
    created_at: object = None
    completed_at: object = None
    expires_at: object = None
    seconds: object = None
    size: object = None
    error: object = None
    prompt: object = None
    remixed_from_video_id: object = None
    deleted: object = None
    # What servers other than OpenAI add. Objects of an SDK keep these apart.
    task_id: object = None  # new-api
    finished_at: object = None
    detail: object = None  # FastAPI
    failure_reason: object = None  # Azure's older jobs
    fail_reason: object = None  # new-api
    fps: object = None
    duration_s: object = None  # vLLM-Omni
    inference_time_s: object = None  # vLLM-Omni, SGLang
    usage: object = None  # new-api, OpenRouter
    cost: object = None  # Merge, Eden AI


class WireKey(msgspec.Struct, gc=False):
    """What tells one poll from the next."""

    status: object = None
    progress: object = None


_FIELDS = tuple(zip(WireVideo.__struct_fields__, WireVideo.__struct_encode_fields__, strict=True))
_OWN = tuple(name for _, name in _FIELDS[: WireVideo.__struct_fields__.index("task_id")])
_ADDED = tuple(name for _, name in _FIELDS[len(_OWN) :])
_NONE: Mapping[str, object] = MappingProxyType({})


def wire_of(data: object) -> WireVideo:
    """Return the fields of a mapping or of an object's attributes."""
    if isinstance(data, WireVideo):
        return data
    if isinstance(data, Mapping):
        get = data.get
        return WireVideo(*[get(name) for name in _OWN], *[get(name) for name in _ADDED])
    # A pydantic model tells what it has beyond its class; asking it for what it has not is slow.
    added = getattr(data, "__pydantic_extra__", data)
    if added is data:
        more = [getattr(data, name, None) for name in _ADDED]
    else:
        get = (added if isinstance(added, Mapping) else _NONE).get
        more = [get(name) for name in _ADDED]
    return WireVideo(*[getattr(data, name, None) for name in _OWN], *more)


def field(data: object, name: str) -> object:
    """Return one field of a mapping or of an object."""
    if isinstance(data, Mapping):
        return data.get(name)
    return getattr(data, name, None)
