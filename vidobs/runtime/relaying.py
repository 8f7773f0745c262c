"""A process that only delivers: an outbox and exporters, and nothing that observes.

It takes over what processes left behind that are gone, and keeps the ledger as they would.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from vidobs._guard import Guard
from vidobs.core.errors import ConfigError, LedgerBusyError
from vidobs.delivery.worker import contained
from vidobs.ledger.backlog import BUSY_S
from vidobs.runtime import parts
from vidobs.runtime.maintenance import Maintenance
from vidobs.runtime.outbox_limits import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.config import Loaded
    from vidobs.core.protocols import Clock, Happening, RelayListener
    from vidobs.runtime.outbox_limits import Dropped

WATCH_S = 0.5  # between two looks for what other processes recorded

_log = logging.getLogger("vidobs")


class Relaying:
    """Delivers to the exporters that settings name by id. Opens and starts nothing by itself.

    Those that are not durable have nothing to wait for in a process that records nothing.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        tell: RelayListener | None = None,
        clock: Clock = time,
        alone: bool = True,
    ) -> None:
        """Build the exporters. One that is not `alone` leaves the care of the ledger to another.

        Raises:
            ConfigError: the ledger is in memory, or an exporter cannot be built.
        """
        settings = loaded.settings
        if settings.ledger.path is None:
            raise ConfigError(
                "a ledger in memory can only be delivered from by the process that has it; "
                "point VIDOBS_LEDGER at a file, such as sqlite:///ledger.db"
            )
        self.path = settings.ledger.path
        named = [name for name in settings.callbacks if isinstance(name, str)]
        found = parts.resolved(loaded, named)
        self.exporters = tuple(one for one in found.exporters if one.durable)
        self.skipped = tuple(one for one in found.exporters if not one.durable)
        self._guard = Guard()
        bits = Random().getrandbits  # noqa: S311 - ids, not secrets
        rules = parts.rules_of(loaded)
        self._store = (
            parts.store_of(loaded, rules, clock=clock, getrandbits=bits, tell_dropped=_say_dropped)
            if alone
            else parts.bare_store_of(loaded, rules, clock=clock, getrandbits=bits)
        )
        self._relay = parts.relay_of(
            self.exporters,
            self._store,
            clock=clock,
            getrandbits=bits,
            tell=tell,
            watch_s=WATCH_S,
        )
        self._maintenance = Maintenance(
            begin=self._relay.start, publish=_nobody_listens, chores=self._chores, guard=self._guard
        )
        self._store.wake = self._maintenance.wake
        self._started = False

    @property
    def has_ledger(self) -> bool:
        """Whether there is anything to deliver from: nothing here makes a ledger."""
        return Path(self.path).exists()

    def start(self) -> None:
        """Open the ledger, as soon as it is not busy, and deliver from now on.

        Raises:
            LedgerError: it cannot be opened.
        """
        while True:
            try:
                self._store.backlog.open()
            except LedgerBusyError:
                time.sleep(BUSY_S)
            else:
                break
        self._started = True
        self._maintenance.start()

    def wake(self) -> None:
        """Say that somebody recorded something."""
        self._relay.wake()

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is delivered that can be now; return how many events are left."""
        return self._relay.flush(timeout_s)

    def drain(self, timeout_s: float) -> int:
        """Deliver everything now, rests and switches or not; return how many events are left."""
        return self._relay.drain(timeout_s)

    def behind(self) -> dict[str, int]:
        """Return how many events each exporter has not had.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        outbox = self._store.outbox()
        return {one.name: outbox.behind(one.name) for one in self.exporters}

    def close(self, timeout_s: float) -> None:
        """End what runs and close the exporters; what was never started opens nothing now."""
        deadline = time.monotonic() + timeout_s
        if self._started:
            self._relay.close(timeout_s)
            self._maintenance.stop(max(0.0, deadline - time.monotonic()))
            self._store.close()
        for exporter in self.skipped if self._started else (*self.exporters, *self.skipped):
            contained(exporter.close)

    def _chores(self) -> float:
        late, rest = self._store.keep(time.monotonic())
        if late:
            self._relay.wake()
        return rest


def _nobody_listens(_batch: Sequence[Happening]) -> None:
    """Tell nobody: nothing happens in a process that observes nothing."""


def _say_dropped(dropped: Dropped) -> None:
    _log.warning("%s", said(dropped))
