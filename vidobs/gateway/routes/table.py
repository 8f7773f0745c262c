"""Which request is answered by what. Fixed names win over ids."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from vidobs.core.calls import Operation
from vidobs.gateway.routes import about, characters, content, creating, videos
from vidobs.gateway.seams import Refusal, not_allowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from vidobs.gateway.core import Core
    from vidobs.gateway.wire.answers import Answer
    from vidobs.gateway.wire.asked import Asked

Handler: TypeAlias = "Callable[[Core, Asked], Awaitable[Answer | None]]"


class Found(msgspec.Struct, frozen=True):
    """What answers a request, and the id in its path."""

    handler: Handler
    video_id: str | None = None
    by_query: bool = False  # the id is the parameter `video_id`
    operation: Operation = Operation.RETRIEVE  # what limits count it as


def _makes(operation: Operation) -> Handler:
    return partial(creating.create, operation=operation)


async def _content_head(core: Core, asked: Asked) -> Answer | None:
    return await content.content(core, asked, head=True)


async def _models(core: Core, asked: Asked) -> Answer:
    return about.models(core, asked)


async def _model_info(core: Core, asked: Asked) -> Answer:
    return about.model_info(core, asked)


VIDEOS = "/videos"
_CREATE, _REMIX, _EDIT, _EXTEND = (
    Found(_makes(operation), operation=operation)
    for operation in (Operation.CREATE, Operation.REMIX, Operation.EDIT, Operation.EXTEND)
)
_ON_ALL = {
    ("POST", ""): _CREATE,
    ("GET", ""): Found(videos.list_videos),
    ("POST", "generations"): _CREATE,
    ("POST", "remix"): _REMIX,
    ("POST", "edits"): _EDIT,
    ("POST", "extensions"): _EXTEND,
    ("GET", "status"): Found(videos.retrieve, by_query=True),
    ("GET", "retrieval"): Found(content.content, by_query=True, operation=Operation.DOWNLOAD),
    ("POST", "characters"): Found(characters.create_character),
}
_WHOLE = {
    (method, f"{VIDEOS}/{name}".removesuffix("/")): found
    for (method, name), found in _ON_ALL.items()
}
_NAMES = frozenset(name for _, name in _ON_ALL if name)
_ON_ONE: dict[str, Handler] = {"GET": videos.retrieve, "DELETE": videos.delete}
_BELOW_ONE = {
    ("GET", "content"): Found(content.content, operation=Operation.DOWNLOAD),
    ("HEAD", "content"): Found(_content_head),
    ("POST", "remix"): _REMIX,
}
_ABOUT = {"/models": Found(_models), "/model/info": Found(_model_info)}
LOOKING = ("GET", "HEAD")


def served() -> Iterator[tuple[str, str]]:
    """Yield methods and paths of all that `find` knows."""
    for method, name in _ON_ALL:
        yield method, f"{VIDEOS}/{name}".removesuffix("/")
    for method in _ON_ONE:
        yield method, f"{VIDEOS}/{{video_id}}"
    for method, tail in _BELOW_ONE:
        yield method, f"{VIDEOS}/{{video_id}}/{tail}"
    yield "GET", f"{VIDEOS}/characters/{{character_id}}"
    for path in _ABOUT:
        yield "GET", path


def find(method: str, path: str) -> Found:
    """Return what answers a request; `path` is without a version in front.

    Raises:
        Refusal: 404 or 405.
    """
    return _WHOLE.get((method, path)) or _searched(method, path)


def _searched(method: str, path: str) -> Found:
    if not path.startswith(VIDEOS):
        found = _ABOUT.get(path)
        if found is None:
            raise Refusal(404, "there is no such route", code="not_found")
        if method not in LOOKING:
            raise not_allowed(", ".join(LOOKING))
        return found
    rest = path[len(VIDEOS) :]
    if rest and rest[0] != "/":
        raise Refusal(404, "there is no such route", code="not_found")
    name, _, tail = rest[1:].partition("/")
    tail = tail.removesuffix("/")
    if not tail:
        return _on_one(method, name)
    if name == "characters" and "/" not in tail:
        return _allowed(characters.get_character if method == "GET" else None, tail, "GET")
    if name in _NAMES:
        raise Refusal(404, "there is no such route", code="not_found")
    found = _BELOW_ONE.get((method, tail))
    if found is None and not any(known == tail for _, known in _BELOW_ONE):
        raise Refusal(404, "there is no such route", code="not_found")
    if found is None:
        raise not_allowed("GET, HEAD" if tail == "content" else "POST")
    return Found(found.handler, name, operation=found.operation)


def _on_one(method: str, name: str) -> Found:
    known = _ON_ALL.get((method, name))
    if known is not None:
        return known
    if not name or name in _NAMES:
        allowed = ", ".join(sorted(each for each, its_name in _ON_ALL if its_name == name))
        raise not_allowed(allowed)
    return _allowed(_ON_ONE.get(method), name, ", ".join(_ON_ONE))


def _allowed(handler: Handler | None, video_id: str, methods: str) -> Found:
    if handler is None:
        raise not_allowed(methods)
    return Found(handler, video_id)
