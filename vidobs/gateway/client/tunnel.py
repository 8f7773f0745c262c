"""A way through a proxy: it connects to a server, and passes on what it does not read.

https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, cast

from vidobs.gateway.client.addresses import bracketed
from vidobs.gateway.client.answers import MOST_HEADERS_BYTES
from vidobs.gateway.client.heads import AGENT

if TYPE_CHECKING:
    from vidobs.gateway.client.addresses import Origin
    from vidobs.gateway.client.proxies import Proxy

WANTS_LOGIN = 407
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_HELP = {
    WANTS_LOGIN: ": it wants a user and a password; write http://user:password@host:port",
    403: ": it does not allow this server",
}


class Tunnel(asyncio.Protocol):
    """Asks a proxy for a way to a server. Afterwards another protocol takes the transport."""

    def __init__(self, origin: Origin, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self.opened: asyncio.Future[str | None] = loop.create_future()  # None, or why it is not
        self._request = _request(origin, proxy)
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Read the answer, which ends with its headers where there is a way."""
        self._read += data
        head, end, behind = self._read.partition(b"\r\n\r\n")
        if end:
            self._say(_refusal(head, behind))
        elif len(self._read) > MOST_HEADERS_BYTES:
            self._say("does not answer as a proxy does")

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up."""
        del exc
        self._say("hung up")

    def _say(self, refusal: str | None) -> None:
        if not self.opened.done():
            self.opened.set_result(refusal)


def login_of(proxy: Proxy) -> str:
    """Return the header that lets us in, with the end of its line; empty where none is known."""
    known = proxy.authorization
    return "" if known is None else f"Proxy-Authorization: {known}\r\n"


def refused_with(status: int) -> str:
    """Say what a proxy answered."""
    return f"answered {status}{_HELP.get(status, '')}"


def _request(origin: Origin, proxy: Proxy) -> bytes:
    there = f"{bracketed(origin.host)}:{origin.port}"
    return (
        f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\nUser-Agent: {AGENT}\r\n{login_of(proxy)}\r\n"
    ).encode("ascii")


def _refusal(head: bytes, behind: bytes) -> str | None:
    """Say why there is no way; `None`: there is."""
    found = _STATUS.match(head)
    if found is None:
        return "does not answer as a proxy does"
    status = int(found[1])
    if status // 100 != 2:  # noqa: PLR2004 - 2xx
        return refused_with(status)
    return "speaks before the server could" if behind else None
