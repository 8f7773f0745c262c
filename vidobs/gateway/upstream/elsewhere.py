"""Follows a download to where its server keeps the file, and nowhere that it should not go.

Never to another scheme; to private addresses only for a server that has one itself, to this machine
only for a server on it, and never where clouds hand out credentials. Our key stays behind, and the
address that was looked at is the one that is dialled.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from vidobs.core.networks import AddressKind, address_kind, address_of
from vidobs.dialects.openai import pointer_in
from vidobs.gateway.client.addresses import read_url
from vidobs.gateway.client.answers import MOST_BODY_BYTES, CallError
from vidobs.gateway.client.heads import AGENT, Heads
from vidobs.gateway.upstream.http import NoAnswer, no_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.gateway.client.addresses import Origin, Url
    from vidobs.gateway.client.stream import Stream
    from vidobs.gateway.upstream.http import Http
    from vidobs.gateway.upstream.server import Upstream

MOST = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_INSIDE = frozenset({AddressKind.PRIVATE, AddressKind.SHARED})
_HERE = frozenset({AddressKind.LOOPBACK, *_INSIDE})


class Elsewhere:
    """One download on its way."""

    def __init__(self, http: Http, upstream: Upstream) -> None:
        self._http = http
        self._upstream = upstream

    async def followed(
        self, response: Stream, headers: Mapping[str, str], *, timeout_s: float
    ) -> Stream:
        """Return the answer that has the file.

        Raises:
            NoAnswer: it is where nothing is fetched from, or cannot be had there.
        """
        here = self._upstream.deployment.base_url
        for _ in range(MOST):
            named = await self._named(response)
            if named is None:
                return response
            response.close()
            here = self._joined(here, named)
            response = await self._fetched(here, headers, timeout_s)
        response.close()
        raise self._refused("is sent on too often")

    async def _named(self, response: Stream) -> str | None:
        """Where an answer says that the file is."""
        if response.status in _REDIRECTS:
            named = response.headers.get("location")
            return None if named is None else named.encode("latin-1").decode(errors="replace")
        if response.status == self._upstream.deployment.variant.pointer_status:
            announced = response.length
            if announced is not None and announced < MOST_BODY_BYTES:
                return pointer_in(await self._http.small_body(self._upstream, response))
        return None

    async def _fetched(self, there: str, headers: Mapping[str, str], timeout_s: float) -> Stream:
        url = self._checked(there)
        addresses = await self._resolved(url)
        await self._check_reach(addresses)
        where = f"from where {self._upstream.address} keeps the file"
        try:
            origin, head = self._asking(url, addresses[0], headers)
        except CallError as error:
            raise no_answer(error, where) from error
        return await self._http.fetch(origin, head, timeout_s=timeout_s, where=where)

    def _asking(self, url: Url, address: str, headers: Mapping[str, str]) -> tuple[Origin, bytes]:
        """Say where to connect to, and what is asked there: with our key only at home."""
        home = self._upstream.home
        if url.place == home.place:
            return url.origin, self._upstream.heads.head("GET", url.target, headers)
        heads = Heads(url.authority, {"User-Agent": AGENT})
        return url.at(address), heads.head("GET", url.target, headers)

    def _joined(self, here: str, named: str) -> str:
        try:
            return urljoin(here, named)
        except ValueError:
            raise self._refused("is at no address") from None

    def _checked(self, there: str) -> Url:
        try:
            url = read_url(there)
        except ValueError:
            raise self._refused("is at no address") from None
        if self._upstream.home.scheme == "https" and url.scheme != "https":
            raise self._refused("is where nothing is fetched from")
        return url

    async def _check_reach(self, addresses: list[str]) -> None:
        home = {_kind(one) for one in await self._resolved(self._upstream.home)}
        opened: frozenset[AddressKind] = frozenset()
        if AddressKind.LOOPBACK in home:
            opened = _HERE
        elif home & _INSIDE:
            opened = _INSIDE
        kinds = [_kind(one) for one in addresses]
        if not kinds or any(kind is not None and kind not in opened for kind in kinds):
            raise self._refused("is in a network that nothing is fetched from")

    async def _resolved(self, url: Url) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.host, url.port)
        except (OSError, UnicodeError):
            return []
        return [str(entry[4][0]) for entry in found]

    def _refused(self, why: str) -> NoAnswer:
        return NoAnswer(
            f"the file of {self._upstream.address} {why}", error_type="RefusedAddress", sent=True
        )


def _kind(text: str) -> AddressKind | None:
    return address_kind(address_of(text.partition("%")[0]))
