"""Reads what the openai SDK returns, in whatever wrapper, and never reads a stream early."""

from __future__ import annotations

import json
from enum import Enum, auto
from importlib import import_module
from typing import Any

import msgspec

from vidobs.sdk._streams import FLAVOURS, flavour_of

_RESPONSE_MODULES = ("openai._response", "openai._legacy_response")


class Shape(Enum):
    """What kind of object the SDK returned."""

    VALUE = auto()  # a parsed model
    WRAPPER = auto()  # around an HTTP response: raw, streaming or binary
    RESPONSE = auto()  # the HTTP response itself


def shape_of(result_type: type) -> Shape:
    """Classify the type of a result; the caller remembers the answer."""
    for base in result_type.__mro__:
        module = base.__module__
        if module in _RESPONSE_MODULES:
            return Shape.WRAPPER
        if module.partition(".")[0] in FLAVOURS:
            return Shape.RESPONSE
    return Shape.VALUE


def response_of(result: Any, shape: Shape) -> Any | None:
    """Return the HTTP response inside a result."""
    if shape is Shape.RESPONSE:
        return result
    if shape is Shape.WRAPPER:
        found = getattr(result, "http_response", None)
        return found if found is not None else getattr(result, "response", None)
    return None


def buffered(response: Any) -> bytes | None:
    """Return a body that was read already; `None` while it is still a stream."""
    try:
        content = response.content
    except RuntimeError:
        return None
    return content if isinstance(content, bytes) else None


def text_of(result: Any) -> bytes | None:
    """Return the body that the SDK was asked to hand over as text or bytes."""
    if isinstance(result, str):
        return result.encode("utf-8", "replace")
    return result if isinstance(result, bytes) else None


def decoded(response: Any, raw: bytes) -> bytes:
    """Return a body as it was before it was compressed for the way; empty when it is damaged."""
    encoding = response.headers.get("content-encoding")
    if not encoding:
        return raw
    flavour = import_module(flavour_of(response))
    try:
        unpacked = flavour.Response(200, headers={"content-encoding": encoding}, content=raw)
    except flavour.DecodingError:
        return b""
    content = unpacked.content
    return content if isinstance(content, bytes) else b""


def announced_bytes(response: Any) -> int | None:
    """Return the Content-Length of a body that comes as it is, not compressed."""
    if response.headers.get("content-encoding"):
        return None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def is_json(body: bytes) -> bool:
    """Tell whether the SDK can decode a body: its decoder is less strict than ours."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


class _WithPrompt(msgspec.Struct):
    prompt: str | None = None


def prompt_in(body: Any) -> str | None:
    """Return the prompt that an answer repeats."""
    if not isinstance(body, bytes):
        prompt = getattr(body, "prompt", None)
        return prompt if isinstance(prompt, str) else None
    try:
        return msgspec.json.decode(body, type=_WithPrompt).prompt
    except msgspec.MsgspecError:
        return None
