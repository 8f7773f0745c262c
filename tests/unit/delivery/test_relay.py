"""All exporters at once, with their threads."""

import sys
import threading
from contextlib import contextmanager

import pytest

from vidobs.core.errors import ConfigError, ExportError, LedgerUnusableError
from vidobs.delivery.lanes import Tally
from vidobs.delivery.relay import Relay

SOON = 30
NEVER = 3600  # a test that waits for this long fails by its time-out


@pytest.fixture
def make_relay(outbox, clock, reports):
    """Build a relay; it is closed at the end of the test."""
    relays = []

    def make(*exporters, **options):
        relay = Relay(
            exporters,
            outbox=outbox,
            clock=clock,
            owner="here",
            report=reports,
            chance=lambda: 1.0,
            **options,
        )
        relays.append(relay)
        return relay

    yield make
    for relay in relays:
        relay.close(0.2)


def test_durable_exporters_get_the_outbox_and_live_ones_what_is_pushed(
    make_relay, make_sink, outbox, make_event
):
    """The route names the durable ones; each kind gets its events, in a thread of its own."""
    first, second, live = make_sink("a"), make_sink("b/x"), make_sink("live", durable=False)
    relay = make_relay(first, live, second)
    outbox.add(make_event(1), relay.route)
    outbox.add(make_event(2), "b/x")

    relay.push([make_event(3)])
    relay.wake()

    assert relay.route == "a,b/x"
    assert relay.flush(SOON) == 0
    assert (first.events, second.events, live.events) == (
        [make_event(1)],
        [make_event(1), make_event(2)],
        [make_event(3)],
    )
    threads = {sink.threads[0].name for sink in (first, second, live)}
    assert threads == {"vidobs-exporter-a", "vidobs-exporter-b/x", "vidobs-exporter-live"}
    assert all(sink.threads[0].daemon for sink in (first, second, live))
    assert relay.tallies == (
        Tally("a", durable=True, delivered=1, failed=0, lost=0),
        Tally("b/x", durable=True, delivered=2, failed=0, lost=0),
        Tally("live", durable=False, delivered=1, failed=0, lost=0),
    )


def test_nothing_runs_before_the_first_event(make_relay, make_sink):
    """Building a relay starts no thread, and pushing nothing does not either."""
    before = threading.enumerate()

    relay = make_relay(make_sink(), make_sink("live", durable=False))
    relay.push([])

    assert threading.enumerate() == before


def test_starting_early_is_possible(make_relay, make_sink):
    """Every thread can be started before there is an event, since none can at exit."""
    relay = make_relay(make_sink("early"), make_sink("live", durable=False))

    relay.start()

    names = {thread.name for thread in threading.enumerate()}
    assert {"vidobs-exporter-early", "vidobs-exporter-live", "vidobs-leases"} <= names


@pytest.fixture(params=[True, False], ids=["durable", "live"])
def gate_and_kind(request, gate):
    """A gate, and whether the exporters are durable."""
    return gate, request.param


def test_an_exporter_that_hangs_hurts_nobody(
    make_relay, make_sink, world, make_event, gate_and_kind
):
    """Others get their events; flush and close end in time and count what is left."""
    gate, durable = gate_and_kind
    hanging, fine = make_sink("hanging", durable), make_sink("fine", durable)
    hanging.script.append(gate)
    relay = make_relay(hanging, fine)
    events = [make_event(n) for n in range(3)]
    for event in events:
        world.outbox.add(event, relay.route)
    relay.push(events)
    relay.wake()
    assert gate.reached.wait(SOON)

    assert relay.flush(0.2) == 3
    assert fine.events == events
    assert relay.close(0.2) == 3
    assert relay.flush(NEVER) == 3
    gate.open()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt()])
def test_an_exporter_that_raises_is_tried_again(make_relay, make_sink, world, make_event, error):
    """Whatever it raises, its thread lives on and delivers later; others do not notice."""
    bad, fine = make_sink("bad"), make_sink("fine")
    bad.script.append(error)
    relay = make_relay(bad, fine)
    world.outbox.add(make_event(), relay.route)
    relay.wake()

    assert relay.flush(0.5) == 1  # it waits for a second by the clock, which stands still
    assert fine.got.acquire(timeout=SOON)
    world.clock.turn(1)
    relay.wake()

    assert bad.got.acquire(timeout=SOON)
    assert relay.flush(SOON) == 0
    assert world.reports.said == [("exporter bad", repr(error))]


def test_a_live_exporter_that_raises_goes_on(make_relay, make_sink, make_event, reports):
    """What it refused is gone and counted; the next batch arrives."""
    live = make_sink("live", durable=False)
    live.script.extend([ExportError("no"), SystemExit()])
    relay = make_relay(live)

    for number in range(3):
        relay.push([make_event(number)])
        assert relay.flush(SOON) == 0

    assert live.events == [make_event(2)]
    assert relay.tallies == (Tally("live", durable=False, delivered=1, failed=2, lost=0),)
    assert [error for _, error in reports.said] == ["ExportError('no')", "SystemExit()"]


def test_a_live_exporter_that_is_too_slow_loses_the_oldest(make_relay, make_sink, gate, make_event):
    """Its queue is bounded, and what is dropped is counted."""
    live = make_sink("live", durable=False)
    live.script.append(gate)
    relay = make_relay(live, capacity=2)
    relay.push([make_event(0)])
    assert gate.reached.wait(SOON)

    relay.push([make_event(n) for n in range(1, 6)])
    gate.open()

    assert relay.flush(SOON) == 0
    assert live.events == [make_event(0), make_event(4), make_event(5)]
    assert relay.tallies[0].lost == 3


def test_flushing_does_not_wait_for_a_sink_that_is_down(
    make_relay, make_sink, outbox, make_event, clock
):
    """When the next try is later than the time allows, there is nothing to wait for."""
    down = make_sink("down")
    down.script.append(ExportError("429", retry_after_s=2 * NEVER))
    relay = make_relay(down)
    outbox.add(make_event(), relay.route)

    assert relay.flush(NEVER) == 1
    assert relay.close(NEVER) == 1


def test_closing_closes_every_exporter_once_in_its_thread(make_relay, make_sink, outbox, clock):
    """Also one that had nothing to do; the leases are given back; closing twice is fine."""
    durable, live = make_sink("durable"), make_sink("live", durable=False)
    relay = make_relay(durable, live)

    assert relay.close(SOON) == 0
    assert relay.close(SOON) == 0
    relay.push([])
    relay.wake()

    assert (durable.closed, live.closed) == (1, 1)
    assert outbox.holder("durable", clock.now) is None
    assert "vidobs-exporter-durable" not in {t.name for t in threading.enumerate()}


def test_closing_delivers_what_is_there(make_relay, make_sink, outbox, make_event):
    """Events that nobody flushed go out, when there is time."""
    sink = make_sink()
    relay = make_relay(sink)
    outbox.add(make_event())

    assert relay.close(SOON) == 0
    assert sink.events == [make_event()]


def test_a_fault_on_closing_is_reported(make_relay, make_sink, reports):
    """An exporter that raises while closing does no harm."""

    class Bad(make_sink):
        def close(self):
            raise SystemExit("x")

    assert make_relay(Bad()).close(SOON) == 0
    assert reports.said == [("vidobs-exporter-sink", "SystemExit('x')")]


def test_a_ledger_that_is_gone_is_no_zero(make_relay, sink, outbox, reports, make_event):
    """What cannot be counted is not nothing; the thread lives on and tries again."""

    class Broken:
        def __getattr__(self, name):
            raise LedgerUnusableError("the file is gone")

    relay = make_relay(sink)
    outbox.add(make_event())
    outbox.fail("delivered", LedgerUnusableError("the file is gone"))
    relay.wake()

    assert relay.flush(SOON) == 0
    assert ("vidobs-exporter-sink", "LedgerUnusableError('the file is gone')") in reports.said
    outbox.behind = Broken().__getattr__
    assert relay.left == 1


def test_exporters_run_quietly(make_relay, make_sink, outbox, make_event):
    """Both kinds run inside `quiet()`, in the thread that exports."""
    inside = []

    @contextmanager
    def quiet():
        inside.append(threading.current_thread().name)
        yield

    relay = make_relay(make_sink("a"), make_sink("b", durable=False), quiet=quiet)
    outbox.add(make_event(), "a")
    relay.push([make_event()])

    assert relay.flush(SOON) == 0
    assert sorted(inside) == ["vidobs-exporter-a", "vidobs-exporter-b"]


def test_two_exporters_of_one_name_are_refused(make_relay, make_sink):
    """They would share a cursor, and each get half of the events."""
    with pytest.raises(ConfigError) as caught:
        make_relay(make_sink("jsonl"), make_sink("jsonl"))

    assert str(caught.value) == (
        "two exporters are called 'jsonl'; give each its own id, such as 'jsonl/second'"
    )


def test_leases_of_long_exports_are_renewed(make_relay, make_sink, world, gate, make_event):
    """The keeper looks after the leases of exports in progress, every ten seconds."""
    sink = make_sink()
    sink.script.append(gate)
    relay = make_relay(sink)
    world.outbox.add(make_event())
    relay.wake()
    assert gate.reached.wait(SOON)

    world.clock.turn(25)
    assert relay._renew().seconds == 10
    world.clock.turn(25)

    assert world.outbox.holder("sink", world.clock.now) == "here"
    gate.open()


def test_after_a_fork_nothing_inherited_is_touched(make_relay, make_sink, outbox, gate, make_event):
    """A lock that was held at the fork, and a thread that hung, do not stop the child."""
    sink = make_sink()
    live = make_sink("live", durable=False)
    live.script.append(gate)
    relay = make_relay(sink, live)
    relay.push([make_event(0)])
    assert gate.reached.wait(SOON)
    with relay._durable[0]._worker._condition, relay._live[0]._inbox._lock:
        ready = threading.Event()

        def child():
            relay.after_fork("child")
            ready.set()

        threading.Thread(target=child).start()
        assert ready.wait(SOON)
    outbox.add(make_event(1))
    relay.push([make_event(2)])

    assert relay.flush(SOON) == 0

    assert sink.events == [make_event(1)]
    assert make_event(2) in live.events
    assert set(outbox.owners) == {"child"}


@pytest.fixture
def no_more_threads():
    """Let no thread start, as at the end of the interpreter."""
    size = threading.stack_size(1 << 46)
    yield
    threading.stack_size(size)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a system that refuses huge stacks")
def test_a_thread_that_cannot_start_is_no_catastrophe(
    make_relay, make_sink, world, make_event, no_more_threads
):
    """At exit Python refuses new threads: the events count as left, and nothing is raised."""
    relay = make_relay(make_sink("sink"), make_sink("live", durable=False))
    world.outbox.add(make_event())

    relay.push([make_event()])
    relay.wake()

    assert relay.flush(NEVER) == 2
    assert relay.close(NEVER) == 2
    assert sorted(where for where, _ in world.reports.said) == [
        "vidobs-exporter-live",
        "vidobs-exporter-sink",
        "vidobs-leases",
    ]
