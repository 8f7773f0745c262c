"""The outermost layer of the server: notes every request and signs every answer."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from vidobs.sandbox.ratelimit import RateLimit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from vidobs.core.protocols import Clock
    from vidobs.sandbox.journal import Journal
    from vidobs.sandbox.records import JsonValue

_NUMBER = "vidobs_request_number"


class Recorder:
    """ASGI middleware: writes the journal and adds the headers that every OpenAI answer has."""

    def __init__(
        self, app: ASGIApp, journal: Journal, clock: Clock, *, openai_headers: bool = True
    ) -> None:
        self._app = app
        self._openai_headers = openai_headers
        self._journal = journal
        self._clock = clock
        self._rate_limit = RateLimit(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is not HTTP goes straight through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        number = scope[_NUMBER] = self._open(scope)
        limits = self._rate_limit.take()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                after_s = time.perf_counter() - started_s
                self._journal.answered(number, message["status"], after_s)
            if message["type"] == "http.response.start" and self._openai_headers:
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = f"req_{secrets.token_hex(16)}"
                headers["openai-processing-ms"] = str(round(after_s * 1000))
                headers["openai-version"] = "2020-10-01"
                for name, value in limits.items():
                    headers.setdefault(name, value)  # a fault may have said otherwise
            await send(message)

        await self._app(scope, receive, answer)

    def _open(self, scope: Scope) -> int:
        return self._journal.open(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers=Headers(scope=scope).items(),
            now_ns=self._clock.time_ns(),
        )


def note_fields(journal: Journal, request: Request, fields: Mapping[str, JsonValue]) -> None:
    """Add the parsed body to the journal's entry of a request."""
    journal.parsed(request.scope[_NUMBER], fields)
