"""Answers that are a file, or say where one is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.jobs import AssetState, JobSnapshot
from vidobs.dialects.answers import read_video
from vidobs.dialects.wire import WireVideo

if TYPE_CHECKING:
    from collections.abc import Mapping

_VIDEO = "video/"
_ADDRESS = re.compile(r"https?://\S+")
_decode = msgspec.json.Decoder().decode


def made_at_once(headers: Mapping[str, str]) -> JobSnapshot | None:
    """Return what the headers say of a job whose create was answered with the video itself.

    vLLM-Omni's `POST /v1/videos/sync` does; it keeps no copy. `None` for any other answer.
    """
    if not headers.get("content-type", "").startswith(_VIDEO):
        return None
    seen = read_video(
        WireVideo(
            id=headers.get("x-request-id"),
            status="completed",
            model=headers.get("x-model"),
            inference_time_s=headers.get("x-inference-time-s"),
            peak_memory_mb=headers.get("x-peak-memory-mb"),
            stage_durations=_decoded(headers.get("x-stage-durations", "")),
        )
    )
    return msgspec.structs.replace(seen, asset=AssetState.DOWNLOADED)


def pointer_in(body: bytes) -> str | None:
    """Return the address of a file that a server tells in an error instead of sending the file.

    SGLang does, in `detail`, for a video that it has put into cloud storage.
    """
    found = _decoded(body)
    detail = found.get("detail") if isinstance(found, dict) else None
    match = _ADDRESS.search(detail) if isinstance(detail, str) else None
    return None if match is None else match[0]


def _decoded(given: bytes | str) -> object:
    try:
        return _decode(given)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
