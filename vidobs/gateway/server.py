"""The gateway on a socket: uvicorn, with limits, and an end that lets requests end."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

import uvicorn

from vidobs.core.errors import ConfigError
from vidobs.gateway.collecting import spare_what_stays
from vidobs.gateway.config.model import LOOPBACK
from vidobs.gateway.front.front import Front, Limits
from vidobs.gateway.wire.answers import envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vidobs.gateway.app import Gateway
    from vidobs.gateway.config import GatewayConfig

KEEP_ALIVE_S = 75  # longer than a proxy in front keeps a connection
BACKLOG = 2048
_ENDING = (signal.SIGTERM, signal.SIGINT)
_BUG = envelope(
    500, "the gateway failed inside; its log says where", code="internal", error_type="server_error"
)


def check_bound(config: GatewayConfig, host: str) -> None:
    """Refuse to serve anybody on a network without asking for a key.

    Raises:
        ConfigError: there is no master key, and `host` is not of this machine alone.
    """
    if config.master_key is None and host not in LOOPBACK:
        raise ConfigError(
            f"without general_settings.master_key any key is accepted, so {host} is not bound; "
            "give a master key, or --host 127.0.0.1"
        )


class GatewayServer(uvicorn.Server):
    """uvicorn's server, which says when it answers and when it is being stopped."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        host: str,
        port: int,
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        sizes = gateway.config.sizes
        config = uvicorn.Config(
            gateway,
            http=Front(  # type: ignore[arg-type] # makes protocols, as a class would
                Limits(
                    max_header_bytes=sizes.max_header_bytes,
                    header_timeout_s=sizes.header_timeout_s,
                    body_timeout_s=sizes.body_timeout_s,
                    write_timeout_s=sizes.write_timeout_s,
                    keep_alive_s=KEEP_ALIVE_S,
                ),
                on_fault=_BUG,
            ),
            loop="uvloop" if find_spec("uvloop") else "asyncio",
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=max(1, round(sizes.drain_s)),
        )
        super().__init__(config)
        self._gateway = gateway
        self._on_ready = on_ready
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        except (OSError, OverflowError) as error:
            raise ConfigError(f"cannot listen on {host}:{port}: {error}") from None
        # Connections inherit it, whatever the loop: a body goes out without waiting for an answer.
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound_host, bound_port = self.listener.getsockname()[:2]
        shown = f"[{bound_host}]" if ":" in bound_host else bound_host
        self.root_url = f"http://{shown}:{bound_port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets=sockets)
        spare_what_stays()
        if self.started and self._on_ready is not None:
            self._on_ready(self.root_url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests end, within a time, and take no new ones."""
        self._gateway.draining = True
        await super().shutdown(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Begin to end at SIGTERM or SIGINT; uvicorn would then die of them, with work left."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in _ENDING}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def run_here(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        self.run(sockets=[self.listener])
