"""The relay of one exporter, turn by turn."""

import pytest

from vidobs.core.errors import ExportError, LedgerBusyError, LedgerUnusableError
from vidobs.delivery.worker import Rest

KEY = "sk-aaaaaaaaaaaaaaaa"


def test_everything_is_delivered_in_batches_of_64(world, sink):
    """All events arrive in order, at most 64 at once, and the cursor is behind them."""
    events = world.add(150)
    worker = world.worker()

    rest = world.run(worker)

    assert [len(batch) for batch in sink.batches] == [64, 64, 22]
    assert sink.events == events
    assert world.outbox.cursors == {"sink": 150}
    assert world.outbox.standing()["delivered"] == worker.delivered == 150
    assert rest == Rest(1.0, idle=True)


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(1, [1] * 140), (50, [50, 50, 40]), (128, [128, 12]), (1000, [128, 12]), (0, [1] * 140)],
)
def test_an_exporter_says_how_many_it_takes(world, sink, most, sizes):
    """`max_batch` is heeded, but for what makes no sense: more than 128, or none."""
    sink.max_batch = most
    events = world.add(140)

    world.run(world.worker())

    assert [len(batch) for batch in sink.batches] == sizes
    assert sink.events == events
    assert world.outbox.cursors == {"sink": 140}


def test_an_exporter_that_says_nothing_gets_64_at_once(world, sink):
    """What has no `max_batch` gets batches that are not too large for anybody."""
    world.add(140)

    world.run(world.worker())

    assert [len(batch) for batch in sink.batches] == [64, 64, 12]


def test_rows_for_others_are_passed_over(world, sink):
    """A row belongs to the exporters that its process had; the cursor moves past the others."""
    mine, _, both, *_ = (
        world.add(1, route)[0] for route in ["sink", "other", "other,sink", "sinks", ""]
    )

    world.run(world.worker())

    assert sink.batches == [[mine, both]]
    assert world.outbox.cursors == {"sink": 5}


def test_many_rows_for_others_are_passed_over(world, sink):
    """More of them than fit into one look do not stop the relay."""
    world.add(200, "other")
    (mine,) = world.add(1)

    world.run(world.worker())

    assert sink.events == [mine]


def test_exports_run_quietly(world, sink):
    """The exporter's own requests happen inside the given context."""
    order = []

    class Quiet:
        def __enter__(self):
            order.append("quiet")

        def __exit__(self, *exc):
            order.append("loud")

    sink.script.append(lambda: order.append("export"))
    world.add(1)

    world.run(world.worker(quiet=Quiet))

    assert order == ["quiet", "export", "loud"]


def test_what_arrived_before_a_failure_is_not_sent_again(world, sink):
    """The cursor moves over the front of a batch that arrived; only the rest is tried again."""
    events = world.add(10)
    sink.script.append(ExportError("connection reset", delivered=4))
    worker = world.worker()

    assert world.run(worker) == Rest(1.0, idle=False, futile_s=1.0)
    assert world.outbox.cursors == {"sink": 4}
    world.clock.turn(1)
    world.run(worker)

    assert sink.batches == [events[4:]]
    assert (worker.delivered, worker.failed) == (10, 1)
    assert world.outbox.standing()["delivered"] == 10


@pytest.mark.parametrize("said", [3, 99])
def test_an_error_after_the_last_event_is_none_for_the_events(world, sink, said):
    """When all of a batch arrived, nothing is tried again, whatever was raised after it."""
    world.add(3)
    sink.script.append(ExportError("closing failed", delivered=said))

    rest = world.run(world.worker())

    assert (rest.idle, sink.batches, world.outbox.cursors) == (True, [], {"sink": 3})


def test_the_rest_of_a_batch_may_be_refused(world, sink):
    """What follows the events that arrived is halved until one is to blame."""
    events = world.add(10)

    def refuse(batch=events):
        raise ExportError("400", retryable=False, delivered=3)

    sink.script.append(refuse)
    sink.refuses = lambda event: ExportError("400", retryable=False) if event == events[3] else None

    world.run(world.worker())

    assert sink.events == events[4:]
    assert world.outbox.dead == [("sink", 4, "ExportError: 400")]


def test_only_the_refused_event_is_buried(world, sink):
    """A receiver refuses one event of many for good: all others arrive, once each."""
    events = world.add(100)
    sink.refuses = lambda event: (
        ExportError(f"400 key={KEY}", retryable=False) if event == events[40] else None
    )
    worker = world.worker()

    rest = world.run(worker)

    assert rest.idle
    assert sink.events == events[:40] + events[41:]
    assert world.outbox.dead == [("sink", 41, "ExportError: 400 key=[secret]")]
    assert worker.buried == 1
    assert world.outbox.cursors == {"sink": 100}
    assert world.outbox.standing()["failures"] == 0


def test_batches_that_are_too_large_become_smaller(world, sink):
    """A receiver that takes 20 events at once is not asked in vain half of the time."""
    events = world.add(1000)

    def limited(batch):
        if len(batch) > 20:
            refused.append(len(batch))
            raise ExportError("413", retryable=False)
        sink.batches.append(list(batch))

    refused = []
    sink.export = limited

    world.run(world.worker())

    assert sink.events == events
    assert world.outbox.dead == []
    assert len(refused) < len(sink.batches) / 4


@pytest.mark.parametrize(
    "error", [TypeError("no"), SystemExit(1), KeyboardInterrupt(), ExportError("?", retryable=None)]
)
def test_a_poison_event_is_buried_in_the_end(world, sink, error):
    """What breaks an exporter every time ends among the dead letters; the rest arrives."""
    events = world.add(20)
    sink.refuses = lambda event: error if event == events[5] else None
    worker = world.worker()

    while world.outbox.behind("sink"):
        world.clock.turn(world.run(worker).seconds)
        assert worker.failed < 50

    assert sink.events == events[:5] + events[6:]
    assert [place for _, place, _ in world.outbox.dead] == [6]


def test_what_nobody_can_explain_is_tried_eight_times_alone(world, sink):
    """A wrong key costs no dead letter while it may still be put right."""
    world.add(1)
    sink.refuses = lambda _: ExportError("401", retryable=None)
    worker = world.worker()

    for _ in range(7):
        rest = world.run(worker)
        world.clock.turn(rest.futile_s)
    assert (worker.failed, world.outbox.dead) == (7, [])

    world.run(worker)
    assert world.outbox.dead == [("sink", 1, "ExportError: 401")]


def test_what_was_purged_meanwhile_is_not_sent(world, sink):
    """Rows that were read before a failure are read again before the next try."""
    world.add(3)
    sink.script.append(ExportError("503"))
    worker = world.worker()
    world.run(worker)

    world.outbox.connection.execute("UPDATE event SET detail = 'blank'")
    world.clock.turn(1)
    world.run(worker)

    assert [one.detail for one in sink.events] == ["blank"] * 3


def test_what_is_asked_for_again_is_delivered_beside_the_cursor(world, sink):
    """A dead letter that somebody asked for arrives, is forgotten, and moves no cursor back."""
    events = world.add(3)
    worker = world.worker()
    world.run(worker)
    sink.batches.clear()

    world.outbox.ask("sink", 2)
    world.run(worker)

    assert sink.batches == [[events[1]]]
    assert (world.outbox.asked, world.outbox.cursors) == ([], {"sink": 3})
    assert world.outbox.standing()["delivered"] == 4


def test_neither_old_nor_new_events_keep_the_others_waiting(world, sink):
    """What is asked for again comes first, and from then on they take turns."""
    sink.max_batch = 10
    again = world.add(40)
    worker = world.worker()
    world.run(worker)
    sink.batches.clear()
    new = world.add(40)
    world.outbox.ask("sink", *range(1, 41))

    world.run(worker)

    turns = [again if batch[0] in again else new for batch in sink.batches]
    assert turns == [again, new] * 4
    assert sorted(sink.events, key=(again + new).index) == again + new


def test_a_dead_letter_that_is_refused_again_is_buried_again(world, sink):
    """The others that were asked for arrive; the error is that of the last try."""
    events = world.add(5)
    worker = world.worker()
    world.run(worker)
    sink.batches.clear()
    sink.refuses = lambda event: ExportError("422", retryable=False) if event == events[2] else None

    world.outbox.ask("sink", 2, 3, 4)
    world.run(worker)

    assert sink.events == [events[1], events[3]]
    assert world.outbox.dead == [("sink", 3, "ExportError: 422")]
    assert world.outbox.asked == []


def test_part_of_what_was_asked_for_may_arrive(world, sink):
    """Only what did arrive is forgotten; the rest waits with everything else."""
    events = world.add(4)
    worker = world.worker()
    world.run(worker)
    world.outbox.ask("sink", 1, 2, 3, 4)
    sink.script.append(ExportError("reset", delivered=3))

    world.run(worker)
    assert world.outbox.asked == [("sink", 4)]
    world.clock.turn(1)
    world.run(worker)

    assert sink.batches[-1] == [events[3]]
    assert world.outbox.asked == []


def test_a_busy_ledger_does_not_make_duplicates(world, sink):
    """When the cursor cannot be moved right now, it is moved later, without a second export."""
    events = world.add(1)
    world.outbox.fail("delivered", LedgerBusyError("locked"))
    worker = world.worker()

    assert world.run(worker) == Rest(0.25, idle=False)
    assert world.run(worker).idle

    assert sink.batches == [events]
    assert world.outbox.cursors == {"sink": 1}
    assert world.reports.said == []


def test_a_cursor_that_was_not_saved_is_saved_after_a_renewal(world, sink):
    """Also when the lease had to be asked for again in between."""
    events = world.add(1)
    world.outbox.fail("delivered", LedgerBusyError("locked"))
    worker = world.worker()
    world.run(worker)
    world.clock.turn(60)

    world.run(worker)

    assert sink.batches == [events]
    assert world.outbox.cursors == {"sink": 1}


def test_a_broken_ledger_makes_it_start_over(world, sink):
    """A file that broke may come back as another: nothing is remembered of it."""
    (lost,) = world.add(1)
    world.outbox.fail("delivered", LedgerUnusableError("gone"))
    worker = world.worker()
    with pytest.raises(LedgerUnusableError):
        worker.step(world.now)

    world.outbox.connection.execute("DELETE FROM event; DELETE FROM relay")
    (found,) = world.add(1)
    world.run(worker)

    assert sink.events == [lost, found]


def test_closing_gives_back_the_lease_and_closes_the_exporter(world, sink):
    """The next process may start at once; an event that waits stays in the outbox."""
    world.add(1)
    worker = world.worker()
    world.run(worker)

    worker.close()

    assert world.outbox.holder("sink", world.now) is None
    assert sink.closed == 1


def test_a_forked_child_is_another_owner(world, sink):
    """It does not use the lease, the wait or the plan that it inherited."""
    events = world.add(1)
    sink.script.append(ExportError("503"))
    worker = world.worker("parent")
    world.run(worker)

    worker.after_fork("child")

    assert world.run(worker) == Rest(1.0, idle=False)  # the parent holds the lease
    assert world.outbox.holder("sink", world.now) == "parent"
    world.clock.turn(31)
    world.run(worker)
    assert world.outbox.holder("sink", world.now) == "child"
    assert sink.events == events


def test_a_listener_is_told_what_becomes_of_events(world, sink):
    """Deliveries, failures by the name of what was raised, and dead letters."""
    events = world.add(2)
    sink.script.append(ConnectionResetError("gone"))
    sink.refuses = lambda event: ExportError("400", retryable=False) if event == events[1] else None
    worker = world.worker()

    world.run(worker)
    world.clock.turn(1)
    world.run(worker)

    assert world.listener.told == [
        ("breaker", "sink", "closed"),
        ("failed", "sink", "ConnectionResetError"),
        ("failed", "sink", "ExportError"),
        ("delivered", "sink", 1),
        ("failed", "sink", "ExportError"),
        ("buried", "sink", 1),
    ]


def test_a_listener_that_raises_changes_nothing(world, sink):
    """A metrics library with a fault makes no duplicates; the fault is said once."""

    def fault(*_, **__):
        raise SystemExit(1)

    class Broken:
        def __getattr__(self, _):
            return fault

    world.listener = Broken()
    events = world.add(100)

    assert world.run(world.worker()).idle
    assert sink.events == events
    assert world.reports.said == [("telling of exporter sink", "SystemExit(1)")]
