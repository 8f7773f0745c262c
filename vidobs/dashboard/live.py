"""Live updates: a stream of server-sent events that says that something changed, and which jobs.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index import Index

PATH = "/api/live"
MOST_STREAMS = 64
MOST_JOBS = 100  # that one message names
_LOOK_S = 0.2
_MOST_DIGITS = 18  # of a version
_PAUSE_S = 1.0  # between two messages, so that a burst is one
_BEAT_S = 15.0  # a comment, so that a dead connection is found


class Change(msgspec.Struct, frozen=True):
    """What changed since the last message: places of jobs, as text; none: too many to name."""

    version: int
    jobs: tuple[str, ...]


class Streams:
    """Counts the open streams, of which there are never too many."""

    def __init__(self) -> None:
        self.open = 0


def routes(desk: Desk) -> list[Route]:
    """Return the route of the stream."""
    return [Route(PATH, partial(_answer, desk.index, Streams()), methods=["GET"])]


async def _answer(index: Index, streams: Streams, request: Request) -> Response:
    if streams.open >= MOST_STREAMS:
        return PlainTextResponse("Too many pages are open.\n", status_code=503)
    given = request.headers.get("last-event-id") or request.query_params.get("version", "")
    known = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
    version = int(given) if known else index.version()
    return StreamingResponse(
        _stream(index, streams, version),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _stream(index: Index, streams: Streams, version: int) -> AsyncIterator[bytes]:
    streams.open += 1
    loop = asyncio.get_running_loop()
    try:
        yield b"retry: 2000\n\n"
        said_s = loop.time()
        while True:
            current = index.version()
            if current != version:
                places = index.changed_since(version, MOST_JOBS)
                yield _message(Change(current, tuple(map(str, places))))
                version, said_s = current, loop.time()
                await asyncio.sleep(_PAUSE_S)
            elif loop.time() - said_s >= _BEAT_S:
                yield b": beat\n\n"
                said_s = loop.time()
            else:
                await asyncio.sleep(_LOOK_S)
    finally:
        streams.open -= 1


def _message(change: Change) -> bytes:
    return b"event: change\nid: %d\ndata: %s\n\n" % (change.version, msgspec.json.encode(change))
