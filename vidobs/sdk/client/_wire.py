"""Sends one request of our client over httpx, and turns what goes wrong into our errors.

`request` is the one function that every call goes through; the funnels that watch wrapped clients
stand around it, so that our own client is observed by the same code.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from typing import TYPE_CHECKING

import httpx

from vidobs.core.api_errors import APIConnectionError, APIError, Timeout
from vidobs.dialects.openai import failed_body
from vidobs.sdk.client import _elsewhere as elsewhere
from vidobs.sdk.client import _redirects as redirects
from vidobs.sdk.client._answers import error_of, retry_after_s
from vidobs.sdk.client._lacking import lacking
from vidobs.sdk.client._requests import Merged, Plain

if TYPE_CHECKING:
    from vidobs.sdk.client._elsewhere import AsyncResolve, Place, Resolve
    from vidobs.sdk.client._options import Body, Options
    from vidobs.sdk.client._server import Server

MAX_RETRIES = 2
LONGEST_RETRY_AFTER_S = 120.0
_SHORTEST_S = 0.5
_LONGEST_S = 8.0
_RETRIED = frozenset({408, 409, 429})
_SERVER_ERROR = 500


class Wire:
    """What the sync and the async wire share."""

    def __init__(self, server: Server, requests: Merged, *, max_retries: int = MAX_RETRIES) -> None:
        self.server = server
        self.requests = requests
        self.max_retries = max_retries

    @property
    def base_url(self) -> str:
        """The address up to `/videos`."""
        return self.server.base_url

    @property
    def api_key(self) -> str | None:
        """The key, where it is a plain one: texts about calls must not quote it."""
        key = self.server.key
        return key if isinstance(key, str) else None

    def trusts(self, place: Place) -> bool:
        """Tell whether a file is fetched from a place by the client that asked for it.

        A client of the user's, and a proxy, look names up by themselves.
        """
        return place.ours or not isinstance(self.requests, Plain) or place.proxied

    def connection_error(self, error: Exception, options: Options) -> APIConnectionError:
        """Return our error for one of httpx's; its cause says whether anything was sent."""
        timed_out = isinstance(error, httpx.TimeoutException)
        kind = Timeout if timed_out else APIConnectionError
        said = "no answer in time" if timed_out else "no answer"
        return kind(
            f"{options.method} {options.url}: {said} from {self.server.base_url} "
            f"({type(error).__name__})",
            provider=self.server.provider,
        )

    def broken_body(self, error: Exception) -> APIConnectionError:
        """Return our error for a body that broke off."""
        kind = Timeout if isinstance(error, httpx.TimeoutException) else APIConnectionError
        return kind(
            f"the body from {self.server.base_url} broke off ({type(error).__name__})",
            provider=self.server.provider,
        )

    def _should_retry(self, response: httpx.Response) -> bool:
        """Tell whether an answer may be asked for again; a server's own word comes first."""
        said = response.headers.get("x-should-retry")
        if said in ("true", "false"):
            return bool(said == "true")
        wait = retry_after_s(response.headers)
        if wait is not None and wait > LONGEST_RETRY_AFTER_S:
            return False
        passing = response.status_code in _RETRIED or response.status_code >= _SERVER_ERROR
        return passing and failed_body(response.content) is None  # the job failed, not the call

    def refused(self, answer: httpx.Response, options: Options) -> APIError:
        """Return the error for an answer that is no success."""
        hint = lacking(self.server.variant, options, answer.status_code)
        return error_of(answer, self.server.provider, hint=hint)

    def pause_s(self, retries: int, response: httpx.Response | None) -> float:
        """Return how long to wait before another attempt: what the server asks for, else longer.

        Exponential back-off, with jitter of a quarter.
        """
        asked = None if response is None else retry_after_s(response.headers)
        if asked is not None and 0 <= asked <= LONGEST_RETRY_AFTER_S:
            return asked
        longest = min(_LONGEST_S, _SHORTEST_S * 2.0 ** min(retries, 16))
        return longest * (1 - 0.25 * random.random())  # noqa: S311 - jitter

    def copy(self) -> Wire:
        """Return itself: what a wire does is settled when it is made."""
        return self

    with_options = copy


class SyncWire(Wire):
    """The blocking one. Safe to share between threads."""

    def __init__(
        self,
        server: Server,
        http: httpx.Client | None,
        *,
        ours: httpx.Client | None = None,
        max_retries: int = MAX_RETRIES,
        resolve: Resolve = elsewhere.resolve,
    ) -> None:
        """`ours` is a client without settings, in place of a new one; its maker closes it."""
        self._own = http is None and ours is None
        self._resolve = resolve
        self._abroad: httpx.Client | None = None
        self._client = http or ours or httpx.Client()
        requests = Merged(server, http) if http is not None else Plain(server, self._client)
        super().__init__(server, requests, max_retries=max_retries)

    def request(self, _: object, options: Options) -> httpx.Response:
        """Send a request, again where that is safe, and return the answer, which is a success.

        Raises:
            APIError: it was not, or there was none.
        """
        retries = options.get_max_retries(self.max_retries)
        for attempt in range(retries + 1):
            try:
                answer = self._send(options)
            except APIConnectionError as error:
                if attempt == retries or error.status_code is not None:
                    raise
                self._sleep_for_retry(retries_taken=attempt)
                continue
            if answer.is_success:
                return answer
            answer.read()
            if attempt == retries or not self._should_retry(answer):
                raise self.refused(answer, options)
            self._sleep_for_retry(retries_taken=attempt, response=answer)
        raise AssertionError  # the last attempt returns or raises

    def _send(self, options: Options) -> httpx.Response:
        client, request = self._client, self.requests(options)
        try:
            for _ in range(redirects.MOST):
                answer = client.send(request, stream=options.stream, follow_redirects=False)
                if redirects.may_point(self, answer, options):
                    answer.read()
                named = redirects.place_of(self, answer, options)
                if named is None:
                    return answer
                answer.close()
                place = redirects.there(self, named, answer, options)
                client, request = self._client_for(place, answer, options)
        except httpx.InvalidURL as error:
            raise redirects.nowhere(self, options) from error
        except (httpx.HTTPError, socket.gaierror) as error:
            raise self.connection_error(error, options) from error
        raise redirects.too_many(self, answer, options)

    def _client_for(
        self, place: Place, answer: httpx.Response, options: Options
    ) -> tuple[httpx.Client, httpx.Request]:
        """Return the client that fetches a file from where a download was sent on to."""
        if self.trusts(place):
            request = self._client.build_request(
                "GET", place.url, headers=place.headers, timeout=place.timeout
            )
            return self._client, request
        addresses = self._resolve(place.host, place.url.port)
        home = self._resolve(*redirects.home_of(self))
        request = redirects.dialled(self, place, addresses, home, answer=answer, options=options)
        self._abroad = self._abroad or elsewhere.dialling()
        return self._abroad, request

    def chunk(self, body: Body) -> bytes | None:
        """Read the next piece of a streamed body; `None` at its end."""
        try:
            if body.pieces is None:
                body.pieces = body.response.iter_bytes()
            piece: bytes | None = next(body.pieces, None)
        except httpx.HTTPError as error:
            raise self.broken_body(error) from error
        return piece

    def _sleep_for_retry(
        self, *, retries_taken: int, response: httpx.Response | None = None, **_: object
    ) -> None:
        time.sleep(self.pause_s(retries_taken, response))

    def close(self) -> None:
        """Close the connections, unless they are the caller's."""
        if self._abroad is not None:
            self._abroad.close()
        if self._own:
            self._client.close()


class AsyncWire(Wire):
    """The awaiting one."""

    def __init__(
        self,
        server: Server,
        http: httpx.AsyncClient | None,
        *,
        ours: httpx.AsyncClient | None = None,
        max_retries: int = MAX_RETRIES,
        resolve: AsyncResolve = elsewhere.resolve_async,
    ) -> None:
        """`ours` is a client without settings, in place of a new one; its maker closes it."""
        self._own = http is None and ours is None
        self._resolve = resolve
        self._abroad: httpx.AsyncClient | None = None
        self._client = http or ours or httpx.AsyncClient()
        requests = Merged(server, http) if http is not None else Plain(server, self._client)
        super().__init__(server, requests, max_retries=max_retries)

    async def request(self, _: object, options: Options) -> httpx.Response:
        """Send a request, again where that is safe, and return the answer, which is a success.

        Raises:
            APIError: it was not, or there was none.
        """
        retries = options.get_max_retries(self.max_retries)
        for attempt in range(retries + 1):
            try:
                answer = await self._send(options)
            except APIConnectionError as error:
                if attempt == retries or error.status_code is not None:
                    raise
                await self._sleep_for_retry(retries_taken=attempt)
                continue
            if answer.is_success:
                return answer
            await answer.aread()
            if attempt == retries or not self._should_retry(answer):
                raise self.refused(answer, options)
            await self._sleep_for_retry(retries_taken=attempt, response=answer)
        raise AssertionError  # the last attempt returns or raises

    async def _send(self, options: Options) -> httpx.Response:
        client, request = self._client, self.requests(options)
        try:
            for _ in range(redirects.MOST):
                answer = await client.send(request, stream=options.stream, follow_redirects=False)
                if redirects.may_point(self, answer, options):
                    await answer.aread()
                named = redirects.place_of(self, answer, options)
                if named is None:
                    return answer
                await answer.aclose()
                place = redirects.there(self, named, answer, options)
                client, request = await self._client_for(place, answer, options)
        except httpx.InvalidURL as error:
            raise redirects.nowhere(self, options) from error
        except (httpx.HTTPError, socket.gaierror) as error:
            raise self.connection_error(error, options) from error
        raise redirects.too_many(self, answer, options)

    async def _client_for(
        self, place: Place, answer: httpx.Response, options: Options
    ) -> tuple[httpx.AsyncClient, httpx.Request]:
        """Return the client that fetches a file from where a download was sent on to."""
        if self.trusts(place):
            request = self._client.build_request(
                "GET", place.url, headers=place.headers, timeout=place.timeout
            )
            return self._client, request
        addresses = await self._resolve(place.host, place.url.port)
        home = await self._resolve(*redirects.home_of(self))
        request = redirects.dialled(self, place, addresses, home, answer=answer, options=options)
        self._abroad = self._abroad or elsewhere.dialling_async()
        return self._abroad, request

    async def chunk(self, body: Body) -> bytes | None:
        """Read the next piece of a streamed body; `None` at its end."""
        try:
            if body.pieces is None:
                body.pieces = body.response.aiter_bytes()
            piece: bytes | None = await anext(body.pieces, None)
        except httpx.HTTPError as error:
            raise self.broken_body(error) from error
        return piece

    async def _sleep_for_retry(
        self, *, retries_taken: int, response: httpx.Response | None = None, **_: object
    ) -> None:
        await asyncio.sleep(self.pause_s(retries_taken, response))

    async def close(self) -> None:
        """Close the connections, unless they are the caller's."""
        if self._abroad is not None:
            await self._abroad.aclose()
        if self._own:
            await self._client.aclose()
