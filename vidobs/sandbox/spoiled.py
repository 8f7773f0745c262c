"""Answers that go wrong after the job was accepted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.responses import Response

from vidobs.sandbox.errors import ApiError
from vidobs.sandbox.fault_table import STALL_S, Spoil
from vidobs.sandbox.transport import hang_up, wait_for_leaving

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class CutConnection(Response):
    """No answer at all: the TCP connection is closed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close the connection."""
        del send
        await hang_up(scope, receive)


class StalledAnswer(Response):
    """A good answer that comes late, or never when the client goes or the server stops."""

    def __init__(self, late: Response, *, after_s: float, stopping: asyncio.Event) -> None:
        super().__init__()
        self._late = late
        self._after_s = after_s
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then answer if there is still somebody to answer to."""
        leaving = asyncio.create_task(wait_for_leaving(receive, self._stopping))
        await asyncio.wait({leaving}, timeout=self._after_s)
        if self._stopping.is_set():
            await hang_up(scope, receive)
        elif not leaving.done():
            leaving.cancel()
            await self._late(scope, receive, send)


def spoil(
    answer: Response, how: Spoil | None, *, time_scale: float, stopping: asyncio.Event
) -> Response:
    """Return what the client gets instead of an answer; raises the API's 500."""
    if how is None:
        return answer
    if how is Spoil.ERROR:
        message = "The server had an error while processing your request."
        raise ApiError(500, message, kind="server_error")
    if how is Spoil.CUT:
        return CutConnection()
    return StalledAnswer(answer, after_s=STALL_S * time_scale, stopping=stopping)
