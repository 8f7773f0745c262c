"""Which video operation a request is, from its method and path alone."""

from __future__ import annotations

import re
from types import MappingProxyType
from urllib.parse import parse_qs, unquote

import msgspec

from vidobs.core.calls import Operation
from vidobs.dialects.packed_ids import plain_id

# An absolute URL needs a version in front: https://cdn.example/videos/cat.mp4 is no API.
_PREFIXED = re.compile(
    r"(?:https?://[^/]+(?=/(?:api/|openai/)*(?:v\d|openai/videos)))?(?:/api|/openai)*(?:/v\d\w*)?/videos(?=[/?]|$)",
    re.IGNORECASE,
)


class Route(msgspec.Struct, frozen=True):
    """What a request is, and the provider's own id of the video (or character) in its path."""

    operation: Operation
    video_id: str | None = None
    variant: str | None = None  # only where the path itself carries a query


_ON_ALL = MappingProxyType(
    {
        ("POST", ""): Route(Operation.CREATE),
        ("POST", "sync"): Route(Operation.CREATE),  # vLLM-Omni: the answer is the file
        ("GET", ""): Route(Operation.LIST),
        ("POST", "edits"): Route(Operation.EDIT),
        ("POST", "extensions"): Route(Operation.EXTEND),
        ("POST", "characters"): Route(Operation.CHARACTER),
    }
)
_ON_ONE = MappingProxyType({"GET": Operation.RETRIEVE, "DELETE": Operation.DELETE})
_BELOW_ONE = MappingProxyType(
    {("GET", "content"): Operation.DOWNLOAD, ("POST", "remix"): Operation.REMIX}
)
_NO_IDS = frozenset({"edits", "extensions", "characters", "generations", "sync"})
_START = len("/videos")


def route(method: str, path: str) -> Route | None:
    """Return what a request is; `None` for everything that is no video call.

    `path` is relative to the API's base ("/videos/video_1"), or has "/v1" or "/openai/v1" in
    front, or is an absolute URL with such a path.
    """
    if path.startswith("/videos"):
        return _below(method.upper(), path[_START:])
    if "/videos" not in path:
        return None
    found = _PREFIXED.match(path)
    return _below(method.upper(), path[found.end() :]) if found else None


def _below(method: str, rest: str) -> Route | None:
    """Read what follows "/videos"."""
    if "?" in rest or "#" in rest:
        return _with_query(method, rest)
    if rest and rest[0] != "/":
        return None
    name, _, tail = rest[1:].partition("/")
    if not tail:
        known = _ON_ALL.get((method, name))
        if known is not None:
            return known
        operation = _ON_ONE.get(method)
        return None if operation is None or name in _NO_IDS or not name else _one(operation, name)
    tail = tail.removesuffix("/")
    if name == "characters" and method == "GET" and "/" not in tail:
        return _one(Operation.GET_CHARACTER, tail)
    operation = _BELOW_ONE.get((method, tail))
    return None if operation is None or name in _NO_IDS or not name else _one(operation, name)


def _one(operation: Operation, name: str) -> Route:
    return Route(operation, plain_id(unquote(name) if "%" in name else name))


def _with_query(method: str, rest: str) -> Route | None:
    rest, _, query = rest.partition("#")[0].partition("?")
    found = _below(method, rest)
    variant = parse_qs(query).get("variant")
    if found is None or variant is None or found.operation is not Operation.DOWNLOAD:
        return found
    return msgspec.structs.replace(found, variant=variant[0])
