"""Which file of a video is asked for, and which part of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vidobs.sandbox.assets import Variant
from vidobs.sandbox.errors import ApiError, invalid
from vidobs.sandbox.jobs import Status
from vidobs.sandbox.sending import FileAnswer

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from vidobs.sandbox.assets import Asset
    from vidobs.sandbox.jobs import StoredJob


_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to, not including, `end`."""

    start: int
    end: int


def wanted_variant(text: str) -> Variant:
    """Return the variant of that name; raises the API's 400 for one that there is not."""
    try:
        return Variant(text)
    except ValueError:
        known = ", ".join(f"'{variant}'" for variant in Variant)
        message = f"Invalid value: '{text}'. Supported values are: {known}."
        raise invalid("variant", message) from None


def check_downloadable(job: StoredJob, *, now_ns: int, failed_status: int = 404) -> None:
    """Raise the API's 404 while there is no content, or when it is gone or never was."""
    state = job.state(now_ns)
    if state.status.is_final and state.status is not Status.COMPLETED:
        message = f"Video '{job.id}' is {state.status}; it has no content."
        raise ApiError(failed_status, message, param="video_id", code=f"video_{state.status}")
    if state.status is not Status.COMPLETED:
        message = "Video is not ready yet, use GET /v1/videos/{video_id} to check status."
        raise ApiError(404, message, param="video_id", code="video_not_ready")
    if state.is_expired(now_ns):
        message = f"The content of video '{job.id}' has expired."
        raise ApiError(404, message, param="video_id", code="video_expired")


def file_answer(asset: Asset, *, video_id: str, headers: Headers) -> FileAnswer:
    """Return the answer with a file, or with the part that `Range` asks for (RFC 9110, 14)."""
    size = len(asset.data)
    etag = f'"{hashlib.sha256(asset.data).hexdigest()[:32]}"'
    same = headers.get("if-range", etag) == etag
    part = wanted_part(headers.get("range"), size) if same else None
    sent = part or Part(0, size)
    answer = FileAnswer(
        memoryview(asset.data)[sent.start : sent.end],
        status_code=206 if part else 200,
        media_type=asset.media_type,
        headers={
            "content-disposition": f'attachment; filename="{video_id}.{asset.suffix}"',
            "accept-ranges": "bytes",
            "etag": etag,
        },
    )
    if part:
        answer.headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{size}"
    return answer


def wanted_part(header: str | None, size: int) -> Part | None:
    """Return the part that a `Range` header asks for; `None` means the whole file.

    A header that is malformed or asks for several parts is ignored, as RFC 9110 allows. Raises the
    416 for a part that is not in the file.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        part = Part(max(0, size - int(match[2])), size)
    else:
        part = Part(int(match[1]), min(size, int(match[2] or size) + 1))
        if match[2] and int(match[2]) < int(match[1]):
            return None
    if part.start >= part.end:
        message = f"The requested range {header!r} is not within the {size} bytes of the file."
        raise ApiError(416, message, headers={"content-range": f"bytes */{size}"})
    return part
