"""Sending a file: at once, slowly, or not to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from vidobs.sandbox.fault_table import Sending
from vidobs.sandbox.transport import close, hang_up, wait_for_leaving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

CHUNK_BYTES = 64 * 1024
DRIP_S = 10.0  # times the time scale
DRIPS = 40


class FileAnswer(Response):
    """The answer with a file, sent in chunks."""

    def __init__(
        self,
        data: memoryview,
        *,
        status_code: int,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        members = {**headers, "content-length": str(len(data))}
        super().__init__(status_code=status_code, media_type=media_type, headers=members)
        self._data = data
        self._how: Sending | None = None
        self._takes_s = 0.0
        self._stopping = asyncio.Event()

    def spoil(self, how: Sending | None, *, time_scale: float, stopping: asyncio.Event) -> None:
        """Send it as a fault has it; `stopping` ends a slow one."""
        self._how = how
        self._takes_s = DRIP_S * time_scale
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers, then the file."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start"} | start)
        if scope["method"] == "HEAD":
            await _send_all(send, memoryview(b""))
        elif self._how is Sending.DRIP:
            await self._drip(scope, receive, send)
        elif self._how is Sending.CUT:
            for chunk in _chunks(self._data[: len(self._data) // 2], CHUNK_BYTES):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await close(scope, receive)
        else:
            await _send_all(send, self._data)

    async def _drip(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send small pieces with pauses, as long as there is somebody to send them to."""
        leaving = asyncio.create_task(wait_for_leaving(receive, self._stopping))
        for piece in _chunks(self._data, -(-len(self._data) // DRIPS) or 1):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.wait({leaving}, timeout=self._takes_s / DRIPS)
            if leaving.done():
                await hang_up(scope, receive)
                return
        leaving.cancel()
        await _send_all(send, memoryview(b""))


async def _send_all(send: Send, data: memoryview) -> None:
    for chunk in _chunks(data, CHUNK_BYTES):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _chunks(data: memoryview, size: int) -> list[bytes]:
    return [bytes(data[start : start + size]) for start in range(0, len(data), size)]
