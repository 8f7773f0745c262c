"""Answers that a caller made up with `mock_response=`: nothing is sent, nothing is recorded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vidobs.core.errors import ConfigError
from vidobs.sdk.functions._video_object import (
    CHARACTER_DEFAULTS,
    VIDEO_DEFAULTS,
    CharacterObject,
    ListedVideo,
    ResponseObject,
    VideoObject,
    page_of,
)

_FREE = {"response_cost": 0.0}


def video(given: object) -> VideoObject:
    """Return a video: from a mapping, its JSON text, or an object.

    Raises:
        ConfigError: it is none.
    """
    return VideoObject({**VIDEO_DEFAULTS, **_fields(given)}, _FREE)


def character(given: object) -> CharacterObject:
    """Return a character, from the same."""
    return CharacterObject({**CHARACTER_DEFAULTS, **_fields(given, "a character")}, _FREE)


def page(given: object) -> dict[str, Any]:
    """Return a page of a list: from a page, or from a list of videos."""
    told = _decoded(given)
    if isinstance(told, Mapping):
        return dict(told)
    if not isinstance(told, list | tuple):
        raise ConfigError("mock_response must be a list of videos, or a page with them as `data`")
    return page_of([ListedVideo(_fields(item)) for item in told])


def content(given: object) -> bytes:
    """Return the bytes of a download."""
    if not isinstance(given, bytes):
        raise ConfigError("mock_response of a download must be bytes")
    return given


def _fields(given: object, what: str = "a video") -> Mapping[str, Any]:
    told = _decoded(given)
    fields = told.json() if isinstance(told, ResponseObject) else told
    if not isinstance(fields, Mapping):
        raise ConfigError(f"mock_response must be {what}: a mapping, its JSON text, or an object")
    return fields


def _decoded(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return None
