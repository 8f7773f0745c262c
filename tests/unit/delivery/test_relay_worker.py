"""The relay of one exporter, turn by turn."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from vidobs.core.errors import ExportError, LedgerBusyError, LedgerUnusableError
from vidobs.delivery.relay_worker import RelayWorker
from vidobs.delivery.worker import AGAIN, Rest


@pytest.fixture
def make_worker(outbox, clock, sink, reports):
    """Build the worker of a process, by the name of its owner."""

    def make(owner="here", exporter=sink, quiet=nullcontext):
        return RelayWorker(
            exporter,
            outbox=outbox,
            now=lambda: clock.now,
            owner=owner,
            report=reports,
            quiet=quiet,
            chance=lambda: 1.0,
        )

    return make


def run(worker, clock, turns=1000):
    """Let a worker take turns until it rests; return the rest."""
    for _ in range(turns):
        rest = worker.step(clock.now)
        if rest != AGAIN:
            return rest
    raise AssertionError("it never rests")


def test_everything_is_delivered_in_batches_of_64(make_worker, outbox, clock, sink, make_event):
    """All events arrive in order, at most 64 at once, and the cursor is behind them."""
    events = [make_event(n) for n in range(150)]
    for event in events:
        outbox.add(event)
    worker = make_worker()

    rest = run(worker, clock)

    assert [len(batch) for batch in sink.batches] == [64, 64, 22]
    assert sink.events == events
    assert outbox.cursors == {"sink": 150}
    assert worker.delivered == 150
    assert rest == Rest(1.0, idle=True)


def test_rows_for_others_are_passed_over(make_worker, outbox, clock, sink, make_event):
    """A row belongs to the exporters that its process had; the cursor moves past the others."""
    for number, route in enumerate(["sink", "other", "other,sink", "sinks", ""]):
        outbox.add(make_event(number), route)

    run(make_worker(), clock)

    assert sink.batches == [[make_event(0), make_event(2)]]
    assert outbox.cursors == {"sink": 5}


def test_exports_run_quietly(make_worker, outbox, clock, sink, make_event):
    """The exporter's own requests happen inside the given context."""
    order = []

    class Quiet:
        def __enter__(self):
            order.append("quiet")

        def __exit__(self, *exc):
            order.append("loud")

    sink.script.append(lambda: order.append("export"))
    outbox.add(make_event())

    run(make_worker(quiet=Quiet), clock)

    assert order == ["quiet", "export", "loud"]


def test_a_sink_that_is_down_gets_everything_later(make_worker, world, sink, make_event):
    """Retries back off to a minute, for as long as it takes; the fault is said once."""
    outbox, clock = world.outbox, world.clock
    outbox.add(make_event())
    sink.script.extend([ExportError("503 Service Unavailable")] * 10)
    worker, waits = make_worker(), []

    while not sink.batches:
        rest = run(worker, clock)
        waits.append(rest.seconds)
        clock.turn(rest.seconds)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 1.0]
    assert sink.events == [make_event()]
    assert outbox.dead == []
    assert worker.failed == 10
    assert world.reports.said == [("exporter sink", "ExportError('503 Service Unavailable')")]


def test_waking_does_not_shorten_a_wait(make_worker, outbox, clock, sink, make_event):
    """New events while it waits for another try do not call the receiver."""
    outbox.add(make_event())
    sink.script.append(ExportError("429", retry_after_s=3600))
    worker = make_worker()

    assert run(worker, clock) == Rest(3600.0, idle=False)
    clock.turn(600)
    outbox.add(make_event(2))

    assert run(worker, clock) == Rest(3000.0, idle=False)
    assert len(sink.threads) == 1
    clock.turn(3000)
    run(worker, clock)
    assert len(sink.events) == 2


def test_a_clock_put_back_does_not_prolong_a_wait(make_worker, outbox, clock, sink, make_event):
    """When the clock jumps back by a day, the wait starts over, no more."""
    outbox.add(make_event())
    sink.script.append(ExportError("503"))
    worker = make_worker()
    run(worker, clock)

    clock.turn(-86_400)
    assert run(worker, clock) == Rest(1.0, idle=False)
    clock.turn(1)
    run(worker, clock)

    assert sink.events == [make_event()]


def test_a_wait_counts_from_the_end_of_the_export(make_worker, outbox, clock, sink, make_event):
    """An export that fails after a long time-out is followed by a full wait."""
    outbox.add(make_event())

    def time_out():
        clock.turn(20)
        raise ExportError("timed out")

    sink.script.append(time_out)

    worker = make_worker()
    assert run(worker, clock) == Rest(1.0, idle=False)
    assert run(worker, clock) == Rest(1.0, idle=False)


def test_only_the_refused_event_is_buried(make_worker, outbox, clock, sink, make_event):
    """A receiver refuses one event of many for good: all others arrive, once each."""
    events = [make_event(n) for n in range(100)]
    for event in events:
        outbox.add(event)
    sink.refuses = lambda event: (
        ExportError("400 key=sk-aaaaaaaaaaaaaaaa", retryable=False) if event == events[40] else None
    )
    worker = make_worker()

    rest = run(worker, clock)

    assert rest.idle
    assert sink.events == events[:40] + events[41:]
    assert outbox.dead == [("sink", 41, "ExportError: 400 key=[secret]", clock.now)]
    assert worker.buried == 1
    assert outbox.cursors == {"sink": 100}


@pytest.mark.parametrize("error", [TypeError("no"), SystemExit(1), KeyboardInterrupt()])
def test_a_poison_event_is_buried_after_eight_tries(make_worker, world, sink, make_event, error):
    """What breaks an exporter every time ends among the dead letters; the rest arrives."""
    outbox, clock = world.outbox, world.clock
    events = [make_event(n) for n in range(20)]
    for event in events:
        outbox.add(event)
    sink.refuses = lambda event: error if event == events[5] else None
    worker = make_worker()

    tries = 0
    while outbox.behind("sink"):
        clock.turn(run(worker, clock).seconds)
        tries += 1
        if tries == 7:
            assert (sink.events, worker.failed) == ([], 7)

    assert sink.events == events[:5] + events[6:]
    assert [dead[1] for dead in outbox.dead] == [6]


def test_a_held_lease_is_looked_at_once_a_second(make_worker, outbox, clock, sink, make_event):
    """While another process works, this one waits, however often it is woken."""
    outbox.add(make_event())
    outbox.lease("sink", "there", clock.now + timedelta(seconds=30), clock.now)
    worker = make_worker()
    outbox.leases_asked = 0

    assert run(worker, clock) == Rest(1.0, idle=False)
    clock.turn(0.5)
    assert run(worker, clock) == Rest(0.5, idle=False)
    assert outbox.leases_asked == 1
    clock.turn(0.5)
    assert run(worker, clock) == Rest(1.0, idle=False)
    assert outbox.leases_asked == 2
    assert sink.events == []


def test_the_work_of_a_dead_process_is_taken_over(make_worker, outbox, clock, sink, make_event):
    """When a lease ran out, the events go on from where the cursor stands."""
    for number in range(2):
        outbox.add(make_event(number))
    outbox.lease("sink", "dead", clock.now + timedelta(seconds=30), clock.now)
    outbox.delivered("sink", "dead", 1, events=1, now=clock.now)
    worker = make_worker()
    waited = 0.0

    while not sink.events:
        rest = run(worker, clock)
        waited += rest.seconds
        clock.turn(rest.seconds)

    assert 30 < waited <= 33
    assert sink.events == [make_event(1)]


def test_what_another_process_delivered_counts(make_worker, outbox, clock, make_event):
    """A process that waits for a lease is idle once the holder has delivered everything."""
    outbox.add(make_event())
    outbox.lease("sink", "there", clock.now + timedelta(seconds=30), clock.now)
    worker = make_worker()
    assert not run(worker, clock).idle

    outbox.delivered("sink", "there", 1, events=1, now=clock.now)

    assert run(worker, clock) == Rest(1.0, idle=True)


def test_a_lease_is_given_back_when_nothing_is_left(make_worker, outbox, clock, make_event):
    """After a second without events others may have it; what they leave is looked for."""
    outbox.add(make_event())
    worker = make_worker()

    rest = run(worker, clock)
    assert (rest, outbox.holder("sink", clock.now)) == (Rest(1.0), "here")
    clock.turn(1)
    rest = run(worker, clock)
    assert (rest, outbox.holder("sink", clock.now)) == (Rest(30.0), None)

    outbox.add(make_event(2))  # by a process that was killed before it delivered
    clock.turn(30)
    run(worker, clock)
    assert outbox.behind("sink") == 0


def test_a_lease_lasts_over_many_batches(make_worker, outbox, clock, sink, make_event):
    """While events keep coming it is asked for once, and again when half of it is over."""
    worker = make_worker()
    for number in range(60):
        outbox.add(make_event(number))
        run(worker, clock)
        clock.turn(0.5)

    assert len(sink.events) == 60
    assert outbox.leases_asked == 2


def test_a_lease_is_renewed_during_a_long_export(make_worker, outbox, clock, sink, make_event):
    """An export of two minutes keeps its lease; nobody delivers the same events meanwhile."""
    worker, other = make_worker("here"), make_worker("there")
    holders = []

    def slowly():
        for _ in range(12):
            clock.turn(10)
            worker.renew(clock.now)
            other.step(clock.now)
            holders.append(outbox.holder("sink", clock.now))

    sink.script.append(slowly)
    outbox.add(make_event())

    run(worker, clock)

    assert set(holders) == {"here"}
    assert sink.events == [make_event()]


def test_an_export_that_hangs_loses_its_lease(make_worker, make_sink, outbox, clock, make_event):
    """After five minutes another process may try; the cursor never goes back."""
    hanging, working = make_sink(), make_sink()
    here, there = make_worker("here", hanging), make_worker("there", working)
    outbox.add(make_event(0))

    def hang():
        for _ in range(40):
            clock.turn(10)
            here.renew(clock.now)
            outbox.add(make_event(9))
            there.step(clock.now)

    hanging.script.append(hang)
    run(here, clock)

    assert working.events[0] == make_event(0)
    cursor = outbox.cursors["sink"]
    run(here, clock)
    assert outbox.cursors["sink"] >= cursor > 1


def test_a_process_that_slept_does_not_put_the_cursor_back(
    make_worker, make_sink, outbox, clock, make_event
):
    """A lease that was lost and regained during one export comes with a newer cursor."""
    sleeping = make_sink()
    here, there = make_worker("here", sleeping), make_worker("there", make_sink())
    outbox.add(make_event(0))

    def sleep():
        clock.turn(60)
        outbox.add(make_event(1))
        run(there, clock)
        there.close()
        here.renew(clock.now)

    sleeping.script.append(sleep)
    run(here, clock)

    assert outbox.cursors == {"sink": 2}
    assert sleeping.events == [make_event(0)]


def test_a_lease_is_not_trusted_after_the_clock_was_put_back(
    make_worker, outbox, clock, make_event
):
    """What was leased at noon for half a minute is not ours for the day before."""
    worker = make_worker()
    run(worker, clock)
    clock.turn(-86_400)
    outbox.add(make_event())

    worker.step(clock.now)

    assert outbox.leases["sink"] == ("here", clock.now + timedelta(seconds=30))


def test_renewing_does_nothing_without_an_export(make_worker, outbox, clock):
    """A process with nothing to do leaves the lease alone."""
    worker = make_worker()

    worker.renew(clock.now)

    assert outbox.leases_asked == 0


def test_a_busy_ledger_does_not_make_duplicates(make_worker, world, sink, make_event):
    """When the cursor cannot be moved right now, it is moved later, without a second export."""
    outbox, clock = world.outbox, world.clock
    outbox.add(make_event())
    outbox.faults.append(LedgerBusyError("locked"))
    worker = make_worker()

    assert run(worker, clock) == Rest(0.25, idle=False)
    assert run(worker, clock).idle

    assert sink.batches == [[make_event()]]
    assert outbox.cursors == {"sink": 1}
    assert world.reports.said == []


def test_a_cursor_that_was_not_saved_is_saved_after_a_renewal(
    make_worker, outbox, clock, sink, make_event
):
    """Also when the lease had to be asked for again in between."""
    outbox.add(make_event())
    outbox.faults.append(LedgerBusyError("locked"))
    worker = make_worker()
    run(worker, clock)
    clock.turn(60)

    run(worker, clock)

    assert sink.batches == [[make_event()]]
    assert outbox.cursors == {"sink": 1}


def test_a_broken_ledger_makes_it_start_over(make_worker, outbox, clock, sink, make_event):
    """A file that broke may come back as another: nothing is remembered of it."""
    outbox.add(make_event(0))
    outbox.faults.append(LedgerUnusableError("gone"))
    worker = make_worker()
    with pytest.raises(LedgerUnusableError):
        worker.step(clock.now)

    outbox.rows.clear()
    outbox.standings.clear()
    outbox.leases.clear()
    outbox.add(make_event(1))
    run(worker, clock)

    assert sink.events == [make_event(0), make_event(1)]


def test_closing_gives_back_the_lease_and_closes_the_exporter(
    make_worker, outbox, clock, sink, make_event
):
    """The next process may start at once; an event that waits stays in the outbox."""
    outbox.add(make_event())
    worker = make_worker()
    run(worker, clock)

    worker.close()

    assert outbox.holder("sink", clock.now) is None
    assert sink.closed == 1


def test_a_forked_child_is_another_owner(make_worker, outbox, clock, sink, make_event):
    """It does not use the lease, the wait or the plan that it inherited."""
    outbox.add(make_event())
    sink.script.append(ExportError("503"))
    worker = make_worker("parent")
    run(worker, clock)

    worker.after_fork("child")

    assert run(worker, clock) == Rest(1.0, idle=False)  # the parent holds the lease
    assert outbox.leases["sink"][0] == "parent"
    clock.turn(31)
    run(worker, clock)
    assert outbox.leases["sink"][0] == "child"
    assert sink.events == [make_event()]
