"""What stands where a `Relay` would, when another process delivers to the durable exporters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.core.events import VideoEvent
    from vidobs.core.protocols import Outbox
    from vidobs.delivery.relay import Relay
    from vidobs.delivery.worker import Report
    from vidobs.runtime.apart.process import RelayProcess


class RelayApart:
    """Durable exporters in another process, live ones here: they have nothing but what happens."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        live: Relay,
        process: RelayProcess,
        outbox: Outbox,
        report: Report,
    ) -> None:
        """Put it together. `names` are the ids of the durable exporters."""
        self.process = process
        self._names = names
        self._live = live
        self._outbox = outbox
        self._report = report
        self._left_at_close: int | None = None

    @property
    def route(self) -> str:
        """The ids of the durable exporters, as the outbox stores them with an event."""
        return ",".join(self._names)

    @property
    def left(self) -> int:
        """How many events exporters have not had; at least 1 for each that cannot be counted."""
        return self._live.left + sum(map(self._behind, self._names))

    def start(self) -> None:
        """Begin with what waits."""
        self._live.start()
        self.process.start()

    def push(self, events: Sequence[VideoEvent]) -> None:
        """Hand events that this process recorded to the exporters that are not durable."""
        self._live.push(events)

    def wake(self) -> None:
        """Say that there is something in the outbox."""
        self.process.wake()

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is delivered, for `timeout_s` at most; return what is left.

        An exporter that rests for longer before it tries again is not waited for.
        """
        if self._left_at_close is not None:
            return self._left_at_close
        deadline = time.monotonic() + timeout_s
        self.process.flush(deadline)
        self._live.flush(max(0.0, deadline - time.monotonic()))
        return self.left

    def close(self, timeout_s: float) -> int:
        """Flush, then end exporters, threads and the process; return what is left."""
        if self._left_at_close is not None:
            return self._left_at_close
        deadline = time.monotonic() + timeout_s
        self.process.flush(deadline - timeout_s / 4)  # the last quarter is for closing
        self._live.close(max(0.0, deadline - timeout_s / 4 - time.monotonic()))
        self.process.close(deadline)
        self._left_at_close = self.left
        return self._left_at_close

    def _behind(self, name: str) -> int:
        try:
            return self._outbox.behind(name)
        except LedgerError as error:
            self._report(f"exporter {name}", error)
            return 1


def waits(names: Sequence[str], outbox: Outbox) -> bool:
    """Tell whether there is anything for exporters.

    Raises:
        LedgerError: the outbox cannot be read.
    """
    return any(outbox.behind(name) or outbox.asked_again(name, 1) for name in names)
