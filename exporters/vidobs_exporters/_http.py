"""How exporters talk HTTP: one connection kept alive, strict limits, and errors the relay reads.

Nothing of the environment is used: no proxies, no netrc. Redirects are not followed, since they
would carry events and credentials to a place nobody named.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

import httpx

from vidobs import ExportError, scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT_S = 3.0
TIMEOUT_S = 15.0  # for a whole answer, however slowly it comes
MOST_ANSWER_BYTES = 64 * 1024  # read of an answer
EXCERPT = 200  # characters of an answer that an error quotes

_LATER = frozenset({408, 409, 423, 425, 429})  # 4xx that may go better another time
_UNCLEAR = frozenset({401, 402, 403, 404, 405, 407, 501, 505})  # key or address, or the event
_SUCCESS = range(200, 300)
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


class Answer(NamedTuple):
    """What a receiver said: status, headers, and the beginning of the body."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status in _SUCCESS

    @property
    def excerpt(self) -> str:
        """The body in one short line without secrets."""
        return scrub(self.body.decode("utf-8", "replace").strip(), EXCERPT)


class Http:
    """The connection of one exporter to its receiver. For one thread."""

    def __init__(
        self,
        name: str,
        *,
        timeout_s: float = TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Connect to nothing yet. `name` is the exporter's, for error texts."""
        self._name = name
        self._timeout_s = timeout_s
        self._now = now
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1),
            follow_redirects=False,
            trust_env=False,
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer, whatever its status.

        Raises:
            ExportError: there was no answer; retryable.
        """
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._client.stream(method, url, content=content, headers=headers) as response:
                body = self._read(response, deadline)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            said = scrub(str(error), EXCERPT) or "no details"
            raise ExportError(
                f"exporter {self._name!r}: no answer from {origin(url)}: "
                f"{type(error).__name__}: {said}",
                retryable=not isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol),
            ) from error
        return Answer(response.status_code, response.headers, body)

    def deliver(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer, which is a success.

        Raises:
            ExportError: it was not; see `failure`.
        """
        answer = self.send(method, url, content=content, headers=headers)
        if not answer.ok:
            raise self.failure(answer, url)
        return answer

    def failure(self, answer: Answer, url: str) -> ExportError:
        """Return what an answer that is no success means.

        408, 409, 423, 425, 429 and 5xx may be tried again, `Retry-After` being heard. Of a wrong
        key, a wrong address and a redirect, which is not followed, nobody knows whether every event
        meets them. Every other answer is a refusal of what was sent.
        """
        status = answer.status
        retryable: bool | None = status in _LATER or status in _SERVER_ERRORS
        if status in _UNCLEAR or status in _REDIRECTS:
            retryable = None
        said = f": {answer.excerpt}" if answer.body else ""
        hint = ""
        if status in _REDIRECTS:
            hint = "; redirects are not followed, set the final URL"
        elif status in (401, 403):
            hint = "; check its key"
        return ExportError(
            f"exporter {self._name!r}: {origin(url)} answered {status}{said}{hint}",
            retryable=retryable,
            retry_after_s=retry_after_s(answer.headers, self._now()) if retryable else None,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _read(self, response: httpx.Response, deadline: float) -> bytes:
        """Read the beginning of an answer; one that never ends is cut off."""
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= MOST_ANSWER_BYTES:
                break
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"no whole answer in {self._timeout_s:g} s")
        return bytes(body[:MOST_ANSWER_BYTES])


def origin(url: str) -> str:
    """Return scheme and host of a URL: what is behind them may hold a secret."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "its URL"
    port = f":{parsed.port}" if parsed.port is not None else ""
    return f"{parsed.scheme}://{parsed.host}{port}"


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the wait that a `Retry-After` header asks for: seconds, or a date.

    https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    given = headers.get("retry-after", "").strip()
    if not given:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(given).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
