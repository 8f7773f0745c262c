"""Plain http through a proxy: it reads the requests, and asks the server itself.

https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.gateway.client.addresses import bracketed
from vidobs.gateway.client.answers import PROXY, CallError
from vidobs.gateway.client.connection import Connection
from vidobs.gateway.client.tunnel import WANTS_LOGIN, login_of, refused_with

if TYPE_CHECKING:
    import asyncio

    from vidobs.gateway.client.addresses import Origin
    from vidobs.gateway.client.answers import Reply
    from vidobs.gateway.client.proxies import Proxy
    from vidobs.gateway.client.seams import Keeper
    from vidobs.gateway.client.stream import Stream


class _RefusedError(Exception):
    """The proxy did not pass the request on."""


class Forwarded(Connection):
    """A connection to a proxy, for requests to one server."""

    __slots__ = ("_login", "_proxy", "_server")

    def __init__(
        self, origin: Origin, keeper: Keeper, loop: asyncio.AbstractEventLoop, proxy: Proxy
    ) -> None:
        super().__init__(origin, keeper, loop)
        self._proxy = proxy
        port = "" if origin.port == 80 else f":{origin.port}"  # noqa: PLR2004 - http
        self._server = f"http://{bracketed(origin.host)}{port}".encode("ascii")
        self._login = login_of(proxy).encode("ascii")

    def ask(
        self, request: bytes, *, read_s: float, most_bytes: int | None
    ) -> asyncio.Future[Reply | Stream]:
        """Send a request with the whole address in its first line."""
        target = request.index(b" ") + 1
        headers = request.index(b"\r\n") + 2
        view = memoryview(request)
        parts = (view[:target], self._server, view[target:headers], self._login, view[headers:])
        return super().ask(b"".join(parts), read_s=read_s, most_bytes=most_bytes)

    def on_headers_complete(self) -> None:
        """Stop where it is the proxy that answers: servers do not use this status."""
        super().on_headers_complete()
        if self._status == WANTS_LOGIN:
            raise _RefusedError

    def _error(self, kind: str, *, late: bool) -> CallError:
        if self._status != WANTS_LOGIN:
            return super()._error(kind, late=late)
        why = f"the proxy {self._proxy.address} {refused_with(WANTS_LOGIN)}"
        return CallError(PROXY, sent=False, why=why)
