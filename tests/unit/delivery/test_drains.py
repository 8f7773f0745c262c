"""Delivering everything now, as `vidobs relay --drain` does."""

import math
from datetime import timedelta

import pytest

from vidobs.core.errors import ExportError
from vidobs.delivery.relay import Relay
from vidobs.delivery.worker import Rest

SOON = 30
NEVER = 3600  # a test that waits for this long fails by its time-out
LEASE = timedelta(seconds=30)


@pytest.fixture
def make_relay(world):
    """Build a relay; it is closed at the end of the test."""
    relays = []

    def make(*exporters, owner="drain", **options):
        relay = Relay(
            exporters,
            outbox=world.outbox,
            clock=world.clock,
            owner=owner,
            report=world.reports,
            chance=lambda: 1.0,
            tell=world.listener,
            **options,
        )
        relays.append(relay)
        return relay

    yield make
    for relay in relays:
        relay.close(0.2)


def leave(world, name, error, times=1):
    """Let an exporter fail in a process that then ends; it rests, or is switched off."""
    sink = world.sink.__class__(name)
    sink.script.extend([error] * times)
    worker = world.worker("before", sink)
    for _ in range(times - 1):
        world.clock.turn(world.run(worker).futile_s)
    world.run(worker)
    worker.close()


@pytest.mark.parametrize(
    ("error", "times"),
    [
        (ExportError("429", retry_after_s=NEVER), 1),
        (ExportError("503"), 9),
        (ExportError("410 Gone", gone=True), 1),
    ],
    ids=["rests", "open", "switched off"],
)
def test_a_drain_heeds_no_rest_and_no_switch(world, make_relay, error, times):
    """Whatever kept an exporter from being tried, everything goes out when it works."""
    events = world.add(200)
    leave(world, "sink", error, times)
    relay = make_relay(world.sink)
    assert relay.flush(1) == 200
    assert world.sink.threads == []

    assert relay.drain(NEVER) == 0
    assert world.sink.events == events


def test_a_drain_tries_each_exporter_once(world, make_relay, make_sink):
    """One that is down still is not waited for; the others get everything."""
    events = world.add(200, "dead,fine,gone")
    leave(world, "dead", ExportError("503"), 9)
    leave(world, "gone", ExportError("410 Gone", gone=True))
    dead, fine, gone = (make_sink(name) for name in ("dead", "fine", "gone"))
    dead.script.extend([ExportError("503")] * 99)
    gone.script.extend([ExportError("410 Gone", gone=True)] * 99)
    relay = make_relay(dead, fine, gone)

    assert relay.drain(NEVER) == 400

    assert fine.events == events
    assert [len(sink.threads) for sink in (dead, gone)] == [1, 1]
    assert world.outbox.standing("dead")["failures"] == 10


def test_a_drain_ends_when_the_breaker_opens(world):
    """A receiver that goes down meanwhile gets five tries, with their waits, and no more."""
    world.add(1)
    world.sink.refuses = lambda _: ExportError("503")
    worker = world.worker()
    worker.begin_drain()
    waits = []

    while not waits or waits[-1] < math.inf:
        rest = world.run(worker)
        waits.append(rest.futile_s)
        world.clock.turn(rest.seconds)

    assert waits == [1, 2, 4, 8, math.inf]
    assert len(world.sink.threads) == 5


def test_after_a_drain_rests_are_heeded_again(world, make_relay):
    """The force ends with the drain."""
    world.add(1)
    leave(world, "sink", ExportError("429", retry_after_s=NEVER))
    world.sink.script.extend([ExportError("429", retry_after_s=NEVER)] * 2)
    relay = make_relay(world.sink)
    assert relay.drain(NEVER) == 1

    assert relay.flush(1) == 1
    assert len(world.sink.threads) == 1


def test_a_drain_waits_for_another_process_that_works(world):
    """What somebody else has in hand is waited for, for as long as it gets less."""
    world.add(3)
    worker = world.worker()
    worker.begin_drain()
    rests = []

    for cursor in (1, 2, 3):
        assert world.outbox.lease("sink", "there", world.now + LEASE, world.now)
        rests.append(world.run(worker))
        world.clock.turn(25)
        world.outbox.delivered("sink", "there", cursor, events=1, now=world.now)

    assert rests == [Rest(1.0, idle=False)] * 3
    assert world.run(worker) == Rest(1.0, idle=True)
    assert world.sink.threads == []


def test_a_drain_does_not_wait_for_a_process_that_is_stuck(world):
    """When nothing gets less for half a minute, what is left is left."""
    world.add(3)
    worker = world.worker()
    worker.begin_drain()
    rests = []

    for _ in range(3):
        assert world.outbox.lease("sink", "there", world.now + LEASE, world.now)
        rests.append(world.run(worker).futile_s)
        world.clock.turn(20)

    assert rests == [0, 0, math.inf]


def test_a_drain_ends_in_time(world, make_relay, gate):
    """An exporter that hangs is left behind."""
    world.add(3)
    world.sink.script.append(gate)
    relay = make_relay(world.sink)

    assert relay.drain(0.3) == 3
    gate.open()


def test_a_closed_relay_drains_nothing(world, make_relay):
    """It says what was left when it was closed."""
    world.add(3)
    world.sink.script.append(ExportError("503", retry_after_s=NEVER))
    relay = make_relay(world.sink)
    assert relay.close(SOON) == 3

    assert relay.drain(NEVER) == 3
