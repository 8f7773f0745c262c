"""Serves the dashboard: for the command until it is interrupted, or in a thread of this process."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import msgspec
import uvicorn

from vidobs.config import Settings
from vidobs.core.errors import ConfigError
from vidobs.dashboard.access import TOKEN, Guarded, TokenDoor
from vidobs.dashboard.app import create_app
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_GRACE_S = 1  # for answers that are being sent; streams of live updates never end by themselves
_KEEP_ALIVE_S = 30
_LOOK_S = 0.5
_MOST_HEADER_BYTES = 16_384


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the dashboard is served."""

    ledger: str  # path of the file
    settings: Settings
    host: str = "127.0.0.1"
    port: int = 0  # any that is free
    allow_hosts: tuple[str, ...] = ()  # names beside the loopback ones
    allow_actions: bool = False
    token: str | None = None  # a fixed one


class Server:
    """A dashboard that listens from the moment it is made.

    `used` is told the new address each time a one-time token was used. Raises `ConfigError` where
    the address cannot be had.
    """

    def __init__(self, options: Options, *, used: Callable[[str], None] = lambda _: None) -> None:
        self._listener = _listen(options.host, options.port)
        host, port = self._listener.getsockname()[:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104 - only read
        self.root_url = f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
        self.index = Index(options.ledger)
        self._door = TokenDoor(fixed=options.token, used=lambda _: used(self.url))
        desk = Desk(
            ledger=options.ledger,
            index=self.index,
            settings=options.settings,
            now=lambda: datetime.now(UTC),
            links=options.settings.links,
            allow_actions=options.allow_actions,
        )
        names = {*LOOPBACK, *options.allow_hosts, shown.lower()}
        app = Guarded(create_app(desk), self._door, hosts=names)
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
                h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
                http="h11",
            )
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address that lets the next one in."""
        return f"{self.root_url}/?{TOKEN}={self._door.token}"

    def run(self) -> None:
        """Serve until the process is interrupted."""
        self.index.start()
        try:
            self._uvicorn.run(sockets=[self._listener])
        finally:
            self.index.close()
            self._listener.close()

    def wait(self) -> None:
        """Wait while it serves in its thread."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(_LOOK_S)  # Ctrl-C gets through between two looks

    def __enter__(self) -> Self:
        """Serve in a thread; connections are taken from now on."""
        self._thread = threading.Thread(target=self.run, name="vidobs-dashboard", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and wait for the end."""
        self._uvicorn.should_exit = True
        if self._thread is not None:
            self._thread.join()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"cannot listen on {host}:{port} ({error}); give another --host or --port"
        ) from error
