"""Which addresses a client's webhook may be sent to.

Whoever registers a URL, or runs the name server of its host, could otherwise have the gateway call
what only the gateway can reach (server-side request forgery). Every address of a host is looked at
right before one of them is dialled, and what was looked at is what is dialled.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import msgspec

from vidobs.core.networks import AddressKind, address_kind, address_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vidobs.gateway.client.addresses import Url

    Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]

Network: TypeAlias = IPv4Network | IPv6Network
OPENED_BY_TRUE = frozenset({AddressKind.LOOPBACK, AddressKind.PRIVATE})
MOST_URL = 2048  # characters
RESOLVE_S = 5.0


class ForbiddenAddressError(OSError):
    """A host is where nothing is sent to."""


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What may be dialled beside public addresses."""

    kinds: frozenset[AddressKind] = frozenset()
    networks: tuple[Network, ...] = ()
    plain_http: bool = False  # to public addresses too

    def check_url(self, url: str) -> str:
        """Return the host of a URL that can be sent to.

        Raises:
            ValueError: what is wrong with it.
        """
        if len(url) > MOST_URL or not url.isascii() or any(char <= " " for char in url):
            raise ValueError("give an absolute URL of ASCII characters, https://host/path")
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port  # reading it checks it
        if not host or parts.scheme not in ("https", "http"):
            raise ValueError("give an absolute URL, https://host/path")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("a URL must not hold a user, a password or a fragment")
        private = bool(self.kinds or self.networks)
        if parts.scheme == "http" and not (self.plain_http or private):
            raise ValueError("use https://")
        return host

    def check(self, url_scheme: str, addresses: Sequence[str]) -> None:
        """Look at every address of a host: one that is refused is enough.

        Raises:
            ForbiddenAddressError: without the address, which may be nobody's business.
        """
        if not addresses:
            raise ForbiddenAddressError("the host has no address")
        for text in addresses:
            try:
                address = address_of(text.partition("%")[0])
            except ValueError:
                raise ForbiddenAddressError("the host is at no address") from None
            kind = address_kind(address)
            if kind in self.kinds or any(address in network for network in self.networks):
                continue
            if kind is not None:
                raise ForbiddenAddressError("the host is in a network that nothing is sent to")
            if url_scheme == "http" and not self.plain_http:
                raise ForbiddenAddressError("the host is public: use https://")


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, in the order the system would try them.

    Raises:
        OSError: nobody knows it; also in time.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (UnicodeError, TimeoutError) as error:
        raise OSError("the host is not known") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked(reach: Reach, url: Url, resolve: Resolve = resolve) -> Sequence[str]:
    """Return the addresses of a host that were looked at; only they may be dialled.

    Raises:
        OSError: there are none, or one is where nothing is sent to.
    """
    host = url.host
    literal = ":" in host or host.replace(".", "").isdigit()
    addresses = [host] if literal else await resolve(host, url.port)
    reach.check(url.scheme, addresses)
    return addresses
