"""Connections that are kept, and requests over them."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, overload

from vidobs.gateway.client.answers import MOST_BODY_BYTES, CallError, Reply
from vidobs.gateway.client.dialling import Dialler
from vidobs.gateway.client.proxies import NO_PROXIES

if TYPE_CHECKING:
    from vidobs.gateway.client.addresses import Origin
    from vidobs.gateway.client.connection import Connection
    from vidobs.gateway.client.proxies import Proxies
    from vidobs.gateway.client.seams import Pieces, Resolve
    from vidobs.gateway.client.stream import Stream

KEEP_ALIVE_S = 4.0  # shorter than any server's: a request on a dead connection may be lost
CONNECT_S = 10.0
_LEAST_PAUSE_S = 0.25  # between two looks at all connections


class Client:
    """Sends requests. Made, used and closed inside of one event loop."""

    def __init__(
        self,
        *,
        proxies: Proxies = NO_PROXIES,
        keep_alive_s: float = KEEP_ALIVE_S,
        connect_s: float = CONNECT_S,
        resolve: Resolve | None = None,
    ) -> None:
        """`resolve` looks names up; without it the system does."""
        self._loop = loop = asyncio.get_running_loop()
        self._dialler = Dialler(loop, proxies=proxies, connect_s=connect_s, resolve=resolve)
        self._keep_alive_s = keep_alive_s
        self._idle: dict[Origin, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = inf
        self._closed = False
        self._emptied: asyncio.Future[None] | None = None

    async def ask(
        self,
        origin: Origin,
        head: bytes,
        body: bytes | Pieces | None = None,
        *,
        read_s: float,
        most_bytes: int = MOST_BODY_BYTES,
        again: bool = False,
    ) -> Reply:
        """Send a request and read the whole answer.

        `read_s`: the longest time without a byte. `again`: it is sent once more where a kept
        connection turns out to be dead; never for what must not happen twice.

        Raises:
            CallError: there was no answer, or not all of it.
        """
        if isinstance(body, bytes):
            head, body = head + body, None
        return await self._answered(
            origin, head, body, read_s=read_s, most_bytes=most_bytes, again=again
        )

    async def open(
        self, origin: Origin, request: bytes, *, read_s: float, again: bool = False
    ) -> Stream:
        """Send a request, head and body in one; the caller reads the answer, and closes it.

        Raises:
            CallError: there was no answer.
        """
        return await self._answered(
            origin, request, None, read_s=read_s, most_bytes=None, again=again
        )

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:  # each says so in the next turn of the loop
            self._emptied = self._loop.create_future()
            await self._emptied

    @overload
    async def _answered(
        self,
        origin: Origin,
        request: bytes,
        rest: Pieces | None,
        *,
        read_s: float,
        most_bytes: int,
        again: bool,
    ) -> Reply: ...

    @overload
    async def _answered(
        self,
        origin: Origin,
        request: bytes,
        rest: None,
        *,
        read_s: float,
        most_bytes: None,
        again: bool,
    ) -> Stream: ...

    async def _answered(
        self,
        origin: Origin,
        request: bytes,
        rest: Pieces | None,
        *,
        read_s: float,
        most_bytes: int | None,
        again: bool,
    ) -> Reply | Stream:
        while True:
            connection = self._kept(origin) or await self._dialler.connect(origin, self)
            waiter = connection.ask(request, read_s=read_s, most_bytes=most_bytes)
            if connection.deadline < self._looks_at:
                self._look_at(connection.deadline)
            try:
                if rest is not None:
                    await connection.send(rest.pieces())
                return await waiter
            except CallError as error:
                del waiter  # which holds the error, which holds this frame: a circle
                if not (again and error.stale):
                    raise
            except BaseException:
                connection.abandon()
                raise
            again = False
            self._forget(origin)

    # -- connections -------------------------------------------------------------------------------

    def made(self, connection: Connection) -> None:
        """Know of a connection until it is lost."""
        self._open.add(connection)
        if self._closed:
            connection.abort()

    def freed(self, connection: Connection) -> None:
        """Keep a connection: the last that was used is the first that is used again."""
        connection.deadline = self._loop.time() + self._keep_alive_s
        if connection.deadline < self._looks_at:
            self._look_at(connection.deadline)
        self._idle.setdefault(connection.origin, []).append(connection)

    def lost(self, connection: Connection) -> None:
        """Forget a connection."""
        self._open.discard(connection)
        kept = self._idle.get(connection.origin)
        if kept is not None:
            if connection.idle and connection in kept:
                kept.remove(connection)
            if not kept:
                del self._idle[connection.origin]
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    def _forget(self, origin: Origin) -> None:
        """Drop what was kept: the server has closed one, so the others are doubtful."""
        for connection in self._idle.pop(origin, ()):
            connection.abort()

    def _kept(self, origin: Origin) -> Connection | None:
        kept = self._idle.get(origin)
        now_s = self._loop.time()
        while kept:
            connection = kept.pop()
            if not connection.closing and connection.deadline > now_s:
                return connection
            connection.abort()
        return None

    # -- time --------------------------------------------------------------------------------------

    def _look_at(self, when_s: float) -> None:
        """Look at all connections then: one timer is enough for all."""
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = when_s
        self._timer = self._loop.call_at(when_s, self._look)

    def _look(self) -> None:
        now_s = self._loop.time()
        self._timer, self._looks_at = None, inf
        for connection in tuple(self._open):
            if connection.deadline <= now_s:
                connection.expire()
        first = min((each.deadline for each in self._open), default=inf)
        if first < inf and not self._closed:
            self._look_at(max(first, now_s + _LEAST_PAUSE_S))
