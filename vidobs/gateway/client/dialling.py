"""Opens connections: to servers, or to the proxies in front of them."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeVar

from vidobs.gateway.client.answers import (
    NOT_CONNECTED,
    NOT_CONNECTED_IN_TIME,
    PROXY,
    CallError,
)
from vidobs.gateway.client.connection import Connection
from vidobs.gateway.client.forwarding import Forwarded
from vidobs.gateway.client.racing import first_of
from vidobs.gateway.client.tunnel import Tunnel

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from vidobs.gateway.client.addresses import Origin
    from vidobs.gateway.client.proxies import Proxies, Proxy
    from vidobs.gateway.client.seams import Keeper, Resolve

    P = TypeVar("P", bound=asyncio.Protocol)


class Dialler:
    """Opens connections. For one event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        proxies: Proxies,
        connect_s: float,
        resolve: Resolve | None,
    ) -> None:
        """`connect_s`: for a connection, with its handshakes."""
        self._loop = loop
        self._proxies = proxies
        self._connect_s = connect_s
        self._resolve = resolve or partial(loop.getaddrinfo, type=socket.SOCK_STREAM)
        self._tls: ssl.SSLContext | None = None

    async def connect(self, origin: Origin, keeper: Keeper) -> Connection:
        """Return a connection on which nothing was asked yet.

        Plain http is asked of a proxy. https goes through it, and so does what is for one address
        alone: a proxy would look its name up again.

        Raises:
            CallError: there is none; nothing was sent.
        """
        proxy = self._proxies.to(origin)
        try:
            async with asyncio.timeout(self._connect_s):
                if proxy is None:
                    make_direct = partial(Connection, origin, keeper, self._loop)
                    return (await self._made(make_direct, origin))[1]
                if origin.tls_name is None and origin.name is None:
                    make_forwarded = partial(Forwarded, origin, keeper, self._loop, proxy)
                    return (await self._at_proxy(make_forwarded, proxy))[1]
                return await self._through(origin, keeper, proxy)
        except TimeoutError:
            if proxy is None:
                raise CallError(NOT_CONNECTED_IN_TIME, sent=False, late=True) from None
            raise _no_way(proxy, f"opened no way in {self._connect_s:g} s", late=True) from None
        except (OSError, UnicodeError) as error:  # the certificate's too, and names that are none
            raise CallError(NOT_CONNECTED, sent=False, why=str(error)) from error

    async def _through(self, origin: Origin, keeper: Keeper, proxy: Proxy) -> Connection:
        make = partial(Tunnel, origin, proxy, self._loop)
        transport, tunnel = await self._at_proxy(make, proxy)
        connection = Connection(origin, keeper, self._loop)
        try:
            refusal = await tunnel.opened
            if refusal is not None:
                raise _no_way(proxy, refusal)  # noqa: TRY301 - what closes stands below
            inner = await self._led(transport, connection, origin)
        except OSError as error:
            transport.abort()
            raise _no_way(proxy, f"led to no server: {error}") from error
        except BaseException:
            transport.abort()
            raise
        connection.connection_made(inner)
        return connection

    async def _led(
        self, outer: asyncio.Transport, connection: Connection, origin: Origin
    ) -> asyncio.Transport:
        """Give a tunnel over to a connection; the TLS of its server lies inside."""
        inner: asyncio.Transport | None = outer
        if origin.tls_name is None:
            outer.set_protocol(connection)
        else:
            inner = await self._loop.start_tls(
                outer, connection, self._context(), server_hostname=origin.tls_name
            )
        if inner is None or inner.is_closing():
            raise ConnectionResetError("it hung up at once")
        return inner

    async def _at_proxy(self, make: Callable[[], P], proxy: Proxy) -> tuple[asyncio.Transport, P]:
        try:
            return await self._made(make, proxy.origin)
        except (OSError, UnicodeError) as error:
            raise _no_way(proxy, f"cannot be reached: {error}") from error

    async def _made(self, make: Callable[[], P], origin: Origin) -> tuple[asyncio.Transport, P]:
        context = None if origin.tls_name is None else self._context()
        if _is_address(origin.host):
            return await self._loop.create_connection(
                make, origin.host, origin.port, ssl=context, server_hostname=origin.tls_name
            )
        addresses = await self._resolve(origin.host, origin.port)
        return await self._loop.create_connection(
            make,
            sock=await first_of(addresses, self._loop),
            ssl=context,
            server_hostname=origin.tls_name,
        )

    def _context(self) -> ssl.SSLContext:
        """Return what checks certificates as the system does; made when it is first needed."""
        if self._tls is None:
            import ssl

            self._tls = ssl.create_default_context()
        return self._tls


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _no_way(proxy: Proxy, why: str, *, late: bool = False) -> CallError:
    return CallError(PROXY, sent=False, late=late, why=f"the proxy {proxy.address} {why}")
