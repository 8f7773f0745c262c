"""Sends requests to servers, over aiohttp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
import msgspec

if TYPE_CHECKING:
    from vidobs.gateway.upstream.server import Upstream

Data: TypeAlias = bytes | aiohttp.MultipartWriter | None

KEEP_ALIVE_S = 4.0  # shorter than any server's: a request on a dead connection may be lost
CONNECT_S = 10.0
MOST_BODY_BYTES = 8 << 20  # of an answer that is no file
MOST_HEADERS_BYTES = 64 << 10


class NoAnswer(Exception):  # noqa: N818 - becomes an answer of ours
    """There was no answer. `sent`: the request, or part of it, may have arrived."""

    def __init__(self, message: str, *, error_type: str, sent: bool, late: bool = False) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.sent = sent
        self.late = late


class Reply(msgspec.Struct, frozen=True):
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """The connections to all servers. Made and closed inside of the event loop."""

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=0, keepalive_timeout=KEEP_ALIVE_S, ttl_dns_cache=30, enable_cleanup_closed=False
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=True,
            read_bufsize=1 << 17,
            max_line_size=MOST_HEADERS_BYTES,
            max_field_size=MOST_HEADERS_BYTES,
        )
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    async def send(
        self,
        upstream: Upstream,
        method: str,
        path: str,
        *,
        query: str = "",
        data: Data = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send a request and read the answer.

        Raises:
            NoAnswer: there was none, or not all of it.
        """
        response = await self.open(
            upstream, method, path, query=query, data=data, headers=headers, timeout_s=timeout_s
        )
        body = await self.small_body(upstream, response)
        return Reply(response.status, response.headers, body)

    async def small_body(self, upstream: Upstream, response: aiohttp.ClientResponse) -> bytes:
        """Read what is no file, and release the answer.

        Raises:
            NoAnswer: it broke off, or is too long.
        """
        try:
            return await self._body(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._no_answer(upstream, error, sent=True) from error
        finally:
            response.release()

    async def open(
        self,
        upstream: Upstream,
        method: str,
        path: str,
        *,
        query: str = "",
        data: Data = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> aiohttp.ClientResponse:
        """Send a request; the caller reads the body, and releases the answer.

        Raises:
            NoAnswer: there was none.
        """
        try:
            return await self.session.request(
                method,
                upstream.url(path, query),
                data=data,
                headers=upstream.headers if headers is None else {**upstream.headers, **headers},
                allow_redirects=False,
                timeout=self._timeout(upstream.deployment.timeout_s, timeout_s),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._no_answer(upstream, error, sent=not self._never_sent(error)) from error

    async def close(self) -> None:
        """Close every connection."""
        await self.session.close()

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        """Read a body; a server that floods is stopped."""
        announced = response.content_length
        if announced is not None and announced <= MOST_BODY_BYTES:
            return await response.read()
        pieces: list[bytes] = []
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
            if size > MOST_BODY_BYTES:
                response.close()
                raise aiohttp.ClientPayloadError("the answer is too long")
            pieces.append(piece)
        return b"".join(pieces)

    def _timeout(self, usual_s: float, wanted_s: float | None) -> aiohttp.ClientTimeout:
        read_s = usual_s if wanted_s is None else wanted_s
        found = self._timeouts.get(read_s)
        if found is None:
            found = self._timeouts[read_s] = aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_S, sock_read=read_s
            )
        return found

    def _never_sent(self, error: Exception) -> bool:
        """Whether the connection never opened."""
        kinds = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
        return isinstance(error, kinds)

    def _no_answer(self, upstream: Upstream, error: Exception, *, sent: bool) -> NoAnswer:
        late = isinstance(error, TimeoutError)
        said = "no answer in time" if late else "no answer"
        name = type(error).__name__
        return NoAnswer(
            f"{said} from {upstream.address} ({name})", error_type=name, sent=sent, late=late
        )
