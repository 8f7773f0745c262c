"""The server in a background thread of this process, with an event loop of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from vidobs.sandbox.app import build_app
from vidobs.sandbox.backend import Backend
from vidobs.sandbox.foreign.app import build_foreign_app
from vidobs.sandbox.transport import OpenProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.sandbox.settings import Settings

KEEP_ALIVE_S = 75  # longer than clients keep an idle connection, so that they never meet its end
GRACE_S = 1  # for answers that are being sent when the server stops

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - only read


class ThreadedServer:
    """One sandbox that listens from the moment it is made, and serves between `start` and `stop`.

    Making it raises `OSError` when the address cannot be had.
    """

    def __init__(self, settings: Settings, *, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        bound_host, bound_port = self._listener.getsockname()[:2]
        self.root_url = _url(bound_host, bound_port)
        self.backend = Backend(settings)
        self._uvicorn = _Uvicorn(
            _config(self.backend), on_started=self._on_started, stopping=self.backend.stopping
        )
        self._thread = threading.Thread(target=self._run, name="vidobs-sandbox", daemon=True)
        self._decided = threading.Event()  # it answers, or never will
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Return when the server answers; raises whatever stops it from starting."""
        self._thread.start()
        self._decided.wait()
        if self._failure is not None:
            self.stop()
            raise self._failure

    def stop(self) -> None:
        """Stop serving and return when the thread and every socket are gone. Idempotent."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._begin_to_stop)
        self._thread.join()

    def _begin_to_stop(self) -> None:
        self.backend.renders.stop()
        self.backend.stopping.set()

    def _on_started(self) -> None:
        self._decided.set()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            self._listener.close()
            self.backend.close()
            self._decided.set()

    async def _main(self) -> None:
        """Serve to the end, and keep what ended it early instead of raising in the thread."""
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._listener]))
        telling = asyncio.create_task(self.backend.courier.run()) if self.backend.courier else None
        await asyncio.wait({serving})
        if telling:
            telling.cancel()
            await asyncio.wait({telling})
        self._failure = serving.exception()


class _Uvicorn(uvicorn.Server):
    """uvicorn's server, which says when it answers and stops at once.

    uvicorn looks for a wish to stop, and for the end of its connections, ten times a second.
    """

    def __init__(
        self, config: uvicorn.Config, *, on_started: Callable[[], None], stopping: asyncio.Event
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        self._on_started()

    async def main_loop(self) -> None:
        """Refresh the `Date` header every second until it is time to stop."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is idle, give the rest a moment, then cut it."""
        del sockets  # `servers` close them
        for server in self.servers:
            server.close()
        connections = list(self.server_state.connections)
        for connection in connections:
            connection.shutdown()
        running = set(self.server_state.tasks)
        if running:
            _, late = await asyncio.wait(running, timeout=GRACE_S)
            for task in late:
                task.cancel()
        for connection in connections:
            connection.transport.abort()


def _url(host: str, port: int) -> str:
    """Return the address as a client on this machine writes it."""
    reachable = _ANY_ADDRESS.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def _config(backend: Backend) -> uvicorn.Config:
    """Return a configuration that leaves the process alone: no logging set up, no proxy trusted."""
    foreign = backend.settings.foreign
    return uvicorn.Config(
        build_app(backend) if foreign is None else build_foreign_app(backend, foreign),
        http=OpenProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
