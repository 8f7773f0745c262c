"""The clients behind the functions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import httpx

from vidobs import runtime
from vidobs.sdk._openai_funnel import AsyncFunnel, SyncFunnel
from vidobs.sdk._settings import WrapSettings
from vidobs.sdk._wrap import attach
from vidobs.sdk.client._steps import run, run_async
from vidobs.sdk.client._wire import AsyncWire, SyncWire

if TYPE_CHECKING:
    import ssl

    from vidobs.sdk.client._server import Server
    from vidobs.sdk.client._steps import Call
    from vidobs.sdk.functions._targets import Target

T = TypeVar("T")


def run_on(target: Target, call: Call[T]) -> T:
    """Run a call over a connection that is kept for the next one."""
    server = target.server
    runtime.current()  # a configuration that cannot be used is said, not met within the call
    place = ("functions", server.base_url, server.variant.name, server.provider)
    http = runtime.kept().get(place, _http, httpx.Client.close)
    wire = SyncWire(server, http)
    attach(wire, SyncFunnel, _settings(server))
    return run(call, wire)


async def run_async_on(target: Target, call: Call[T]) -> T:
    """Run a call over a connection of its own: one that is kept would outlive the event loop."""
    server = target.server
    runtime.current()
    async with httpx.AsyncClient(verify=_trusted()) as http:
        wire = AsyncWire(server, http)
        attach(wire, AsyncFunnel, _settings(server))
        return await run_async(call, wire)


def _http() -> httpx.Client:
    return httpx.Client(verify=_trusted())


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
