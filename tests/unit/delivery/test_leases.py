"""Who may export, when several processes share an outbox."""

from datetime import timedelta

import pytest

from vidobs.core.errors import ExportError
from vidobs.delivery.relay_worker import GATHER
from vidobs.delivery.retries import BATCH
from vidobs.delivery.worker import AGAIN, Rest

LEASE = timedelta(seconds=30)


def held_by(world, owner):
    """Let somebody else hold the exporter."""
    assert world.outbox.lease("sink", owner, world.now + LEASE, world.now)


def test_a_held_lease_is_looked_at_once_a_second(world, sink):
    """While another process works, this one waits, however often it is woken."""
    world.add(1)
    held_by(world, "there")
    worker = world.worker()
    world.outbox.leases_asked = 0

    assert world.run(worker) == Rest(1.0, idle=False)
    world.clock.turn(0.5)
    assert world.run(worker) == Rest(0.5, idle=False)
    assert world.outbox.leases_asked == 1
    world.clock.turn(0.5)
    assert world.run(worker) == Rest(1.0, idle=False)
    assert world.outbox.leases_asked == 2
    assert sink.events == []


def test_the_work_of_a_dead_process_is_taken_over(world, sink):
    """When a lease ran out, the events go on from where the cursor stands."""
    events = world.add(2)
    held_by(world, "dead")
    world.outbox.delivered("sink", "dead", 1, events=1, now=world.now)
    worker = world.worker()
    waited = 0.0

    while not sink.events:
        rest = world.run(worker)
        waited += rest.seconds
        world.clock.turn(rest.seconds)

    assert 30 < waited <= 33
    assert sink.events == events[1:]


def test_what_another_process_delivered_counts(world):
    """A process that waits for a lease is idle once the holder has delivered everything."""
    world.add(1)
    held_by(world, "there")
    worker = world.worker()
    assert not world.run(worker).idle

    world.outbox.delivered("sink", "there", 1, events=1, now=world.now)
    world.clock.turn(1)

    assert world.run(worker) == Rest(1.0, idle=True)


def test_a_lease_is_given_back_when_nothing_is_left(world):
    """After a second without events others may have it; what they leave is looked for."""
    world.add(1)
    worker = world.worker()

    rest = world.run(worker)
    assert (rest, world.outbox.holder("sink", world.now)) == (Rest(1.0), "here")
    world.clock.turn(1)
    rest = world.run(worker)
    assert (rest, world.outbox.holder("sink", world.now)) == (Rest(30.0), None)

    world.add(1)  # by a process that was killed before it delivered
    world.clock.turn(30)
    world.run(worker)
    assert world.outbox.behind("sink") == 0


def test_a_relay_process_looks_every_second(world, sink):
    """What other processes record goes out within a second, and looking in vain writes nothing."""
    worker = world.worker(watch_s=1.0)
    assert world.run(worker) == Rest(1.0)
    writes = world.outbox.connection.total_changes()

    for _ in range(4):
        world.clock.turn(1)
        assert world.run(worker) == Rest(1.0)
    assert world.outbox.connection.total_changes() == writes

    first, second = world.add(2)
    world.clock.turn(1)
    world.run(worker)
    assert sink.events == [first, second]
    world.run_for(worker, 3)
    world.outbox.ask("sink", 1)
    world.run_for(worker, 1.1)
    assert sink.events == [first, second, first]


def test_a_ledger_that_was_replaced_is_noticed(world, sink):
    """The place of a cursor in an older file is not trusted for more than some seconds."""
    world.add(5)
    worker = world.worker(watch_s=1.0)
    world.run_for(worker, 3)
    sink.batches.clear()
    world.outbox.connection.execute("DELETE FROM event; DELETE FROM relay")

    events = world.add(1)
    world.run_for(worker, 6)

    assert sink.events == events


def test_a_lease_lasts_over_many_batches(world, sink):
    """While events keep coming it is asked for once, and again when half of it is over."""
    worker = world.worker()
    for _ in range(60):
        world.add(1)
        world.run(worker)
        world.clock.turn(0.5)

    assert len(sink.events) == 60
    assert world.outbox.leases_asked == 2


def test_a_lease_is_renewed_during_a_long_export(world, sink):
    """An export of two minutes keeps its lease; nobody delivers the same events meanwhile."""
    worker, other = world.worker("here"), world.worker("there")
    holders = []

    def slowly():
        for _ in range(12):
            world.clock.turn(10)
            worker.renew(world.now)
            other.step(world.now)
            holders.append(world.outbox.holder("sink", world.now))

    sink.script.append(slowly)
    events = world.add(1)

    world.run(worker)

    assert set(holders) == {"here"}
    assert sink.events == events


def test_an_export_that_hangs_loses_its_lease(world, make_sink):
    """After five minutes another process may try; the cursor never goes back."""
    hanging, working = make_sink(), make_sink()
    here, there = world.worker("here", hanging), world.worker("there", working)
    (first,) = world.add(1)

    def hang():
        for _ in range(40):
            world.clock.turn(10)
            here.renew(world.now)
            world.add(1)
            there.step(world.now)

    hanging.script.append(hang)
    world.run(here)

    assert working.events[0] == first
    cursor = world.outbox.cursors["sink"]
    world.run(here)
    assert world.outbox.cursors["sink"] >= cursor > 1


@pytest.mark.parametrize("jump", [-86_400, -3600])
def test_an_export_that_hangs_loses_its_lease_on_a_clock_put_back(world, make_sink, jump):
    """What was begun in the future is as old as the jump, not a day younger."""
    hanging, working = make_sink(), make_sink()
    here, there = world.worker("here", hanging), world.worker("there", working)
    (first,) = world.add(1)

    def hang():
        world.clock.turn(jump)
        for _ in range(40):
            here.renew(world.now)
            world.clock.turn(10)
            there.step(world.now)

    hanging.script.append(hang)
    world.run(here)

    assert working.events == [first]


def test_a_process_that_slept_does_not_put_the_cursor_back(world, make_sink):
    """A lease that was lost and regained during one export comes with a newer cursor."""
    sleeping = make_sink()
    here, there = world.worker("here", sleeping), world.worker("there", make_sink())
    first = world.add(1)

    def sleep():
        world.clock.turn(60)
        world.add(1)
        world.run(there)
        there.close()
        here.renew(world.now)

    sleeping.script.append(sleep)
    world.run(here)

    assert world.outbox.cursors == {"sink": 2}
    assert sleeping.events == first


def test_a_lease_is_not_trusted_after_the_clock_was_put_back(world):
    """What was leased at noon for half a minute is not ours for the day before."""
    worker = world.worker()
    world.add(1)
    world.run(worker)
    world.clock.turn(-86_400)
    world.add(1)

    worker.step(world.now)

    assert world.outbox.holder("sink", world.now + LEASE) == "here"
    assert world.outbox.holder("sink", world.now + LEASE * 1.1) is None


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_the_lease_of_another_host_ends_after_any_jump_of_the_clock(world, sink, jump):
    """A process nobody can ask after, dead since the clock was set, is not waited for for a day."""
    events = world.add(1)
    held_by(world, "elsewhere:1:2:3")
    world.clock.turn(jump)

    world.run_for(world.worker(), 35)

    assert sink.events == events


def test_renewing_does_nothing_without_an_export(world):
    """A process with nothing to do leaves the lease alone."""
    world.worker().renew(world.now)

    assert world.outbox.leases_asked == 0


def test_an_exporter_that_rests_for_long_is_left_to_others(world, make_sink):
    """Its next try is due for all at once; whoever has events takes it."""
    world.add(1)
    first, second = make_sink(), make_sink()
    first.script.append(ExportError("429", retry_after_s=20))
    here, there = world.worker("here", first), world.worker("there", second)
    world.run(here)
    assert world.outbox.holder("sink", world.now) is None

    assert world.run(there).futile_s == 20
    assert second.threads == []
    world.clock.turn(20)
    world.run(there)

    assert len(second.events) == 1
    assert world.run(here) == Rest(1.0, idle=True)


def test_an_exporter_that_rests_shortly_is_kept(world, sink):
    """A pause of a second is no reason for another process to begin."""
    world.add(1)
    sink.script.append(ExportError("503"))

    world.run(world.worker())

    assert world.outbox.holder("sink", world.now) == "here"


def test_after_the_last_event_more_are_gathered(world):
    """It looks again soon, not at once: a batch of many events costs less than many batches."""
    world.add(1)
    worker = world.worker()
    assert worker.step(world.now) == GATHER
    world.add(2)
    assert worker.step(world.now) == GATHER
    assert worker.step(world.now) == Rest(1.0)
    assert [len(batch) for batch in world.sink.batches] == [1, 2]


def test_what_is_known_to_come_is_not_waited_for(world):
    """A full batch is followed by the next one, whichever kind of events is left."""
    world.add(BATCH + 1)
    worker = world.worker()
    assert [worker.step(world.now) for _ in range(2)] == [AGAIN, GATHER]
    world.outbox.ask("sink", 1)
    world.add(1)
    assert [worker.step(world.now) for _ in range(3)] == [AGAIN, AGAIN, Rest(1.0)]
