"""The fields of an answer that are read, whatever shape the answer comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    # What servers other than OpenAI add.
    task_id: object = None  # new-api
    finished_at: object = None
    detail: object = None  # FastAPI
    failure_reason: object = None  # Azure's older jobs
    fail_reason: object = None  # new-api
    fps: object = None
    duration_s: object = None  # vLLM-Omni
    inference_time_s: object = None  # vLLM-Omni, SGLang
    peak_memory_mb: object = None  # the same
    stage_durations: object = None  # vLLM-Omni
    usage: object = None  # new-api, OpenRouter
    cost: object = None  # Merge, Eden AI


class WireKey(msgspec.Struct, gc=False):
    """What tells one poll from the next."""

    status: object = None
    progress: object = None


_NAMES = WireVideo.__struct_encode_fields__


def wire_of(data: object) -> WireVideo:
    """Return the fields of a mapping or of an object's attributes."""
    if isinstance(data, WireVideo):
        return data
    if isinstance(data, Mapping):
        return WireVideo(*map(data.get, _NAMES))
    # A pydantic model keeps what its class knows in `__dict__` and the rest beside it; asking it
    # for an attribute that it has not is slow.
    added: Any = getattr(data, "__pydantic_extra__", data)
    if added is data:
        return WireVideo(*[getattr(data, name, None) for name in _NAMES])
    fields = {**vars(data), **added} if added else vars(data)
    return WireVideo(*map(fields.get, _NAMES))


def field(data: object, name: str) -> object:
    """Return one field of a mapping or of an object."""
    if isinstance(data, Mapping):
        return data.get(name)
    return getattr(data, name, None)
