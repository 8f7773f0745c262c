"""The gateway as an ASGI application, by hand: no framework stands in the way of a request."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from vidobs.gateway.client.proxies import Proxies
from vidobs.gateway.core import Core, Parts
from vidobs.gateway.defaults import MasterKey, NoAlerts, NoLimits
from vidobs.gateway.foreign import refuse_pages
from vidobs.gateway.front.exchange import ANSWER
from vidobs.gateway.idempotency.store import SqliteAnswers
from vidobs.gateway.routes import about, openapi, provider_events
from vidobs.gateway.routes.content import BrokenOffError
from vidobs.gateway.routes.table import LOOKING, find
from vidobs.gateway.seams import Refusal, Role, not_allowed
from vidobs.gateway.wire.answers import encoded, refused, send_answer
from vidobs.gateway.wire.asked import Asked, path_of, token_of
from vidobs.gateway.wire.bodies import Gone

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, MutableMapping, Sequence

    from vidobs.gateway.config import GatewayConfig
    from vidobs.gateway.seams import (
        Admission,
        Alerts,
        App,
        Guards,
        Keys,
        Principal,
        Receive,
        Scope,
        Send,
        Service,
    )
    from vidobs.gateway.wire.answers import Answer, Headers
    from vidobs.runtime import Runtime

_ID_BITS = 96
_READY = frozenset({"/health/ready", "/health/readiness"})  # LiteLLM's names as well
OPEN = _READY | {"/health", "/health/live", "/health/liveliness", "/docs", "/openapi.json"}
_VIDEOS = ("/v1/videos", "/videos")  # what most requests are about, and nobody may take over
_NO_ROUTES: Mapping[str, App] = MappingProxyType({})


class Gateway:
    """Serves the routes of videos; what else there is, others answer."""

    def __init__(
        self,
        config: GatewayConfig,
        parts: Parts,
        *,
        runtime: Runtime,
        key: bytes,
        extra_routes: Mapping[str, App],
        mounts: Mapping[str, App],
        services: Sequence[Service],
    ) -> None:
        self.config = config
        self._parts = parts
        self._runtime = runtime
        self._key = key
        self._extra = dict(extra_routes)
        self._mounts = tuple(mounts.items())
        self._services = tuple(services)
        self._proxies = Proxies(os.environ)
        ledger = runtime.settings.ledger.path
        self._answers = SqliteAnswers(None if ledger is None else f"{ledger}.answers")
        self.offer = openapi.Offer(
            frozenset((*self._extra, *mounts)), keyed=config.master_key is not None
        )
        self._core: Core | None = None
        self.draining = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer a request, or start and stop with the server."""
        if scope["type"] == "http":
            return self._http(scope, receive, send)
        return self._live(scope, receive, send)

    @property
    def followed(self) -> int:
        """How many videos have not ended."""
        return 0 if self._core is None else len(self._core.book.open)

    async def start(self) -> Core:
        """Open everything; in the event loop that will serve."""
        if self._core is None:
            loop = asyncio.get_running_loop()
            self._core = Core(
                self.config,
                self._parts,
                runtime=self._runtime,
                key=self._key,
                answers=self._answers,
                proxies=self._proxies,
                loop=loop,
            )
            await self._core.take_up()
            for service in self._services:
                await service.start()
        return self._core

    async def close(self) -> None:
        """Give everything back."""
        core, self._core = self._core, None
        if core is None:
            return
        for service in reversed(self._services):
            await service.close()
        await core.close()

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        while scope["type"] == "lifespan":
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        request_id = f"req_{self._runtime.bits(_ID_BITS):024x}"
        told: tuple[tuple[bytes, bytes], ...] = ((b"x-request-id", request_id.encode()),)
        other = None if path.startswith(_VIDEOS) else self._other(path)
        if other is not None:
            scope.pop(ANSWER, None)  # they would leave out what is told with every answer
            await other(scope, receive, _telling(send, told))
            return
        core = self._core or await self.start()
        try:
            if path in OPEN:
                shown = self._open_to_all(core, scope["method"], path)
                await send_answer(scope, send, shown, told)
                return
            if path == provider_events.PATH:
                await send_answer(scope, send, await self._told(core, scope, receive), told)
                return
            found = find(scope["method"], path_of(scope))
            headers = dict(scope["headers"])
            now = datetime.fromtimestamp(self._runtime.clock.time_ns() / 1e9, UTC)
            principal = self._principal(scope["method"], token_of(headers), now)
            if principal.role is Role.ANYONE:
                refuse_pages(headers)
            counted = self._parts.admission.request(principal, now, operation=found.operation)
            if counted:
                told = (*told, *encoded(counted))
            asked = Asked(
                method=scope["method"],
                headers=headers,
                query=scope["query_string"],
                principal=principal,
                request_id=request_id,
                now=now,
                receive=receive,
                send=send,
                told=told,
                video_id=found.video_id,
            )
            if found.by_query:
                asked = replace(asked, video_id=asked.parameter("video_id"))
            answer = await found.handler(core, asked)
        except Refusal as refusal:
            answer = refused(refusal)
        except (Gone, BrokenOffError):
            return
        if answer is not None:
            await send_answer(scope, send, answer, told)

    async def _told(self, core: Core, scope: Scope, receive: Receive) -> Answer:
        """Hear what a provider says; its signature stands for a key."""
        if scope["method"] != "POST":
            raise not_allowed("POST")
        now_s = self._runtime.clock.time_ns() / 1e9
        return await provider_events.take(core, dict(scope["headers"]), receive, now_s=now_s)

    def _principal(self, method: str, token: str | None, now: datetime) -> Principal:
        """Return who asks; viewers look, and change nothing."""
        found = self._parts.keys.principal(token, now)
        if found.role is Role.VIEWER and method not in LOOKING:
            raise Refusal(403, "a viewer may look, and change nothing", code="read_only")
        return found

    def _open_to_all(self, core: Core, method: str, path: str) -> Answer:
        """What is told without a key."""
        if method not in LOOKING:
            raise not_allowed(", ".join(LOOKING))
        if path == "/openapi.json":
            return openapi.description(self.offer)
        if path == "/docs":
            return openapi.page(self.offer)
        if path in _READY:
            return about.ready(core, draining=self.draining)
        return about.LIVE

    def _other(self, path: str) -> App | None:
        """Return what answers for a path that is no video's."""
        return self._extra.get(path) or next(
            (app for start, app in self._mounts if path == start or path.startswith(f"{start}/")),
            None,
        )


def _telling(send: Send, told: Headers) -> Send:
    """Return a `send` that adds headers to an answer."""

    async def telling(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *told]}
        await send(message)

    return telling


def create_gateway(
    config: GatewayConfig,
    *,
    runtime: Runtime,
    key: bytes,
    keys: Keys | None = None,
    admission: Admission | None = None,
    guards: Guards | None = None,
    alerts: Alerts | None = None,
    extra_routes: Mapping[str, App] = _NO_ROUTES,
    mounts: Mapping[str, App] = _NO_ROUTES,
    services: Sequence[Service] = (),
) -> Gateway:
    """Return the gateway; a part that is not given stands for none.

    `key` signs the ids of videos. `extra_routes` are found by their whole path, `mounts` by what a
    path begins with; `services` start and end with the gateway.

    Raises:
        ConfigError: a proxy of the environment cannot be used.
    """
    parts = Parts(
        keys=keys or MasterKey(config.master_key),
        admission=admission or NoLimits(),
        guards=guards,
        alerts=alerts or NoAlerts(),
    )
    return Gateway(
        config,
        parts,
        runtime=runtime,
        key=key,
        extra_routes=extra_routes,
        mounts=mounts,
        services=services,
    )
