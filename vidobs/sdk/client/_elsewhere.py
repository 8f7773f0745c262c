"""Fetches a file from another host than the server's, which a download was sent on to.

The name of the host is looked up once, its addresses are looked at, and one of them is what is
dialled: a name server that answers otherwise the next time has no say any more. Nothing is kept of
the connection, so the next file is looked at anew.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.request import getproxies, proxy_bypass

import httpx

from vidobs.sdk.client._addresses import within_reach

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Resolve: TypeAlias = Callable[[str, int | None], Sequence[str]]
    AsyncResolve: TypeAlias = Callable[[str, int | None], Awaitable[Sequence[str]]]

_UNKEPT = httpx.Limits(max_keepalive_connections=0)


class Place:
    """Where a file is, as the server said it, and what its request carries."""

    __slots__ = ("headers", "ours", "timeout", "url")

    def __init__(self, url: httpx.URL, *, ours: bool, headers: Any, timeout: httpx.Timeout) -> None:
        self.url = url
        self.ours = ours  # of the server itself
        self.headers = headers
        self.timeout = timeout

    @property
    def host(self) -> str:
        """The name of the host, as name servers know it."""
        return self.url.raw_host.decode("ascii")

    @property
    def proxied(self) -> bool:
        """Whether a proxy of the environment fetches it: then it looks names up, not we."""
        proxies = getproxies()
        named = proxies.get(self.url.scheme) or proxies.get("all")
        return bool(named) and not proxy_bypass(self.host)

    def at(self, addresses: Sequence[str], home: Sequence[str]) -> httpx.Request | None:
        """Return the request to the first of its host's addresses; `None` if one is forbidden."""
        if not within_reach(addresses, home):
            return None
        headers = httpx.Headers(self.headers)
        headers["Host"] = self.url.netloc.decode("ascii")
        extensions: dict[str, Any] = {"timeout": self.timeout.as_dict()}
        if self.url.scheme == "https":
            extensions["sni_hostname"] = self.host
        url = self.url.copy_with(host=addresses[0])
        return httpx.Request("GET", url, headers=headers, extensions=extensions)


def dialling() -> httpx.Client:
    """Return a client that dials what it is given, by no proxy, and keeps no connection."""
    return httpx.Client(verify=httpx.create_ssl_context(), trust_env=False, limits=_UNKEPT)


def dialling_async() -> httpx.AsyncClient:
    """Return the awaiting one."""
    return httpx.AsyncClient(verify=httpx.create_ssl_context(), trust_env=False, limits=_UNKEPT)


def resolve(host: str, port: int | None) -> Sequence[str]:
    """Return the addresses of a host, in the order in which the system would try them.

    Raises:
        socket.gaierror: it has none.
    """
    return _addresses(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


async def resolve_async(host: str, port: int | None) -> Sequence[str]:
    """Do the same without blocking the event loop."""
    loop = asyncio.get_running_loop()
    return _addresses(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _addresses(found: Sequence[tuple[Any, ...]]) -> Sequence[str]:
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
