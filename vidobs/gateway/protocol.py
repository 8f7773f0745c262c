"""uvicorn's protocol, which waits only so long for a request, and takes only so many headers.

A timer runs only while a request is there in part: one that comes in one piece costs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection of a client. `bounded` makes the class for a configuration."""

    max_header_bytes: ClassVar[int] = 32 << 10
    header_timeout_s: ClassVar[float] = 10.0  # until the headers are whole
    body_timeout_s: ClassVar[float] = 30.0  # without a byte of the body
    _timer: asyncio.TimerHandle | None = None
    _in_headers = True  # those of the first request are waited for from the start
    _in_body = False
    _header_bytes = 0
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait(self.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came, unless the connection is given up."""
        if self._refused:
            return
        super().data_received(data)
        if self._in_headers:
            if self._timer is None:
                self._wait(self.header_timeout_s)
            return
        if self._timer is not None:
            self._stop_waiting()
        if self._in_body:
            self._wait(self.body_timeout_s)

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._header_bytes = 0
        self._in_headers = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count what comes of the address."""
        if self._fits(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count what comes of the headers."""
        if self._fits(len(name) + len(value)):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Go on, where they are not too large."""
        self._in_headers, self._in_body = False, True
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take the body of a request that was taken."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request that was taken."""
        self._in_body = False
        if not self._refused:
            super().on_message_complete()

    def _fits(self, size: int) -> bool:
        self._header_bytes += size
        if self._header_bytes > self.max_header_bytes and not self._refused:
            self._give_up(_TOO_LARGE)
        return not self._refused

    def _wait(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        if self._in_body and self.flow.read_paused:  # it is us who do not read
            self._wait(self.body_timeout_s)
        else:
            self._give_up(_TOO_SLOW)

    def _give_up(self, answer: bytes) -> None:
        self._refused = True
        self._stop_waiting()
        if not self.transport.is_closing():
            if not getattr(self.cycle, "response_started", False):  # there may be no cycle yet
                self.transport.write(answer)
            self.transport.close()


def bounded(
    *, max_header_bytes: int, header_timeout_s: float, body_timeout_s: float
) -> type[BoundedProtocol]:
    """Return the protocol with these limits."""
    limits = {
        "max_header_bytes": max_header_bytes,
        "header_timeout_s": header_timeout_s,
        "body_timeout_s": body_timeout_s,
    }
    return type("BoundedProtocol", (BoundedProtocol,), limits)
