"""Reaching the TCP connection under a request, to close it without an answer."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable
    from uvicorn._types import Scope as UvicornScope

_EXTENSION = "vidobs.transport"


class OpenProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which also hands its transport to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Wrap the application for this connection."""
        super().connection_made(transport)
        # asyncio does this only for sockets whose protocol number is given; without it, an answer
        # in two segments waits 40 ms for the client's delayed acknowledgement.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app = _with_transport(self.app, transport)


def _with_transport(app: ASGI3Application, transport: asyncio.Transport) -> ASGI3Application:
    async def call(
        scope: UvicornScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        members = cast("Scope", scope)
        members.setdefault("extensions", {})[_EXTENSION] = transport
        await app(scope, receive, send)

    return call


async def wait_for_leaving(receive: Receive, stopping: asyncio.Event) -> None:
    """Return when the client goes or the server stops. The body must have been read."""
    gone = asyncio.create_task(disconnected(receive))
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({gone, stop}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        stop.cancel()


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone, or we have closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def close(scope: Scope, receive: Receive) -> None:
    """Close the connection once all that was sent is out, and return when it is gone."""
    transport: asyncio.Transport = scope["extensions"][_EXTENSION]
    transport.close()
    await disconnected(receive)


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection at once and return when it is gone. The body must have been read."""
    transport: asyncio.Transport = scope["extensions"][_EXTENSION]
    transport.abort()
    await disconnected(receive)
