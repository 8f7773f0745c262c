"""What the gateway shows beside its routes: the dashboard at `/ui`, its metrics at `/metrics`.

Both are for whoever has the master key or the viewer's. The dashboard is made when somebody asks
for it first: a gateway that nobody looks at starts faster, and is smaller.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING

from vidobs.gateway.foreign import refuse_pages
from vidobs.gateway.seams import Refusal, Role, not_allowed
from vidobs.gateway.wire.answers import refused, send_answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from vidobs.config import Settings
    from vidobs.dashboard.access import Rights
    from vidobs.dashboard.index import Index
    from vidobs.gateway.seams import Keys

UI, METRICS = "/ui", "/metrics"
_LOOKING = ("GET", "HEAD")
_REFUSED = Refusal(
    401,
    "send a master or viewer key as Authorization: Bearer",
    code="invalid_api_key",
    error_type="authentication_error",
    headers={"www-authenticate": "Bearer"},
)
_SEES_ALL = frozenset({Role.MASTER, Role.VIEWER, Role.ANYONE})


class Pages:
    """The applications beside the routes. `keys` is set once the gateway has them."""

    def __init__(self, settings: Settings, metrics: ASGIApp) -> None:
        self.keys: Keys | None = None
        self._settings = settings
        self._metrics = metrics
        self._app: ASGIApp | None = None
        self._making = asyncio.Lock()
        self._index: Index | None = None

    async def dashboard(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request below `/ui`."""
        app = self._app or await self._opened()
        await app(scope, receive, send)

    async def metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for metrics."""
        if scope["method"] not in _LOOKING:
            await send_answer(scope, send, refused(not_allowed(", ".join(_LOOKING))))
            return
        headers = dict(scope["headers"])
        _, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        role = self._role(key.strip())
        if role is None or (role is Role.ANYONE and _is_page(headers)):
            await send_answer(scope, send, refused(_REFUSED))
            return
        await self._metrics(scope, receive, send)

    def close(self) -> None:
        """Stop what follows the ledger."""
        if self._index is not None:
            self._index.close()

    async def _opened(self) -> ASGIApp:
        """Make the dashboard, once: requests for videos go on while it is loaded and opened."""
        async with self._making:
            if self._app is None:
                render = await asyncio.to_thread(import_module, "vidobs.dashboard.render")
                await render.compile_in_turns()
                self._app = await asyncio.to_thread(self._made)
            return self._app

    def _made(self) -> ASGIApp:
        from vidobs.dashboard.desk import Desk
        from vidobs.dashboard.index import Index
        from vidobs.dashboard.login import mounted
        from vidobs.dashboard.serve import LOOPBACK

        ledger = self._settings.ledger.path
        if ledger is None:
            return _nothing_to_show
        self._index = Index(ledger)
        self._index.start()
        desk = Desk(
            ledger=ledger,
            index=self._index,
            settings=self._settings,
            now=lambda: datetime.now(UTC),
            links=self._settings.links,
            allow_actions=True,
        )
        # Without a master key any word lets somebody in, so no other name may be pointed at us.
        hosts = LOOPBACK if self._role("") is Role.ANYONE else None
        return mounted(desk, self._rights, at=UI, hosts=hosts)

    def _rights(self, key: str) -> Rights | None:
        from vidobs.dashboard.access import Rights

        role = self._role(key)
        if role is None:
            return None
        return Rights.LOOK if role is Role.VIEWER else Rights.ACT

    def _role(self, key: str) -> Role | None:
        """Return what a key is, where it may look at everything."""
        if self.keys is None:
            return None
        try:
            role = self.keys.principal(key or None, datetime.now(UTC)).role
        except Refusal:
            return None
        return role if role in _SEES_ALL else None


def _is_page(headers: dict[bytes, bytes]) -> bool:
    try:
        refuse_pages(headers)
    except Refusal:
        return True
    return False


async def _nothing_to_show(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive
    await _say(send, HTTPStatus.NOT_FOUND, b"A ledger in memory has no dashboard.\n")


async def _say(send: Send, status: HTTPStatus, said: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"www-authenticate", b"Bearer")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said})
