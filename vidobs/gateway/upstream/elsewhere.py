"""Follows a download to where its server keeps the file, and nowhere that it should not go.

Never to another scheme; to private addresses only for a server that has one itself, to this machine
only for a server on it, and never where clouds hand out credentials. Our key stays behind, and the
address that was looked at is the one that is dialled.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from vidobs.core.networks import AddressKind, address_kind, address_of
from vidobs.dialects.openai import pointer_in
from vidobs.gateway.upstream.http import MOST_BODY_BYTES, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        self, response: aiohttp.ClientResponse, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """Return the answer that has the file.

        Raises:
            NoAnswer: it is where nothing is fetched from, or cannot be had there.
        """
        here = str(self._upstream.url(""))
        for _ in range(MOST):
            named = await self._named(response)
            if named is None:
                return response
            response.close()
            here = urljoin(here, named)
            response = await self._fetched(here, headers)
        response.close()
        raise self._refused("is sent on too often")

    async def _named(self, response: aiohttp.ClientResponse) -> str | None:
        """Where an answer says that the file is."""
        if response.status in _REDIRECTS:
            return response.headers.get("location")
        if response.status == self._upstream.deployment.variant.pointer_status:
            announced = response.content_length
            if announced is not None and announced < MOST_BODY_BYTES:
                return pointer_in(await response.read())
        return None

    async def _fetched(self, there: str, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        url = self._checked(there)
        same = url.origin() == self._upstream.url("").origin()
        addresses = await self._resolved(url)
        await self._check_reach(addresses)
        sent = {**self._upstream.headers, **headers} if same else dict(headers)
        host = url.host or ""
        dialled = url if same else url.with_host(addresses[0])
        try:
            return await self._http.session.get(
                dialled,
                headers={**sent, "Host": url.authority},
                server_hostname=host if url.scheme == "https" and not same else None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=120),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(
                f"no answer from where {self._upstream.address} keeps the file "
                f"({type(error).__name__})",
                error_type=type(error).__name__,
                sent=True,
            ) from error

    def _checked(self, there: str) -> URL:
        try:
            url = URL(there, encoded=True)
            home = self._upstream.url("")
            fit = url.host and url.scheme in ("http", "https") and not url.user
        except ValueError:
            raise self._refused("is at no address") from None
        if not fit or (home.scheme == "https" and url.scheme != "https"):
            raise self._refused("is where nothing is fetched from")
        return url

    async def _check_reach(self, addresses: list[str]) -> None:
        home = {_kind(one) for one in await self._resolved(self._upstream.url(""))}
        opened: frozenset[AddressKind] = frozenset()
        if AddressKind.LOOPBACK in home:
            opened = _HERE
        elif home & _INSIDE:
            opened = _INSIDE
        kinds = [_kind(one) for one in addresses]
        if not kinds or any(kind is not None and kind not in opened for kind in kinds):
            raise self._refused("is in a network that nothing is fetched from")

    async def _resolved(self, url: URL) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.host or "", url.port or 443)
        except OSError:
            return []
        return [str(entry[4][0]) for entry in found]

    def _refused(self, why: str) -> NoAnswer:
        return NoAnswer(
            f"the file of {self._upstream.address} {why}", error_type="RefusedAddress", sent=True
        )


def _kind(text: str) -> AddressKind | None:
    return address_kind(address_of(text.partition("%")[0]))
