"""Awaiting connections that are kept: one client for each event loop, for as long as it runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    import httpx

    from vidobs.sdk.client._wire import AsyncWire

_MOST_WIRES = 64


class Here:
    """What one event loop has: a client, and the wires that go over it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.wires: dict[Hashable, AsyncWire] = {}
        self.keeper: AsyncGenerator[Here] | None = None

    def keep(self, key: Hashable, wire: AsyncWire) -> None:
        """Have a wire for the next call; beyond so many the oldest is forgotten."""
        self.wires[key] = wire
        if len(self.wires) > _MOST_WIRES:
            del self.wires[next(iter(self.wires))]


class Loops:
    """Gives every event loop its own. Thread-safe: no loop touches what another has.

    An asynchronous generator holds the client. Whoever ends a loop as `asyncio.run` does shuts its
    generators down, and so closes the connections while that is still possible.
    """

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._here: dict[asyncio.AbstractEventLoop, Here] = {}

    async def here(self) -> Here:
        """Return what the running loop has, made now if there is nothing."""
        loop = asyncio.get_running_loop()
        found = self._here.get(loop)
        if found is not None:
            return found
        for other in [each for each in list(self._here) if each.is_closed()]:
            self._here.pop(other, None)
        keeper = self._keep(loop)
        made = await anext(keeper)
        made.keeper = keeper
        return made

    def forget(self) -> None:
        """Let go of all; what a loop has is closed with it."""
        self._here.clear()

    async def _keep(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[Here]:
        http = self._make()
        here = self._here[loop] = Here(http)
        try:
            yield here
        finally:
            if self._here.get(loop) is here:
                del self._here[loop]
            await http.aclose()
