"""`/v1/webhook_endpoints`: where the owner of a key says where to be told.

OpenAI has webhooks set up in its console, not by request; the objects here are in its style.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from vidobs.core.scrub import scrub
from vidobs.core.standard_webhooks import NEW_KEY_BYTES, secret_of
from vidobs.gateway.foreign import refuse_pages
from vidobs.gateway.hooks.bodies import (
    DeletedEndpoint,
    EndpointList,
    NewEndpoint,
    ShownEndpoint,
)
from vidobs.gateway.hooks.paths import PATHS
from vidobs.gateway.hooks.reach import ForbiddenAddressError, Reach, resolve
from vidobs.gateway.hooks.records import Endpoint, HookEvent
from vidobs.gateway.hooks.store import HookStoreError
from vidobs.gateway.seams import Refusal, Role, not_allowed
from vidobs.gateway.wire.answers import refused
from vidobs.gateway.wire.asked import token_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from vidobs.gateway.hooks.reach import Resolve
    from vidobs.gateway.hooks.service import Hooks
    from vidobs.gateway.seams import App, Keys, Principal

MOST_BYTES = 16 << 10
MOST_ENDPOINTS = 10  # of one owner
OLD_KEY_FOR = timedelta(hours=24)
_MOST_TEXT = 200
_UNAVAILABLE = Refusal(
    503, "webhooks cannot be kept now; try again", code="unavailable", error_type="server_error"
)


_wish = msgspec.json.Decoder(NewEndpoint)


class EndpointRoutes:
    """The handlers. What they say is JSON, errors are in OpenAI's envelope."""

    def __init__(
        self, hooks: Hooks, keys: Keys, reach: Reach, *, resolve: Resolve = resolve
    ) -> None:
        self._hooks = hooks
        self._keys = keys
        self._reach = reach
        self._resolve = resolve

    def app(self) -> App:
        """Return an ASGI application, to be mounted at each of `PATHS`."""
        routes = []
        for path in PATHS:
            one = f"{path}/{{endpoint_id}}"
            routes += [
                Route(path, self._answering(self._create), methods=["POST"]),
                Route(path, self._answering(self._list), methods=["GET"]),
                Route(one, self._answering(self._retrieve), methods=["GET"]),
                Route(one, self._answering(self._delete), methods=["DELETE"]),
                Route(f"{one}/rotate", self._answering(self._rotate), methods=["POST"]),
            ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})

    def _answering(
        self, handler: Callable[[Request, Principal], Awaitable[object]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                found = await handler(request, self._principal(request))
            except Refusal as refusal:
                return _refused(refusal)
            except HookStoreError:
                return _refused(_UNAVAILABLE)
            return Response(msgspec.json.encode(found), media_type="application/json")

        return answer

    def _principal(self, request: Request) -> Principal:
        """Return who asks.

        Raises:
            Refusal: nobody that may have webhooks.
        """
        headers = dict(request.scope["headers"])
        principal = self._keys.principal(token_of(headers), datetime.now(UTC))
        if principal.role is Role.ANYONE:
            refuse_pages(headers)
        if principal.role is Role.VIEWER:
            raise Refusal(403, "a viewer's key changes nothing", code="permission_denied")
        return principal

    async def _create(self, request: Request, principal: Principal) -> ShownEndpoint:
        wish = await _read(request)
        await self._check(wish.url)
        key = secrets.token_bytes(NEW_KEY_BYTES)
        endpoint = Endpoint(
            id=f"whe_{secrets.token_hex(12)}",
            owner=principal.owner,
            url=wish.url,
            events=tuple(dict.fromkeys(wish.events)) or tuple(HookEvent),
            keys=(key,),
            description=None if wish.description is None else scrub(wish.description, _MOST_TEXT),
            created_at=self._hooks.now(),
        )
        await self._hooks.on_thread(lambda: self._add(endpoint))
        return _shown(endpoint, 0, secret=secret_of(key))

    def _add(self, endpoint: Endpoint) -> None:
        if len(self._hooks.store.endpoints(endpoint.owner)) >= MOST_ENDPOINTS:
            raise Refusal(
                400,
                f"there are {MOST_ENDPOINTS} endpoints of this key already; delete one",
                code="too_many_endpoints",
            )
        self._hooks.store.add(endpoint)

    async def _list(self, _: Request, principal: Principal) -> EndpointList:
        store = self._hooks.store

        def look() -> list[ShownEndpoint]:
            return [_shown(one, store.waiting(one.id)) for one in store.endpoints(principal.owner)]

        data = await self._hooks.on_thread(look)
        ids = [one.id for one in data]
        return EndpointList("list", data, ids[0] if ids else None, ids[-1] if ids else None, False)  # noqa: FBT003 - a field of JSON

    async def _retrieve(self, request: Request, principal: Principal) -> ShownEndpoint:
        endpoint, pending = await self._own(request, principal)
        return _shown(endpoint, pending)

    async def _delete(self, request: Request, principal: Principal) -> DeletedEndpoint:
        endpoint_id = request.path_params["endpoint_id"]
        gone = await self._hooks.on_thread(
            lambda: self._hooks.store.drop(endpoint_id, principal.owner)
        )
        if not gone:
            raise _unknown()
        return DeletedEndpoint(endpoint_id, "webhook_endpoint.deleted", True)  # noqa: FBT003 - a field of JSON

    async def _rotate(self, request: Request, principal: Principal) -> ShownEndpoint:
        """Give an endpoint a new secret; the old one signs too for a day."""
        endpoint, pending = await self._own(request, principal)
        key = secrets.token_bytes(NEW_KEY_BYTES)
        changed = msgspec.structs.replace(
            endpoint,
            keys=(key, endpoint.keys[0]),
            old_key_until=self._hooks.now() + OLD_KEY_FOR,
            disabled=None,
        )
        await self._hooks.on_thread(lambda: self._hooks.store.change(changed))
        return _shown(changed, pending, secret=secret_of(key))

    async def _own(self, request: Request, principal: Principal) -> tuple[Endpoint, int]:
        """Return an endpoint of theirs, and what is on its way to it, at one moment."""
        endpoint_id, store = request.path_params["endpoint_id"], self._hooks.store
        found, pending = await self._hooks.on_thread(
            lambda: (store.endpoint(endpoint_id), store.waiting(endpoint_id))
        )
        if found is None or found.owner != principal.owner:
            raise _unknown()
        return found, pending

    async def _check(self, url: str) -> None:
        """Look at a URL, and at where its host is now.

        Raises:
            Refusal: nothing is sent there.
        """
        try:
            host = self._reach.check_url(url)
            scheme = url.partition(":")[0].lower()
            self._reach.check(scheme, await self._resolve(host, 0))
        except (ForbiddenAddressError, ValueError) as error:
            raise _bad_url(str(error)) from None
        except OSError:
            raise _bad_url("the host is not known") from None


async def _no_route(request: Request, _: Exception) -> Response:
    """Answer for the router, in the envelope."""
    methods = {
        method
        for route in request.app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods
    }
    if not methods:
        return _refused(Refusal(404, "there is no such route", code="not_found"))
    return _refused(not_allowed(", ".join(sorted(methods))))


def _refused(refusal: Refusal) -> Response:
    told = refused(refusal)
    headers = {name.decode(): value.decode("latin-1") for name, value in told.headers}
    return Response(told.body, told.status, headers=headers)


async def _read(request: Request) -> NewEndpoint:
    body = b""
    async with asyncio.timeout(10):
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise Refusal(413, f"more than {MOST_BYTES} bytes", code="request_too_large")
    try:
        return _wish.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, f"the body makes no sense: {error}", code="invalid_body") from None


def _shown(endpoint: Endpoint, pending: int, *, secret: str | None = None) -> ShownEndpoint:
    return ShownEndpoint(
        id=endpoint.id,
        object="webhook_endpoint",
        created_at=int(endpoint.created_at.timestamp()),
        url=endpoint.url,
        events=endpoint.events,
        description=endpoint.description,
        enabled=endpoint.disabled is None,
        pending=pending,
        last_error=endpoint.disabled or endpoint.last_error,
        secret=msgspec.UNSET if secret is None else secret,
    )


def _unknown() -> Refusal:
    return Refusal(404, "there is no such webhook endpoint", code="not_found")


def _bad_url(why: str) -> Refusal:
    return Refusal(400, f"the URL cannot be used: {why}", code="invalid_url", param="url")
