"""Everything that exports, behind one face: a lane with a thread of its own for each exporter."""

from __future__ import annotations

import random
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError
from vidobs.delivery.inbox import CAPACITY
from vidobs.delivery.lanes import DurableLane, LiveLane, Tally
from vidobs.delivery.listening import Nobody
from vidobs.delivery.relay_worker import CHECK_S
from vidobs.delivery.worker import Rest, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from vidobs.core.events import VideoEvent
    from vidobs.core.protocols import Clock, Exporter, Outbox, RelayListener
    from vidobs.delivery.worker import Report

RENEW_EVERY_S = 10.0  # between two looks at the leases of exports that take long


class Relay:
    """Takes events to exporters: to durable ones from the outbox, to others as they happen.

    `push` and `wake` never wait for an exporter. Threads start at the first event, or at `start`.
    """

    def __init__(
        self,
        exporters: Iterable[Exporter],
        *,
        outbox: Outbox,
        clock: Clock,
        owner: str,
        report: Report,
        quiet: Callable[[], AbstractContextManager[object]] = nullcontext,
        chance: Callable[[], float] = random.random,
        capacity: int = CAPACITY,
        watch_s: float = CHECK_S,
        tell: RelayListener | None = None,
    ) -> None:
        """Build the lanes; start nothing.

        `owner` names this process among all that share the outbox. Exporters run inside `quiet()`,
        so that their own requests are not observed. `chance()` lies between 0 and 1. They look for
        events that other processes recorded every `watch_s` seconds. `tell` is told of everything.

        Raises:
            ConfigError: two exporters have the same name.
        """
        known = _distinct(exporters)
        listener = tell or Nobody()
        self._clock = clock
        self._durable = tuple(
            DurableLane(
                exporter,
                outbox=outbox,
                now=self._now,
                owner=owner,
                report=report,
                quiet=quiet,
                chance=chance,
                watch_s=watch_s,
                tell=listener,
            )
            for exporter in known
            if exporter.durable
        )
        self._live = tuple(
            LiveLane(exporter, report=report, quiet=quiet, capacity=capacity, tell=listener)
            for exporter in known
            if not exporter.durable
        )
        self._keeper = Worker("vidobs-leases", self._renew, report=report, finish=_nothing)
        self._left_at_close: int | None = None

    @property
    def route(self) -> str:
        """The ids of the durable exporters, as the outbox stores them with an event."""
        return ",".join(lane.name for lane in self._durable)

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """What each exporter did so far."""
        return tuple(lane.tally for lane in self._lanes)

    @property
    def left(self) -> int:
        """How many events exporters have not had; at least 1 for each that cannot be counted."""
        return sum(lane.left for lane in self._lanes)

    def start(self) -> None:
        """Start every thread now: while the interpreter shuts down, no thread can start."""
        for lane in self._lanes:
            lane.wake()
        if self._durable:
            self._keeper.wake()

    def push(self, events: Sequence[VideoEvent]) -> None:
        """Hand events that this process recorded to the exporters that are not durable."""
        for lane in self._live:
            lane.put(events)

    def wake(self) -> None:
        """Say that there is something in the outbox."""
        for lane in self._durable:
            lane.wake()
        if self._durable:
            self._keeper.wake()

    def flush(self, timeout_s: float) -> int:
        """Wait until everything is delivered, for `timeout_s` at most; return what is left.

        An exporter that rests for longer before it tries again is not waited for.
        """
        if self._left_at_close is not None:
            return self._left_at_close
        self._settle(time.monotonic() + timeout_s)
        return self.left

    def drain(self, timeout_s: float) -> int:
        """Deliver everything that can be, within `timeout_s`; return what is left.

        Each exporter is tried once even if it rests, or is switched off; when that fails it is
        not waited for. Another living process that holds one is, as long as it comes further.
        """
        for lane in self._durable:
            lane.begin_drain()
        try:
            return self.flush(timeout_s)
        finally:
            for lane in self._durable:
                lane.end_drain()

    def close(self, timeout_s: float) -> int:
        """Flush, then end exporters and threads, all within the time; return what is left."""
        if self._left_at_close is not None:
            return self._left_at_close
        deadline = time.monotonic() + timeout_s
        self.start()  # an exporter is closed in its own thread, even one that had nothing to do
        hung = self._settle(deadline - timeout_s / 4)  # the last quarter is for closing
        self._left_at_close = self.left
        self._keeper.stop()
        for lane in self._lanes:
            lane.stop()
        for lane in sorted(self._lanes, key=hung.__contains__):
            lane.join(deadline)
        return self._left_at_close

    def after_fork(self, owner: str) -> None:
        """Go on in a child process as another owner: forget threads, locks, queues and leases."""
        for durable in self._durable:
            durable.after_fork(owner)
        for live in self._live:
            live.after_fork()
        self._keeper.after_fork()

    @property
    def _lanes(self) -> tuple[DurableLane | LiveLane, ...]:
        return (*self._durable, *self._live)

    def _settle(self, deadline: float) -> list[DurableLane | LiveLane]:
        """Wait for every lane; return those that did not come to rest."""
        for lane in self._lanes:
            lane.wake()  # all at once, so that they work side by side
        return [lane for lane in self._lanes if not lane.settle(deadline)]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time_ns() / 1e9, UTC)

    def _renew(self) -> Rest:
        for lane in self._durable:
            lane.renew()
        return Rest(RENEW_EVERY_S)


def _distinct(exporters: Iterable[Exporter]) -> list[Exporter]:
    by_name: dict[str, Exporter] = {}
    for exporter in exporters:
        if exporter.name in by_name:
            raise ConfigError(
                f"two exporters are called {exporter.name!r}; give each its own id, such as "
                f"'{exporter.name}/second'"
            )
        by_name[exporter.name] = exporter
    return list(by_name.values())


def _nothing() -> None:
    """Finish without doing anything."""
