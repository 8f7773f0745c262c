"""Sends one request of our client over httpx, and turns what goes wrong into our errors.

`request` is the one function that every call goes through; the funnels that watch wrapped clients
stand around it, so that our own client is observed by the same code.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

import httpx

from vidobs.core.api_errors import APIConnectionError, Timeout
from vidobs.dialects.outgoing import form_fields
from vidobs.dialects.variants import Bodies
from vidobs.sdk.client._addresses import leads_out
from vidobs.sdk.client._answers import error_of, retry_after_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vidobs.sdk.client._options import Body, Options
    from vidobs.sdk.client._server import Server

TIMEOUT_S = 600.0
CONNECT_S = 10.0
MAX_RETRIES = 2
LONGEST_RETRY_AFTER_S = 120.0
MOST_REDIRECTS = 5
_SHORTEST_S = 0.5
_LONGEST_S = 8.0
_RETRIED = frozenset({408, 409, 429})
_SERVER_ERROR = 500
_USER_AGENT = "vidobs-python"
_SMALL = {"Accept": "application/json"}
_STREAMED = {"Accept": "*/*", "Accept-Encoding": "identity"}  # a part of what is packed is useless
_PUBLIC = frozenset({"range", "if-range", "if-match", "accept"})


class Wire:
    """What the sync and the async wire share."""

    def __init__(self, server: Server, *, max_retries: int = MAX_RETRIES) -> None:
        self.server = server
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

    def arguments(self, options: Options) -> dict[str, Any]:
        """Return what httpx builds a request from."""
        server = self.server
        headers = {
            "User-Agent": _USER_AGENT,
            **(_STREAMED if options.stream else _SMALL),
            **server.auth(),
            **server.headers,
            **options.headers,
        }
        query = {**server.query, **options.params}
        return {
            "method": options.method,
            "url": server.base_url + options.url,
            "headers": headers,
            "params": {name: value for name, value in query.items() if value is not None} or None,
            "timeout": _timeout(options.timeout),
            **self._body(options),
        }

    def _body(self, options: Options) -> dict[str, Any]:
        fields = options.json_data
        if fields is None and not options.files:
            return {}
        given = {**(fields or {}), **(options.extra_json or {})}
        if options.files or self.server.variant.bodies is Bodies.FORM:
            files = [*_parts(given), *options.files]
            return {"files": files}
        return {"json": given}

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

    def elsewhere(self, answer: httpx.Response, options: Options) -> dict[str, Any]:
        """Return the request that a redirect of a download asks for.

        Keys go to the server they are for, and nowhere else.

        Raises:
            APIConnectionError: it leads into a private network, or is no address.
        """
        try:
            url = answer.url.join(answer.headers.get("location", ""))
        except httpx.InvalidURL:
            url = httpx.URL("")
        home = httpx.URL(self.server.base_url)
        if not leads_out(url, home):
            raise APIConnectionError(
                f"{options.method} {options.url}: {self.server.base_url} redirects to a place that "
                "downloads are not fetched from",
                provider=self.server.provider,
                status_code=answer.status_code,
            )
        same = (url.scheme, url.host, url.port) == (home.scheme, home.host, home.port)
        wanted = self.arguments(options)
        kept = wanted["headers"] if same else _public(options.headers)
        return {"url": url, "headers": kept, "timeout": wanted["timeout"]}

    def too_many_redirects(self, options: Options) -> APIConnectionError:
        """Return our error for a download that is sent on and on."""
        return APIConnectionError(
            f"{options.method} {options.url}: more than {MOST_REDIRECTS} redirects",
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
        return response.status_code in _RETRIED or response.status_code >= _SERVER_ERROR

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
        self, server: Server, http: httpx.Client | None, *, max_retries: int = MAX_RETRIES
    ) -> None:
        super().__init__(server, max_retries=max_retries)
        self._own = http is None
        self._client = http or httpx.Client(timeout=_timeout(None))

    def request(self, _: object, options: Options) -> httpx.Response:
        """Send a request, again where that is safe, and return the answer, which is a success.

        Raises:
            APIError: it was not, or there was none.
        """
        retries = options.get_max_retries(self.max_retries)
        for attempt in range(retries + 1):
            try:
                answer = self._send(options)
            except APIConnectionError:
                if attempt == retries:
                    raise
                self._sleep_for_retry(retries_taken=attempt)
                continue
            if answer.is_success:
                return answer
            answer.read()
            if attempt == retries or not self._should_retry(answer):
                raise error_of(answer, self.server.provider)
            self._sleep_for_retry(retries_taken=attempt, response=answer)
        raise AssertionError  # the last attempt returns or raises

    def _send(self, options: Options) -> httpx.Response:
        try:
            request = self._client.build_request(**self.arguments(options))
            for _ in range(MOST_REDIRECTS):
                answer = self._client.send(request, stream=options.stream, follow_redirects=False)
                if not (options.stream and answer.is_redirect):
                    return answer
                answer.close()
                request = self._client.build_request("GET", **self.elsewhere(answer, options))
        except httpx.HTTPError as error:
            raise self.connection_error(error, options) from error
        raise self.too_many_redirects(options)

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
        if self._own:
            self._client.close()


class AsyncWire(Wire):
    """The awaiting one."""

    def __init__(
        self, server: Server, http: httpx.AsyncClient | None, *, max_retries: int = MAX_RETRIES
    ) -> None:
        super().__init__(server, max_retries=max_retries)
        self._own = http is None
        self._client = http or httpx.AsyncClient(timeout=_timeout(None))

    async def request(self, _: object, options: Options) -> httpx.Response:
        """Send a request, again where that is safe, and return the answer, which is a success.

        Raises:
            APIError: it was not, or there was none.
        """
        retries = options.get_max_retries(self.max_retries)
        for attempt in range(retries + 1):
            try:
                answer = await self._send(options)
            except APIConnectionError:
                if attempt == retries:
                    raise
                await self._sleep_for_retry(retries_taken=attempt)
                continue
            if answer.is_success:
                return answer
            await answer.aread()
            if attempt == retries or not self._should_retry(answer):
                raise error_of(answer, self.server.provider)
            await self._sleep_for_retry(retries_taken=attempt, response=answer)
        raise AssertionError  # the last attempt returns or raises

    async def _send(self, options: Options) -> httpx.Response:
        client = self._client
        try:
            request = client.build_request(**self.arguments(options))
            for _ in range(MOST_REDIRECTS):
                answer = await client.send(request, stream=options.stream, follow_redirects=False)
                if not (options.stream and answer.is_redirect):
                    return answer
                await answer.aclose()
                request = client.build_request("GET", **self.elsewhere(answer, options))
        except httpx.HTTPError as error:
            raise self.connection_error(error, options) from error
        raise self.too_many_redirects(options)

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
        if self._own:
            await self._client.aclose()


def _parts(fields: Mapping[str, object]) -> list[tuple[str, Any]]:
    """Return form fields as parts without a file name: httpx makes a multipart form of them."""
    return [(name, (None, value)) for name, value in form_fields(fields)]


def _public(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what of a request's own headers another host may see."""
    return {name: value for name, value in headers.items() if name.lower() in _PUBLIC}


def _timeout(seconds: float | None) -> httpx.Timeout:
    whole = TIMEOUT_S if seconds is None else seconds
    return httpx.Timeout(whole, connect=min(CONNECT_S, whole))
