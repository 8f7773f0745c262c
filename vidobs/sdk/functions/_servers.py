"""The clients behind the functions: made once for a server, and kept for the next call."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import httpx

from vidobs import runtime
from vidobs.sdk._openai_funnel import AsyncFunnel, SyncFunnel
from vidobs.sdk._settings import WrapSettings
from vidobs.sdk._wrap import attach
from vidobs.sdk.client._server import BearerToken
from vidobs.sdk.client._steps import run, run_async
from vidobs.sdk.client._wire import AsyncWire, SyncWire
from vidobs.sdk.functions._loops import Loops

if TYPE_CHECKING:
    import ssl
    from collections.abc import Hashable

    from vidobs.sdk.client._server import Server
    from vidobs.sdk.client._steps import Call
    from vidobs.sdk.functions._targets import Target

T = TypeVar("T")

_PLACE = "functions"


def run_on(target: Target, call: Call[T]) -> T:
    """Run a call over a connection that is kept for the next one."""
    server = target.server
    runtime.current()  # a configuration that cannot be used is said, not met within the call
    kept = runtime.kept()
    http = kept.get((_PLACE, server.base_url), _http, httpx.Client.close)
    key = _key(server)
    if key is None:
        return run(call, _wire(server, http))
    wire = kept.get((_PLACE, *key), lambda: _wire(server, http), SyncWire.close)
    return run(call, wire)


async def run_async_on(target: Target, call: Call[T]) -> T:
    """Run a call over a connection that is kept for the next one in this event loop."""
    server = target.server
    runtime.current()
    here = await runtime.kept().get((_PLACE, "loops"), _loops, Loops.forget).here()
    key = _key(server)
    wire = None if key is None else here.wires.get(key)
    if wire is None:
        wire = AsyncWire(server, None, ours=here.http)
        attach(wire, AsyncFunnel, _settings(server))
        if key is not None:
            here.keep(key, wire)
    return await run_async(call, wire)


def _wire(server: Server, http: httpx.Client) -> SyncWire:
    wire = SyncWire(server, None, ours=http)
    attach(wire, SyncFunnel, _settings(server))
    return wire


def _key(server: Server) -> tuple[Hashable, ...] | None:
    """Return what makes a server the same; `None` where its key is a function of the caller's."""
    if callable(server.key) and not isinstance(server.key, BearerToken):
        return None
    query = tuple(sorted(server.query.items()))
    return (server.base_url, server.variant.name, server.provider, server.key, query)


def _http() -> httpx.Client:
    return httpx.Client(verify=_trusted())


def _loops() -> Loops:
    return Loops(lambda: httpx.AsyncClient(verify=_trusted()))


@cache
def _trusted() -> ssl.SSLContext:
    """Whom to trust; loading the certificates takes longer than most calls."""
    return httpx.create_ssl_context()


def _settings(server: Server) -> WrapSettings:
    return WrapSettings(
        provider=server.provider,
        dialect=server.variant.name,
        joins_traces=server.variant.joins_traces,
    )
