"""What the relay does about a sink that misbehaves, with two processes on one ledger file.

Another sink stands beside it in every test, and must not notice. Only the clock is turned by the
test; the ledger is real, and each process has its own connection to it.
"""

import time
from contextlib import nullcontext
from datetime import timedelta

import msgspec
import pytest
from outbox_kit import OpenOutbox, event
from relay_kit import SOON, Clock, Gate, Listener, Sink

from vidobs.core.errors import ExportError
from vidobs.delivery.relay import Relay
from vidobs.delivery.relay_worker import GATHER, RelayWorker
from vidobs.delivery.worker import AGAIN

MINUTE, HOUR, DAY = 60, 3600, 86_400
ROUTE = "bad,fine"
LATEST_S = 7  # after it was recorded an event is at a sink that works, whoever holds the lease


class Watched(Sink):
    """A sink that notes when it is called, and how late each event arrives."""

    def __init__(self, name, world):
        super().__init__(name)
        self._world = world
        self.called_at = []
        self.sizes = []
        self.late_s = {}

    def export(self, batch):
        """Take a batch, or not."""
        self.called_at.append(self._world.now)
        self.sizes.append(len(batch))
        super().export(batch)
        for one in batch:
            self.late_s[one.id] = (self._world.now - one.at).total_seconds()


class World:
    """Two processes, each with both exporters, on one file."""

    def __init__(self, path):
        self.clock = Clock()
        self.listener = Listener()
        self.path = path
        self.bad, self.fine = Watched("bad", self), Watched("fine", self)
        self.events = []
        self.outboxes = []
        self.workers = []
        self.starts = 0
        self.restart()

    @property
    def now(self):
        """The time."""
        return self.clock.now

    def restart(self):
        """End both processes as kill -9 does, and start two others."""
        for outbox in self.outboxes:
            outbox.connection.close()
        self.outboxes = [OpenOutbox(self.path) for _ in range(2)]
        self.starts += 1
        self.workers = [
            self._worker(outbox, sink, f"process-{self.starts}-{number}")
            for number, outbox in enumerate(self.outboxes)
            for sink in (self.bad, self.fine)
        ]

    def _worker(self, outbox, sink, owner):
        return RelayWorker(
            sink,
            outbox=outbox,
            now=lambda: self.now,
            owner=owner,
            report=lambda *_: None,
            quiet=nullcontext,
            chance=lambda: 1.0,
            tell=self.listener,
            watch_s=5.0,
        )

    def record(self, count=1):
        """Record some events, in one process after the other."""
        for _ in range(count):
            one = msgspec.structs.replace(event(len(self.events)), at=self.now)
            self.outboxes[len(self.events) % 2].add(one, ROUTE)
            self.events.append(one)

    def live(self, seconds, *, every=None):
        """Let everybody live for so long; record an event every so many seconds, if told to."""
        end = self.now + timedelta(seconds=seconds)
        due = self.now
        while self.now < end:
            if every is not None and self.now >= due:
                self.record()
                due += timedelta(seconds=every)
            rest = min(self._turn(worker) for worker in self.workers)
            self.clock.turn(max(0.05, min(rest, (end - self.now).total_seconds())))

    def _turn(self, worker):
        for _ in range(1000):
            rest = worker.step(self.now)
            if rest not in (AGAIN, GATHER):
                return rest.seconds
        raise AssertionError("it never rests")

    @property
    def left(self):
        """How many events the bad sink has not had."""
        return self.outboxes[0].behind("bad")

    def close(self):
        """Check what holds in every test, and give the file back."""
        dead = self.outboxes[0].dead
        for outbox in self.outboxes:
            outbox.connection.close()
        assert dead == []
        assert self.fine.events == self.events
        assert max(self.fine.late_s.values(), default=0) <= LATEST_S


@pytest.fixture
def world(tmp_path):
    """Two processes and two sinks; in the end the good one had everything, once, and in time."""
    one = World(tmp_path / "ledger.db")
    yield one
    one.close()


def test_a_sink_that_is_down_for_an_hour_gets_everything(world):
    """It is asked once a minute, with one event; when it is back all arrive, once and in order."""
    world.bad.refuses = lambda _: ConnectionRefusedError("connection refused")
    world.live(HOUR, every=30)
    tries = len(world.bad.called_at)
    assert world.bad.events == []
    assert world.left == len(world.events)
    assert tries <= HOUR / MINUTE + 6
    assert set(world.bad.sizes[5:]) == {1}

    world.bad.refuses = None
    world.live(2 * MINUTE)

    assert world.bad.events == world.events
    assert world.bad.sizes[tries:][:3] == [1, 64, len(world.events) - 65]
    assert [one[0] for one in world.listener.of("down", "recovered")] == ["down", "recovered"]


def test_a_sink_that_answers_500_for_ever_costs_next_to_nothing(world):
    """Two processes together ask it once a minute, however long it takes, and nothing is lost."""
    world.bad.refuses = lambda _: ExportError("HTTP 500")
    world.live(HOUR, every=10 * MINUTE)

    assert len(world.bad.called_at) <= HOUR / MINUTE + 6
    assert world.left == len(world.events) == 6
    assert len(world.listener.of("down")) == 1


def test_a_sink_that_asks_for_an_hour_is_left_alone_for_an_hour(world):
    """No process calls it before, not even new ones; then everything arrives."""
    world.bad.script.append(ExportError("HTTP 429", retry_after_s=HOUR))
    world.live(HOUR / 2, every=MINUTE)
    world.restart()
    world.live(HOUR / 2 - 1, every=MINUTE)
    assert len(world.bad.called_at) == 1

    world.live(MINUTE)

    assert world.bad.events == world.events
    assert (world.bad.called_at[1] - world.bad.called_at[0]).total_seconds() >= HOUR


def test_a_sink_that_takes_small_batches_gets_small_batches(world):
    """413 is no reason to give anything up, nor to wait."""
    world.record(500)
    refuse = ExportError("HTTP 413", retryable=False)

    def limited(batch, take=world.bad.export):
        if len(batch) > 10:
            raise refuse
        take(batch)

    world.bad.export = limited
    world.live(1)

    assert world.bad.events == world.events
    assert max(world.bad.sizes) <= 10


@pytest.mark.parametrize("jump", [DAY, -DAY])
@pytest.mark.parametrize("error", [None, ExportError("HTTP 503", retry_after_s=10 * MINUTE)])
def test_a_clock_that_jumps_by_a_day_stops_nothing(world, jump, error):
    """Neither leases nor rests from before the jump hold anybody up for more than a minute."""
    world.record(10)
    if error is not None:
        world.bad.script.append(error)
    world.live(5)

    world.clock.turn(jump)
    world.live(5)
    for sink in (world.bad, world.fine):
        sink.late_s.clear()
    world.record(10)
    world.live(MINUTE)

    assert world.bad.events == world.events


def test_processes_that_are_killed_leave_no_gap(world):
    """Those that come after them go on where they stopped, while one sink keeps failing."""
    world.bad.refuses = lambda _: ExportError("HTTP 503")
    for _ in range(5):
        world.live(20, every=1)
        world.restart()
        world.live(31)
    world.bad.refuses = None
    for sink in (world.bad, world.fine):
        sink.late_s.clear()
    world.live(2 * MINUTE)

    assert world.bad.events == world.events


def test_a_sink_that_hangs_holds_up_nobody(tmp_path):
    """Another gets everything meanwhile; flush and close end in their time; all arrives later."""
    gate, bad, fine = Gate(), Sink("bad"), Sink("fine")
    bad.script.append(gate)
    outbox = OpenOutbox(tmp_path / "ledger.db")
    events = [event(number) for number in range(300)]
    outbox.add_many(events, ROUTE)

    def relay(owner, *exporters):
        return Relay(exporters, outbox=outbox, clock=Clock(), owner=owner, report=lambda *_: None)

    hung = relay("hung", bad, fine)
    hung.wake()
    assert gate.reached.wait(SOON)
    assert hung.flush(0.2) == 300
    assert fine.events == events
    assert hung.close(0.2) == 300
    gate.open()
    hung._durable[0].join(time.monotonic() + SOON)

    later = relay("later", bad, fine)
    assert later.drain(SOON) == 0
    later.close(SOON)
    assert sorted({one.id for one in bad.events}) == sorted(one.id for one in events)
    outbox.connection.close()
