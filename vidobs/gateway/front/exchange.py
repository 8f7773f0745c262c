"""One request of a client and its answer: ASGI for everybody, and a shorter way for the gateway.

An application of ASGI gets `scope`, `receive` and `send`. The gateway's own answers are whole when
they are sent; `answer`, which the scope holds as `vidobs.answer`, writes one in a single piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import asyncio

    from vidobs.gateway.front.connection import Connection
    from vidobs.gateway.seams import Scope

Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
DirectAnswer: TypeAlias = "Callable[[int, Headers, bytes], None]"
ANSWER = "vidobs.answer"  # in a scope: a `DirectAnswer`

MOST_WAITING = 64 << 10  # bytes of a body that wait for the application before reading stops
_NO_BODY = frozenset({204, 304})
_STATUS = {one.value: f"HTTP/1.1 {one.value} {one.phrase}".encode() for one in HTTPStatus}
_GONE = {"type": "http.disconnect"}


class Exchange:
    """A request, from its headers to the last byte of its answer. Lives in the event loop."""

    __slots__ = (
        "_chunked", "_connection", "_continue", "_head", "_is_head", "_left", "_more", "_pieces",
        "_told_end", "_waiter", "_waiting", "complete", "gone", "keep_alive", "scope", "started",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, scope: Scope, *, keep_alive: bool, wants_continue: bool
    ) -> None:
        self.scope = scope
        self.keep_alive = keep_alive
        self.gone = False  # nobody is there any more
        self.started = False  # an answer has begun
        self.complete = False  # and is whole
        self._connection = connection
        self._continue = wants_continue
        self._is_head = scope["method"] == "HEAD"
        self._pieces: list[bytes] = []  # of the body, that nobody has taken
        self._waiting = 0  # their bytes
        self._more = True  # the body is not whole
        self._told_end = False  # the application knows that it is
        self._waiter: asyncio.Future[None] | None = None
        self._head: bytes | None = None  # of the answer, until it is written
        self._chunked = False
        self._left = 0  # bytes of the answer's announced length

    # -- what the connection calls -----------------------------------------------------------------

    @property
    def is_read(self) -> bool:
        """Whether the request has come as a whole."""
        return not self._more

    def feed(self, piece: bytes) -> bool:
        """Take a piece of the body; return whether no more of it should be read for now."""
        if self.complete:
            return False  # answered without it
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._wake()
        return self._waiting > MOST_WAITING

    def end(self) -> None:
        """Note that the body is whole."""
        self._more = False
        self._wake()

    def lose(self) -> None:
        """Note that nobody is there any more."""
        self.gone = True
        self._wake()

    # -- ASGI --------------------------------------------------------------------------------------

    async def receive(self) -> MutableMapping[str, Any]:
        """Return the next piece of the body; `http.disconnect` once nobody is there any more."""
        if self._continue and not self.started:
            self._continue = False
            self._connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self._pieces or self.gone or self.complete):
            if not self._more and not self._told_end:
                break
            self._connection.resume_reading()
            self._waiter = self._connection.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self.gone or self.complete:
            return _GONE
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        self._told_end = not self._more
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return {"type": "http.request", "body": body, "more_body": self._more}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Send the head of the answer, or a piece of its body."""
        if self._connection.write_paused and not self.gone:
            await self._connection.drained()
        if self.gone:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.started:
            self._start(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and self.started and not self.complete:
            self._body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{kind} is not what comes next")

    # -- the shorter way ---------------------------------------------------------------------------

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer; of one to HEAD only the headers. The length is added here.

        Raises:
            ValueError: a header would end its line.
            RuntimeError: there is an answer already.
        """
        if self.gone:
            return
        if self.started:
            raise RuntimeError("there is an answer already")
        lines = [_STATUS[status], *(b"%b: %b" % header for header in headers)]
        if status not in _NO_BODY:
            lines.append(b"content-length: %d" % len(body))
        self.keep_alive = self.keep_alive and (b"connection", b"close") not in headers
        head = self._joined(lines)
        self.started = True
        self._connection.write(head if self._is_head else head + body)
        self._finish()

    # -- inside ------------------------------------------------------------------------------------

    def _start(self, status: int, headers: Headers) -> None:
        """Keep the head until there is a piece of the body, or the loop's turn is over."""
        lines = [_STATUS.get(status) or b"HTTP/1.1 %d " % status]
        length: int | None = None
        for name, value in headers:
            low = name.lower()
            if low == b"content-length":
                length = int(value)
            elif low == b"transfer-encoding":
                continue  # ours to choose
            elif low == b"connection":
                self.keep_alive = self.keep_alive and b"close" not in value.lower()
                continue
            lines.append(b"%b: %b" % (low, value))
        self._left = 0 if length is None else length
        if length is None and not self._is_head and status not in _NO_BODY:
            if self.scope["http_version"] == "1.0":
                self.keep_alive = False  # the end of the connection is the end of the body
            else:
                lines.append(b"transfer-encoding: chunked")
            self._chunked = True
        self._head = self._joined(lines)
        self.started = True
        self._connection.loop.call_soon(self._flush)

    def _joined(self, lines: list[bytes]) -> bytes:
        """Return the head of an answer; no header may end its line."""
        lines += self._connection.default_headers
        if not self.keep_alive and b"connection: close" not in lines:
            lines.append(b"connection: close")
        ends = len(lines) - 1
        head = b"\r\n".join(lines)
        if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\0" in head:
            raise ValueError("a header of the answer holds a line break")
        return head + b"\r\n\r\n"

    def _flush(self) -> None:
        if self._head is not None and not self.gone:
            head, self._head = self._head, None
            self._connection.write(head)

    def _body(self, body: bytes, *, more: bool) -> None:
        if self._is_head:
            body = b""
            self._left = 0
        elif self._chunked:
            body = self._chunk(body, more=more)
        elif len(body) > self._left:
            raise RuntimeError("the answer is longer than its content-length")
        else:
            self._left -= len(body)
        if self._head is not None:
            head, self._head = self._head, None
            body = head + body
        if body:
            self._connection.write(body)
        if not more:
            if self._left:
                raise RuntimeError("the answer is shorter than its content-length")
            self._finish()

    def _chunk(self, body: bytes, *, more: bool) -> bytes:
        if self.scope["http_version"] == "1.0":
            return body
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return chunk if more else chunk + b"0\r\n\r\n"

    def _finish(self) -> None:
        self.complete = True
        self._pieces.clear()
        self._wake()
        self._connection.answered(self)

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
