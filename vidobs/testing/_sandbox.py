"""The sandbox for tests: a real server of the OpenAI Videos protocol, in a background thread."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs.dialects.variants import OPENAI
from vidobs.sandbox.extra import launch
from vidobs.sandbox.scenario_file import read_scenario
from vidobs.sandbox.settings import Settings, played
from vidobs.sandbox.signing import webhook_target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from vidobs.core.protocols import Clock
    from vidobs.dialects.rows import Variant
    from vidobs.sandbox.records import SandboxJob, SandboxRequest, SandboxWebhook
    from vidobs.sandbox.server import ThreadedServer


class Sandbox:
    """Serves on a free loopback port while the `with` (or `async with`) block runs.

    `dialect` is whose server it plays, by name: `vllm-omni`, `sglang` and so on (docs/dialects.md).
    `time_scale` stretches every duration (0.1 = ten times faster), `faults` are `NAME` or
    `NAME:RATIO`, and `clock` is what the state of the jobs comes from: a clock that stands still
    freezes them. `scenario` is a YAML file that says what becomes of the next jobs, and `record`
    one to write down as a scenario what clients did. With `webhook_url` a receiver is told when a
    job ends, signed with `webhook_secret`; without one a new one is made. The receiver must be on
    this machine unless `webhook_allow_remote`.

    A wrong option raises `ValueError` here, a file that cannot be read `OSError`; a server that
    cannot start raises its reason from `start`. What the server saw can still be read after the
    block.
    """

    def __init__(
        self,
        *,
        dialect: str | Variant = OPENAI,
        time_scale: float = 1.0,
        faults: Iterable[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock = time,
        scenario: Path | str | None = None,
        record: Path | str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str | None = None,
        webhook_allow_remote: bool = False,
    ) -> None:
        self._settings = Settings(
            **played(dialect),
            time_scale=time_scale,
            faults=tuple(faults),
            clock=clock,
            scenario=read_scenario(scenario) if scenario is not None else (),
            record=Path(record) if record is not None else None,
            webhook=webhook_target(webhook_url, webhook_secret, allow_remote=webhook_allow_remote),
        )
        self._host = host
        self._port = port
        self._server: ThreadedServer | None = None
        self._running = False

    @property
    def base_url(self) -> str:
        """The base URL for a client: `http://127.0.0.1:PORT/v1`; no `/v1` for another API."""
        return self._started().root_url + self._settings.api_path

    @property
    def azure_url(self) -> str:
        """The `azure_endpoint` for an Azure client: `http://127.0.0.1:PORT`."""
        return self._started().root_url

    @property
    def jobs(self) -> list[SandboxJob]:
        """Every job, oldest first, as it stands now; deleted ones too."""
        return list(self._started().backend.jobs())

    @property
    def requests(self) -> list[SandboxRequest]:
        """Every HTTP request, in the order of arrival, those still unanswered too."""
        return list(self._started().backend.journal.everything())

    @property
    def webhooks(self) -> list[SandboxWebhook]:
        """Every webhook, oldest first, with the attempts so far."""
        return list(self._started().backend.webhooks())

    @property
    def webhook_secret(self) -> str | None:
        """The secret (`whsec_...`) that webhooks are signed with; `None` without webhooks."""
        return self._settings.webhook.secret if self._settings.webhook else None

    def start(self) -> Self:
        """Start to serve, with no jobs; raises `MissingExtraError` and `OSError`."""
        if self._running:
            message = "the sandbox is already running"
            raise RuntimeError(message)
        self._server = launch(self._settings, host=self._host, port=self._port)
        self._running = True
        return self

    def stop(self) -> None:
        """Stop to serve and give the thread and the sockets back. Idempotent."""
        if self._server is not None:
            self._server.stop()
        self._running = False

    def _started(self) -> ThreadedServer:
        if self._server is None:
            message = "the sandbox has not been started; use `with Sandbox() as sandbox:`"
            raise RuntimeError(message)
        return self._server

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start, without blocking the event loop."""
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, without blocking the event loop."""
        await asyncio.to_thread(self.stop)
