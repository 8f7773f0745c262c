"""An exporter that keeps what it gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs import runtime
from vidobs.testing._events import SETTLE_S, EventLog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.events import VideoEvent


class InMemoryExporter:
    """Keeps every event in `events`: `vidobs.configure(callbacks=[InMemoryExporter()])`.

    A `durable` one, the default, is served from the ledger's outbox as real exporters are: at least
    once, with what other processes recorded. `events` may be read at any time, after `close` too.
    """

    def __init__(self, *, name: str = "in_memory", durable: bool = True) -> None:
        self.name = name
        self.durable = durable
        self.events = EventLog(_delivered)
        self.batches: list[int] = []  # how many events each call brought
        self.closed = False

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Keep some events."""
        self.batches.append(len(batch))
        self.events.add(batch)

    def close(self) -> None:
        """Note that it was closed."""
        self.closed = True


def _delivered() -> None:
    runtime.flush(SETTLE_S)
