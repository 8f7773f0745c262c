"""One connection to a server: one request at a time, and what comes of it."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from vidobs.gateway.client.answers import (
    ENDED,
    MALFORMED,
    MOST_HEADERS_BYTES,
    SILENT,
    CallError,
    Reply,
)
from vidobs.gateway.client.packing import unpacked
from vidobs.gateway.client.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vidobs.gateway.client.addresses import Origin
    from vidobs.gateway.client.seams import Keeper

_INFORMATIONAL = 200  # below it
_BODILESS = frozenset({204, 304})


class _MoreThanAskedError(Exception):
    """A second answer begins: nobody asked for it."""


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1. Whatever a server does that it should not ends the connection."""

    __slots__ = (
        "_drained", "_headers", "_keep", "_keeper", "_left", "_loop", "_most", "_over", "_parser",
        "_paused", "_pieces", "_raw", "_read_s", "_sending", "_size", "_status", "_stream",
        "_transport", "_until_end", "_waiter", "_whole", "deadline", "idle", "on_body", "on_header",
        "origin", "used",
    )  # fmt: skip

    def __init__(self, origin: Origin, keeper: Keeper, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.idle = False
        self.used = False  # for a request before this one
        self.deadline = inf  # for the next byte, or for the next request; by the loop's clock
        self._keeper = keeper
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._raw: dict[bytes, bytes] = {}
        self._pieces: list[bytes] = []
        self.on_header = self._raw.__setitem__  # called by the parser, as is `on_body`
        self.on_body = self._pieces.append
        self._parser: HttpResponseParser | None = None
        self._waiter: asyncio.Future[Reply | Stream] | None = None
        self._stream: Stream | None = None
        self._drained: asyncio.Future[None] | None = None
        self._paused = False  # the server reads too slowly
        self._sending = False
        self._read_s = 0.0
        self._begin(most_bytes=None)

    # -- asking ------------------------------------------------------------------------------------

    def ask(
        self, request: bytes, *, read_s: float, most_bytes: int | None
    ) -> asyncio.Future[Reply | Stream]:
        """Send a request.

        Up to `most_bytes` of its answer are read as a whole, and the connection then frees itself;
        `None`: its body is read while it comes. Whoever waits no longer has to `abandon` it.
        """
        self.idle = False
        self._waiter = waiter = self._loop.create_future()
        self._read_s = read_s
        self.deadline = self._loop.time() + read_s
        self._begin(most_bytes)
        if self._parser is None:
            self._parser = HttpResponseParser(self)
        transport = self._transport
        if transport is None or transport.is_closing():  # hung up as soon as it was there
            waiter.set_exception(CallError(ENDED, sent=False))
        else:
            transport.write(request)
        return waiter

    async def send(self, pieces: Iterable[bytes]) -> None:
        """Send the rest of a request, until the server answers or hangs up."""
        self._sending = True
        for piece in pieces:
            waiter, transport = self._waiter, self._transport
            if waiter is None or waiter.done() or transport is None:
                return
            transport.write(piece)
            self.deadline = self._loop.time() + self._read_s
            while self._paused and not waiter.done():
                self._drained = self._loop.create_future()
                try:
                    await self._drained
                finally:
                    self._drained = None
        self._sending = False

    def _begin(self, most_bytes: int | None) -> None:
        self._whole = most_bytes is not None
        self._most = most_bytes or 0
        self._status = 0
        self._headers: dict[str, str] = {}
        self._size = 0  # bytes that came
        self._left = 0  # bytes of the body that pass the parser by
        self._keep = self._until_end = self._over = False

    # -- what the transport tells ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._keeper.made(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self.idle:
            self.abort()
            return
        self.deadline = self._loop.time() + self._read_s
        size = len(data)
        self._size += size
        if self._left:
            self._take(data, size)
        elif not self._parsed(data):
            self._fail(MALFORMED)
            return
        if self._over:
            self._finish()
        elif self._status:
            self._go_on(size)
        elif self._size > MOST_HEADERS_BYTES:
            self._fail(MALFORMED)

    def eof_received(self) -> None:
        """End; that may be the end of the body too."""
        if self._until_end and not self._over:
            self._keep, self._over = False, True
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell those who wait."""
        del exc
        self._keeper.lost(self)
        self._fail(ENDED)
        self._transport = self._parser = None  # which knows us: a circle

    def pause_writing(self) -> None:
        """Stop to send: the server does not read."""
        self._paused = True

    def resume_writing(self) -> None:
        """Send on."""
        self._paused = False
        self._wake_sender()

    # -- what the parser tells ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Stop at a second answer."""
        if self._over:
            raise _MoreThanAskedError

    def on_headers_complete(self) -> None:
        """Look at how the body comes."""
        parser, raw = cast("HttpResponseParser", self._parser), self._raw
        status: int = parser.get_status_code()
        if status < _INFORMATIONAL:
            return
        if self._size > MOST_HEADERS_BYTES < sum(map(len, (*raw, *raw.values()))):
            raise _MoreThanAskedError
        self._headers = headers = {
            name.lower().decode("latin-1"): value.decode("latin-1") for name, value in raw.items()
        }
        raw.clear()
        self._status = status
        self._keep = parser.should_keep_alive()
        if not self._keep and status not in _BODILESS and "content-length" not in headers:
            coding = headers.get("transfer-encoding", "").rpartition(",")[2]
            self._until_end = coding.strip().lower() != "chunked"

    def on_message_complete(self) -> None:
        """Take note of the end."""
        self._raw.clear()  # trailers
        if self._status:
            self._over = True

    # -- answers -----------------------------------------------------------------------------------

    def _parsed(self, data: bytes) -> bool:
        """Let the parser read; tell whether it is an answer so far."""
        parser = self._parser
        if parser is None:  # the connection is about to end
            return False
        try:
            parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._keep = False
            return self._over  # what comes behind the answer does not spoil it
        return True

    def _take(self, data: bytes, size: int) -> None:
        """Take a piece of a body whose length is known."""
        left = self._left - size
        if left < 0:
            data, left, self._keep = data[:left], 0, False
        self._left = left
        self._pieces.append(data)
        self._over = not left

    def _go_on(self, size: int) -> None:
        """Wait for more of an answer that has begun."""
        announced = None if self._left else self._headers.get("content-length")
        if announced is not None:  # the parser would only copy the rest
            self._left = int(announced) - sum(map(len, self._pieces))
            self._parser = None
        if self._whole:
            if self._size > self._most + MOST_HEADERS_BYTES:
                self._fail(MALFORMED)
            return
        stream = self._stream or self._opened()
        if self._pieces:
            stream.feed(self._pieces, size)
            self._pieces.clear()

    def _opened(self) -> Stream:
        stream = Stream(self._status, self._headers, source=self, loop=self._loop)
        self._stream = stream
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(stream)
        return stream

    def _finish(self) -> None:
        """Hand the end of an answer over, and be free again."""
        if self._whole:
            self._reply()
        else:
            stream, self._stream = self._stream or self._opened(), None
            stream.end()
            stream.feed(self._pieces, sum(map(len, self._pieces)))
        self._pieces.clear()
        self._wake_sender()
        transport = self._transport
        if self._keep and not self._sending and transport and not transport.is_closing():
            self.idle = self.used = True
            self._keeper.freed(self)
        else:
            self.abort()

    def _reply(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        pieces, headers = self._pieces, self._headers
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        try:
            if len(body) > self._most:
                raise ValueError("the answer is too long")  # noqa: TRY301
            if "content-encoding" in headers:
                body = unpacked(body, headers["content-encoding"], most_bytes=self._most)
        except ValueError as error:
            waiter.set_exception(CallError(MALFORMED, sent=True, why=str(error)))
        else:
            waiter.set_result(Reply(self._status, headers, body))

    # -- ends --------------------------------------------------------------------------------------

    @property
    def closing(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._transport is None or self._transport.is_closing()

    def pause(self) -> None:
        """Read nothing for now."""
        if self._transport is not None:
            self._transport.pause_reading()
            self.deadline = inf  # it is us who do not read

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None:
            self._transport.resume_reading()
            self.deadline = self._loop.time() + self._read_s

    def abandon(self) -> None:
        """Close: nobody waits for the answer any more."""
        self._waiter = self._stream = None
        self.abort()

    def expire(self) -> None:
        """Close: the server was silent, or the connection unused, for too long."""
        if self.idle:
            self.abort()
        else:
            self._fail(SILENT, late=True)

    def abort(self) -> None:
        """Close at once."""
        self.deadline = inf
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, kind: str, *, late: bool = False) -> None:
        waiter, self._waiter = self._waiter, None
        stream, self._stream = self._stream, None
        error = self._error(kind, late=late)
        if waiter is not None and not waiter.done():
            waiter.set_exception(error)
        if stream is not None:
            stream.end(error)
        self._wake_sender()
        self.abort()

    def _error(self, kind: str, *, late: bool) -> CallError:
        return CallError(kind, sent=True, late=late, stale=self.used and not self._size)

    def _wake_sender(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
