"""Makes the connections of clients, as uvicorn asks for them, and looks at their deadlines.

Deadlines are looked at from time to time for all connections together: a request that comes in one
piece sets no timer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.gateway.front.connection import Connection

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from vidobs.gateway.wire.answers import Answer

_LOOKS = 8  # at the deadlines, within the shortest limit
_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.02, 1.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a connection may cost."""

    max_header_bytes: int = 32 << 10
    header_timeout_s: float = 10.0  # until the headers are whole
    body_timeout_s: float = 30.0  # without a byte of the body
    write_timeout_s: float = 60.0  # without a byte of the answer taken, while more wait
    keep_alive_s: float = 75.0  # between two requests

    @property
    def look_every_s(self) -> float:
        """How often deadlines are looked at, so that none is missed by much."""
        reading_s = min(self.header_timeout_s, self.body_timeout_s, self.keep_alive_s)
        shortest = min(reading_s, self.write_timeout_s)
        return min(max(shortest / _LOOKS, _SHORTEST_LOOK_S), _LONGEST_LOOK_S)


class Front:
    """The connections of a server. `on_fault` answers a request in which the application failed."""

    def __init__(self, limits: Limits, *, on_fault: Answer) -> None:
        self.limits = limits
        self.on_fault = on_fault
        self.open: set[Connection] = set()
        self.unsent: set[Connection] = set()  # of which the client does not take what was sent
        self._looking = False

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> Connection:
        """Return a connection; the arguments are uvicorn's."""
        del app_state  # the gateway keeps none
        if not config.loaded:
            config.load()
        loop = _loop or asyncio.get_running_loop()
        return Connection(self, config.loaded_app, server_state, loop)

    def look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at the deadlines from now on, while there are connections."""
        if not self._looking:
            self._looking = True
            loop.call_later(self.limits.look_every_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._looking = False
        now_s = loop.time()
        for connection in [one for one in self.open if one.deadline <= now_s]:
            connection.expire(now_s)
        for connection in list(self.unsent):
            connection.look_at_unsent(now_s)
        if self.open:
            self.look(loop)
