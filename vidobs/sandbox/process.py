"""Serving until a signal: what `vidobs sandbox` and `python -m vidobs.sandbox` do."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from vidobs.dialects.variants import OPENAI
from vidobs.sandbox.extra import launch
from vidobs.sandbox.scenario_file import read_scenario
from vidobs.sandbox.settings import Settings, played

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import FrameType

    from vidobs.sandbox.signing import WebhookTarget


def run(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    dialect: str = OPENAI.name,
    time_scale: float = 1.0,
    faults: Iterable[str] = (),
    scenario: Path | None = None,
    record: Path | None = None,
    webhook: WebhookTarget | None = None,
    on_ready: Callable[[str], object] = lambda _base_url: None,
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` gets the base URL when the server answers.

    Blocks, and is for the main thread only. Raises `ValueError` for an option or a scenario that
    is wrong, `OSError` when the address or a file cannot be had, and `MissingExtraError`.
    """
    settings = Settings(
        **played(dialect),
        time_scale=time_scale,
        faults=tuple(faults),
        scenario=read_scenario(scenario) if scenario is not None else (),
        record=record,
        webhook=webhook,
    )
    with _signals() as received:
        server = launch(settings, host=host, port=port)
        try:
            on_ready(server.root_url + settings.api_path)
            received.get()
        finally:
            server.stop()


@contextmanager
def _signals() -> Iterator[SimpleQueue[int]]:
    """Put SIGINT and SIGTERM into a queue, whose `put` is safe in a handler."""
    received: SimpleQueue[int] = SimpleQueue()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        received.put(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
