"""The two ways to an exporter: durable from the outbox, or live as things happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import LedgerError
from vidobs.delivery.inbox import Inbox
from vidobs.delivery.listening import Teller
from vidobs.delivery.relay_worker import RelayWorker, arrived_of, most_of
from vidobs.delivery.worker import Rest, Worker, contained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from vidobs.core.events import VideoEvent
    from vidobs.core.protocols import Exporter, Outbox, RelayListener
    from vidobs.delivery.worker import Report


class Tally(msgspec.Struct, frozen=True):
    """What one exporter did in this process."""

    name: str
    durable: bool
    delivered: int  # events
    failed: int  # batches that it did not take
    lost: int  # events: dead letters of a durable exporter, dropped ones of another


class DurableLane:
    """The thread around a `RelayWorker`."""

    def __init__(
        self,
        exporter: Exporter,
        *,
        outbox: Outbox,
        now: Callable[[], datetime],
        owner: str,
        report: Report,
        quiet: Callable[[], AbstractContextManager[object]],
        chance: Callable[[], float],
        watch_s: float,
        tell: RelayListener,
    ) -> None:
        self.name = exporter.name
        self._outbox = outbox
        self._now = now
        self._report = report
        self._relay = RelayWorker(
            exporter,
            outbox=outbox,
            now=now,
            owner=owner,
            report=report,
            quiet=quiet,
            chance=chance,
            watch_s=watch_s,
            tell=tell,
        )
        self._worker = Worker(
            f"vidobs-exporter-{self.name}", self._turn, report=report, finish=self._finish
        )

    @property
    def left(self) -> int:
        """How many events it has not had; 1 where that cannot be counted."""
        try:
            return self._outbox.behind(self.name)
        except LedgerError as error:
            self._report(f"exporter {self.name}", error)
            return 1

    @property
    def tally(self) -> Tally:
        """What it did so far."""
        relay = self._relay
        return Tally(
            self.name,
            durable=True,
            delivered=relay.delivered,
            failed=relay.failed,
            lost=relay.buried,
        )

    def wake(self) -> None:
        """Look into the outbox soon."""
        self._worker.wake()

    def settle(self, deadline: float) -> bool:
        """Wait until nothing is left, or nothing can happen before the deadline."""
        return self._worker.settle(deadline)

    def stop(self) -> None:
        """Ask the thread to close the exporter and end."""
        self._worker.stop()

    def join(self, deadline: float) -> None:
        """Wait for the end of the thread."""
        self._worker.join(deadline)

    def renew(self) -> None:
        """Keep the lease while an export takes long."""
        self._relay.renew(self._now())

    def begin_drain(self) -> None:
        """From now on heed neither rests nor switches, until a try fails."""
        self._relay.begin_drain()

    def end_drain(self) -> None:
        """Go on as usual."""
        self._relay.end_drain()

    def after_fork(self, owner: str) -> None:
        """Start over in a child process."""
        self._relay.after_fork(owner)
        self._worker.after_fork()

    def _turn(self) -> Rest:
        return self._relay.step(self._now())

    def _finish(self) -> None:
        self._relay.close()


class LiveLane:
    """The queue and the thread of an exporter that is not durable; a batch it refuses is gone."""

    def __init__(
        self,
        exporter: Exporter,
        *,
        report: Report,
        quiet: Callable[[], AbstractContextManager[object]],
        capacity: int,
        tell: RelayListener,
    ) -> None:
        self.name = exporter.name
        self._exporter = exporter
        self._quiet = quiet
        self._tell = Teller(exporter.name, tell, report)
        self._delivered = 0
        self._inbox = Inbox(
            f"vidobs-exporter-{self.name}",
            self._export,
            report=report,
            finish=exporter.close,
            batch=most_of(exporter),
            capacity=capacity,
            dropped=self._tell.dropped,
        )

    @property
    def left(self) -> int:
        """How many events it has not finished with."""
        return self._inbox.left

    @property
    def tally(self) -> Tally:
        """What it did so far."""
        inbox = self._inbox
        return Tally(
            self.name,
            durable=False,
            delivered=self._delivered,
            failed=inbox.failed,
            lost=inbox.dropped,
        )

    def put(self, events: Sequence[VideoEvent]) -> None:
        """Queue some events."""
        self._inbox.put(events)

    def wake(self) -> None:
        """Start the thread, if it is not running."""
        self._inbox.wake()

    def settle(self, deadline: float) -> bool:
        """Wait until it had everything."""
        return self._inbox.settle(deadline)

    def stop(self) -> None:
        """Ask the thread to close the exporter and end."""
        self._inbox.stop()

    def join(self, deadline: float) -> None:
        """Wait for the end of the thread."""
        self._inbox.join(deadline)

    def after_fork(self) -> None:
        """Start over in a child process."""
        self._inbox.after_fork()

    def _export(self, batch: Sequence[VideoEvent]) -> None:
        started = time.perf_counter()
        error = contained(self._export_quietly, batch)
        seconds = time.perf_counter() - started
        arrived = len(batch) if error is None else arrived_of(error, len(batch))
        if arrived:
            self._delivered += arrived
            self._tell.delivered(arrived, seconds)
        if error is not None:
            self._tell.failed(error, seconds)
            self._tell.dropped(len(batch) - arrived)
            raise error

    def _export_quietly(self, batch: Sequence[VideoEvent]) -> None:
        with self._quiet():
            self._exporter.export(batch)
