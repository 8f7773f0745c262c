"""`app()`: webhooks as an ASGI application, to be served alone or mounted in another one.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

from vidobs.core.errors import ConfigError, unknown_name
from vidobs.webhooks._handling import ADOPT, IGNORE, MOST_BYTES, Desk
from vidobs.webhooks._signatures import keys_of

if TYPE_CHECKING:
    from vidobs.webhooks._signatures import Check, Secrets

ANSWER_S = 10.0  # senders wait for about as long; what is under way goes on
BODY_S = 10.0
AT_ONCE = 8  # webhooks that are dealt with; more wait
_TWICE = frozenset({b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"content-type"})

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


def app(
    *,
    secrets: Secrets | Mapping[str, Secrets] | None = None,
    checks: Mapping[str, Check] | None = None,
    unknown: str = ADOPT,
) -> WebhookApp:
    """Return an ASGI application that takes webhooks as `handle` does, at any path.

    It answers within ten seconds or so, whatever the provider does: what cannot be done until then
    is answered with 503, and the sender sends it again.

    Raises:
        ConfigError: there is no secret, or an argument makes no sense.
    """
    if unknown not in (ADOPT, IGNORE):
        raise ConfigError(unknown_name("way with unknown jobs", str(unknown), (ADOPT, IGNORE)))
    return WebhookApp(Desk(keys_of(secrets, checks, os.environ), adopts=unknown == ADOPT))


class WebhookApp:
    """An ASGI application."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="vidobs-webhook")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _answer(send, 405, (b"allow", b"POST"))
            return
        headers = _headers(scope["headers"])
        announced = headers.get("content-length", "")
        if announced.isdigit() and int(announced[:20]) > MOST_BYTES:
            await _answer(send, 413, (b"connection", b"close"))
            return
        try:
            body = await asyncio.wait_for(_body(receive), BODY_S)
        except TimeoutError:
            await _answer(send, 408, (b"connection", b"close"))
            return
        if body is not None:
            await _answer(send, await self._handled(headers, body))

    async def _handled(self, headers: Mapping[str, str], body: bytes) -> int:
        """Deal with a webhook on a thread, in the context of the request: its span may be there."""
        run = contextvars.copy_context().run
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, run, self._desk.take, headers, body
        )
        try:
            return (await asyncio.wait_for(asyncio.shield(work), ANSWER_S)).status
        except TimeoutError:
            return 503


async def _body(receive: Receive) -> bytes | None:
    """Read a body, not much beyond what is taken; `None`: the sender went away."""
    pieces: list[bytes] = []
    size = 0
    while size <= MOST_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if not message.get("more_body", False):
            break
    return b"".join(pieces)


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers; one that counts and comes twice is none."""
    found: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        found[key] = "" if key in found and name.lower() in _TWICE else value.decode("latin-1")
    return found


async def _answer(send: Send, status: int, *headers: tuple[bytes, bytes]) -> None:
    length = [] if status == 204 else [(b"content-length", b"0")]  # noqa: PLR2004 - No Content
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": b""})


async def _live(receive: Receive, send: Send) -> None:
    """Start and end with the server: there is nothing to do for either."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
