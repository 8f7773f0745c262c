"""How exporters talk HTTP: one connection kept alive, strict limits, and errors the relay reads.

Nothing of the environment is used but `SSL_CERT_FILE` and `SSL_CERT_DIR`: no proxies, no netrc.
Redirects are not followed, since they would carry events and credentials to a place nobody named.
Cookies are not kept. Nothing is logged: URLs and headers may hold secrets.
"""

from __future__ import annotations

import gzip
import os
import time
from contextlib import closing
from typing import TYPE_CHECKING

import httpx

from vidobs import ExportError, __version__, scrub
from vidobs_exporters._answers import EXCERPT, Answer, retry_after_s
from vidobs_exporters._dial import Deadline, Dialler, Transport, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vidobs_exporters._dial import AddressCheck, Resolve

__all__ = ["CONNECT_S", "EXCERPT", "TIMEOUT_S", "Answer", "Http", "gzipped", "origin"]

CONNECT_S = 3.0  # for each address of the receiver
TIMEOUT_S = 15.0  # for a whole answer, however slowly it comes
MOST_ANSWER_BYTES = 64 * 1024  # read of an answer

_ALWAYS = {
    "user-agent": f"vidobs/{__version__}",
    "accept": "*/*",
    "accept-encoding": "identity",  # an answer cannot grow while it is read
}
_LATER = frozenset({408, 425, 429})  # 4xx that may go better another time
_UNCLEAR = frozenset({401, 402, 403, 404, 405, 407, 409, 423, 501, 505})  # receiver or event
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)


class Http:
    """The connection of one exporter to its receiver. For one thread, and across a fork."""

    def __init__(
        self,
        name: str,
        *,
        timeout_s: float = TIMEOUT_S,
        check: AddressCheck | None = None,
        resolve: Resolve = resolve,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Connect to nothing yet.

        `name` is the exporter's, for error texts. `check` gets the addresses of a receiver before
        one is dialled, and raises if it must not be. `transport` stands in for the network.
        """
        self._name = name
        self._timeout_s = timeout_s
        self._now = now
        self._deadline = Deadline()
        self._dialler = Dialler(self._deadline, resolve=resolve, check=check)
        self._process = os.getpid()
        self._given = transport
        self._transport = transport or Transport(self._dialler)

    def send(
        self,
        method: str,
        url: str,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and return the answer, whatever its status.

        The status counts: an answer whose body breaks off, or never ends, is an answer.

        Raises:
            ExportError: there was no answer; retryable. Or the request cannot be sent as it is,
                which `retryable` leaves open.
        """
        self._deadline.start(self._timeout_s)
        try:
            request = self._request(method, url, content, headers or {})
            response = self._connection().handle_request(request)
        # Their texts, and so the exceptions themselves, may hold a key.
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise self._unsendable("its URL cannot be used") from None
        except (httpx.LocalProtocolError, UnicodeEncodeError):
            raise self._unsendable(
                "a header holds what HTTP does not allow; look for a line break in a key"
            ) from None
        except httpx.HTTPError as error:
            said = scrub(str(error), EXCERPT) or "no details"
            raise ExportError(
                f"exporter {self._name!r}: no answer from {origin(url)}: "
                f"{type(error).__name__}: {said}",
                retryable=True,
            ) from error
        with closing(response):
            body, whole = _read(response)
        return Answer(response.status_code, response.headers, body, whole, request)

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
            ExportError: it was not; see `send` and `failure`.
        """
        answer = self.send(method, url, content=content, headers=headers)
        if not answer.ok:
            raise self.failure(answer, url)
        return answer

    def failure(self, answer: Answer, url: str) -> ExportError:
        """Return what an answer that is no success means.

        408, 425, 429 and 5xx may be tried again, `Retry-After` being heard. Of a wrong key, a
        wrong address, a conflict and a redirect, which is not followed, nobody knows whether every
        event meets them. Every other answer is a refusal of what was sent.
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
        if os.getpid() == self._process:
            self._transport.close()

    def _request(
        self, method: str, url: str, content: bytes, headers: Mapping[str, str]
    ) -> httpx.Request:
        merged = httpx.Headers(_ALWAYS)
        merged.update(headers)
        wait = httpx.Timeout(self._timeout_s, connect=min(CONNECT_S, self._timeout_s))
        request = httpx.Request(
            method, url, content=content, headers=merged, extensions={"timeout": wait.as_dict()}
        )
        if request.url.userinfo and "authorization" not in request.headers:
            basic = httpx.BasicAuth(request.url.username, request.url.password)
            return next(basic.auth_flow(request))
        return request

    def _connection(self) -> httpx.BaseTransport:
        """Return the transport; in a forked child a new one, for the old is still its parent's."""
        if os.getpid() != self._process:
            self._process = os.getpid()
            self._transport = self._given or Transport(self._dialler)
        return self._transport

    def _unsendable(self, why: str) -> ExportError:
        return ExportError(
            f"exporter {self._name!r}: the request cannot be sent: {why}", retryable=None
        )


def gzipped(content: bytes) -> bytes:
    """Compress a body, for `content-encoding: gzip`; equal bodies give equal bytes."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def origin(url: str) -> str:
    """Return scheme and host of a URL: what is behind them may hold a secret."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "its URL"
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    port = f":{parsed.port}" if parsed.port is not None else ""
    return f"{parsed.scheme}://{host}{port}"


def _read(response: httpx.Response) -> tuple[bytes, bool]:
    """Read the beginning of a body, and tell whether it is all of it."""
    body = bytearray()
    try:
        for chunk in response.stream if isinstance(response.stream, httpx.SyncByteStream) else ():
            body += chunk
            if len(body) > MOST_ANSWER_BYTES:
                return bytes(body[:MOST_ANSWER_BYTES]), False
    except httpx.TransportError:
        return bytes(body), False
    return bytes(body), True
