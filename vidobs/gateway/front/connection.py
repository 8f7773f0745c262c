"""A client's connection: HTTP/1.1 by httptools, with limits of time and of size.

It stands where uvicorn's own protocol would, costs a third of it, and hands every request to an
`Exchange`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import struct
from collections import deque
from functools import partial
from traceback import format_tb
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httptools

from vidobs.gateway.front.exchange import ANSWER, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from uvicorn.server import ServerState

    from vidobs.gateway.front.front import Front
    from vidobs.gateway.seams import Receive, Scope, Send

    Application = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_TOO_LARGE = b"431 Request Header Fields Too Large"
_TOO_SLOW = b"408 Request Timeout"
_BROKEN = b"400 Bad Request"
_REFUSED = b"HTTP/1.1 %b\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_NEVER = math.inf
_AT_ONCE = struct.pack("ii", 1, 0)  # closed, and what the kernel has to send is dropped

_log = logging.getLogger("vidobs")


class Connection(asyncio.Protocol):
    """One connection, which answers in the order of the requests."""

    __slots__ = (
        "_app", "_front", "_header_bytes", "_headers", "_in_headers", "_limits", "_parser",
        "_partial", "_paused", "_queue", "_reading", "_refused", "_state", "_transport", "_turn",
        "_unsent", "_url", "_wants_continue", "_writable", "_write_deadline", "client", "deadline",
        "loop", "server", "write_paused",
    )  # fmt: skip

    def __init__(
        self, front: Front, app: Application, state: ServerState, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop = loop
        self.deadline = _NEVER  # by the loop's clock
        self.write_paused = False
        self._front = front
        self._limits = front.limits
        self._app = app
        self._state = state
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._header_bytes = 0
        self._partial = 0  # bytes of headers that are not whole
        self._in_headers = True  # those of the first request are waited for from the start
        self._wants_continue = False
        self._reading: Exchange | None = None  # whose body comes
        self._turn: Exchange | None = None  # that is being answered
        self._queue: deque[Exchange] = deque()  # that came too early
        self._paused = False
        self._refused = False
        self._writable: asyncio.Future[None] | None = None
        self._unsent: float = _NEVER  # bytes, when that was last looked at
        self._write_deadline = _NEVER

    # -- what the transport calls ------------------------------------------------------------------

    def connection_made(  # type: ignore[override] # of a socket: uvicorn opens no other
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for the first request."""
        self._transport = transport
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # the rest is not read
        self.client = tuple(transport.get_extra_info("peername")[:2])
        self.server = tuple(transport.get_extra_info("sockname")[:2])
        self.deadline = self.loop.time() + self._limits.header_timeout_s
        self._state.connections.add(self)  # type: ignore[arg-type] # one that uvicorn can shut down
        self._front.open.add(self)
        self._front.look(self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        del exc
        self._state.connections.discard(self)
        self._front.open.discard(self)
        self._front.unsent.discard(self)
        for exchange in (self._turn, self._reading, *self._queue):
            if exchange is not None:
                exchange.lose()
        self._queue.clear()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        """Read what came, unless the connection is given up."""
        if self._refused:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # it is answered as any other, by the protocol that we speak
        except httptools.HttpParserError:
            self._give_up(_BROKEN)
            return
        if self._in_headers:
            self._partial += len(data)
            if self._partial > 2 * self._limits.max_header_bytes:  # a single one that never ends
                self._give_up(_TOO_LARGE)
        elif self._reading is not None:
            self.deadline = self.loop.time() + self._limits.body_timeout_s
        elif self._turn is not None:
            self.deadline = _NEVER

    def eof_received(self) -> None:
        """Let the connection end."""

    def pause_writing(self) -> None:
        """Have senders wait."""
        self.write_paused = True
        self._watch_unsent()

    def resume_writing(self) -> None:
        """Let senders go on."""
        self.write_paused = False
        if not self._transport.is_closing():
            self._front.unsent.discard(self)
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # -- what the parser calls ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._url = b""
        self._headers = []
        self._header_bytes = 0
        self._wants_continue = False
        if not self._in_headers:
            self._in_headers = True
            self.deadline = self.loop.time() + self._limits.header_timeout_s

    def on_url(self, url: bytes) -> None:
        """Take a piece of the address."""
        if self._fits(len(url)):
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those behind a body are not looked at."""
        if self._fits(len(name) + len(value)) and self._in_headers:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self._wants_continue = True
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Let the request be answered, in its turn."""
        self._in_headers = False
        self._partial = 0
        if self._refused:
            return
        version = self._parser.get_http_version()
        exchange = Exchange(
            self,
            self._scope(version),
            keep_alive=version != "1.0" and self._parser.should_keep_alive(),
            wants_continue=self._wants_continue,
        )
        self._reading = exchange
        if self._turn is None:
            self._begin(exchange)
        else:
            self._queue.append(exchange)
            self._pause_reading()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if self._reading is not None and self._reading.feed(body):
            self._pause_reading()

    def on_message_complete(self) -> None:
        """End a request."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.end()
            if self._turn is None:  # answered before it was whole
                self._rest()

    # -- what an exchange calls --------------------------------------------------------------------

    @property
    def default_headers(self) -> list[bytes]:
        """The lines that every answer has; uvicorn makes them anew each second."""
        return [b"%b: %b" % header for header in self._state.default_headers]

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the other side has taken most of what was sent."""
        if self._writable is None:
            self._writable = self.loop.create_future()
        await asyncio.shield(self._writable)

    def resume_reading(self) -> None:
        """Read on, where that was stopped."""
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def answered(self, exchange: Exchange) -> None:
        """Go on with the next request."""
        self._state.total_requests += 1
        self._turn = None
        if not exchange.keep_alive or self._refused:
            self._close()
        elif self._queue:
            self._begin(self._queue.popleft())
        else:
            self.resume_reading()
            if self._reading is None:
                self._rest()

    def ended(self, exchange: Exchange, task: asyncio.Task[None]) -> None:
        """See what an application came to: a fault of it is told to the client and to the log."""
        self._state.tasks.discard(task)
        exchange.scope.pop(ANSWER, None)  # which knows the exchange: a circle
        error = None if task.cancelled() else task.exception()
        if error is not None:
            where = "".join(format_tb(error.__traceback__))  # its text may quote a prompt or a key
            _log.error("the gateway failed inside: %s\n%s", type(error).__name__, where)
        if exchange.complete or exchange.gone:
            return
        if error is not None and not exchange.started:
            told = self._front.on_fault
            exchange.answer(told.status, told.headers, told.body)
        else:
            self._close()  # the end of what was begun cannot be told otherwise

    # -- what the server calls ---------------------------------------------------------------------

    def expire(self, now_s: float) -> None:
        """End a connection whose time is over."""
        if self._reading is not None and self._paused:  # it is us who do not read
            self.deadline = now_s + self._limits.body_timeout_s
        elif self._in_headers or self._reading is not None:
            self._give_up(_TOO_SLOW)
        else:
            self.deadline = _NEVER
            self._close()

    def look_at_unsent(self, now_s: float) -> None:
        """Give up a client that takes nothing of what waits for it."""
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._write_deadline = now_s + self._limits.write_timeout_s
        elif now_s >= self._write_deadline:
            held = self._transport.get_extra_info("socket")
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self._transport.abort()
        self._unsent = unsent

    def shutdown(self) -> None:
        """End after what is being answered."""
        if self._turn is None:
            self._close()
            return
        for exchange in (self._turn, *self._queue):
            exchange.keep_alive = False

    # -- inside ------------------------------------------------------------------------------------

    def _scope(self, version: str) -> Scope:
        url, raw_path, query = self._url, self._url, b""
        if not url.startswith(b"/") or b"?" in url or b"#" in url:
            parsed = httptools.parse_url(url)
            raw_path, query = parsed.path or b"/", parsed.query or b""
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": self._parser.get_method().decode("ascii"),
            "scheme": "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "client": self.client,
            "server": self.server,
        }

    def _begin(self, exchange: Exchange) -> None:
        self._turn = exchange
        scope = exchange.scope
        scope[ANSWER] = exchange.answer
        task = self.loop.create_task(self._app(scope, exchange.receive, exchange.send))
        self._state.tasks.add(task)
        task.add_done_callback(partial(self.ended, exchange))

    def _rest(self) -> None:
        self.deadline = self.loop.time() + self._limits.keep_alive_s

    def _watch_unsent(self) -> None:
        """Have what waits for the client looked at, from now on."""
        self._unsent = _NEVER
        self._front.unsent.add(self)

    def _close(self) -> None:
        """Close the connection, once the client has taken what waits for it."""
        self._transport.close()
        if self not in self._front.unsent and self._transport.get_write_buffer_size():
            self._watch_unsent()

    def _pause_reading(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _fits(self, size: int) -> bool:
        self._header_bytes += size
        if self._header_bytes > self._limits.max_header_bytes and not self._refused:
            self._give_up(_TOO_LARGE)
        return not self._refused

    def _give_up(self, status: bytes) -> None:
        self._refused = True
        self.deadline = _NEVER
        if not self._transport.is_closing():
            if self._turn is None or not self._turn.started:
                self._transport.write(_REFUSED % status)
            self._close()
