"""The body of an httpx request, without reading a stream."""

from __future__ import annotations

from typing import Any

import msgspec

_MOST_BYTES = 1 << 20  # of a JSON body that is looked at


def body_of(request: Any) -> dict[str, Any]:
    """Return fields and files of a request."""
    parts = getattr(request.stream, "fields", None)
    if isinstance(parts, list | tuple):
        return _form(parts)
    fields = json_of(request, most_bytes=_MOST_BYTES)
    return {} if fields is None else {"json_data": fields}


def json_of(request: Any, *, most_bytes: int) -> dict[str, Any] | None:
    """Return the JSON object in a body; `None` where there is none, or a larger one."""
    content = getattr(request, "_content", None)  # httpx has no way to ask without raising
    if not isinstance(content, bytes) or not content or len(content) > most_bytes:
        return None
    try:
        fields = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return fields if isinstance(fields, dict) else None


def _form(parts: Any) -> dict[str, Any]:
    fields: dict[str, object] = {}
    files: list[tuple[str, object]] = []
    for part in parts:
        if hasattr(part, "file"):
            files.append((part.name, (getattr(part, "filename", None), part.file)))
        else:
            value = part.value
            fields[part.name] = (
                value.decode("utf-8", "replace") if isinstance(value, bytes) else value
            )
    return {"json_data": fields, "files": files}
