"""An answer whose body is read while it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.gateway.client.answers import MALFORMED, MOST_BODY_BYTES, CallError
from vidobs.gateway.client.packing import unpacked

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from vidobs.gateway.client.seams import Source

MOST_HELD_BYTES = 1 << 20  # then the server has to wait
_SMALL_BYTES = 32 << 10


class Stream:
    """Status and headers, and the body piece by piece. Close it, unless it came to its end."""

    __slots__ = (
        "_error", "_held", "_loop", "_paused", "_pieces", "_source", "_waiter", "_whole", "headers",
        "length", "status",
    )  # fmt: skip

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        *,
        source: Source,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.status = status
        self.headers = headers
        announced = headers.get("content-length")
        self.length = None if announced is None else int(announced)  # of the body as it is sent
        self._loop = loop
        self._source: Source | None = source  # None: it ended
        self._pieces: list[bytes] = []
        self._held = 0
        self._paused = False
        self._error: CallError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._whole: bytes | None = None

    async def pieces(self) -> list[bytes]:
        """Return what came since; nothing: that was all.

        Raises:
            CallError: it broke off.
        """
        if not self._pieces and self._source is not None:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        found, self._pieces = self._pieces, []
        if found:
            small = self._held < _SMALL_BYTES * len(found)
            self._held = 0
            if self._paused and self._source is not None:
                self._paused = False
                self._source.resume()
            return [b"".join(found)] if small and len(found) > 1 else found
        if self._error is not None:  # a new one: that which is raised holds this frame
            raise CallError(self._error.kind, sent=True, late=self._error.late)
        return found

    async def read(self, most_bytes: int = MOST_BODY_BYTES) -> bytes:
        """Return the body, unpacked, and close; for what is no file. May be asked for again.

        Raises:
            CallError: it broke off, or is too long.
        """
        if self._whole is not None:
            return self._whole
        found: list[bytes] = []
        size = 0
        try:
            while more := await self.pieces():
                size += sum(map(len, more))
                if size > most_bytes:
                    raise _malformed("the answer is too long")
                found += more
            encoding = self.headers.get("content-encoding", "")
            self._whole = unpacked(b"".join(found), encoding, most_bytes=most_bytes)
        except ValueError as error:
            raise _malformed(str(error)) from None
        finally:
            self.close()
        return self._whole

    def close(self) -> None:
        """Give up what was not read; after the end it does nothing."""
        source, self._source = self._source, None
        if source is not None:
            source.abandon()

    # -- for the connection ------------------------------------------------------------------------

    def feed(self, pieces: list[bytes], size_bytes: int) -> None:
        """Take what came."""
        self._pieces += pieces
        self._held += size_bytes
        if self._held > MOST_HELD_BYTES and not self._paused and self._source is not None:
            self._paused = True
            self._source.pause()
        self._wake()

    def end(self, error: CallError | None = None) -> None:
        """Take note that nothing more comes."""
        self._source, self._error = None, error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _malformed(why: str) -> CallError:
    return CallError(MALFORMED, sent=True, why=why)
