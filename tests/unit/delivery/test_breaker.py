"""When an exporter is left alone, and how it comes back."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.errors import ExportError, LedgerBusyError
from vidobs.core.protocols import BreakerState, Standing
from vidobs.delivery.breaker import OPENS_AFTER, rest_of, rest_s, state_now, state_of
from vidobs.delivery.worker import Rest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY_S = 86_400
CLOSED, OPEN, HALF_OPEN, DISABLED = BreakerState


def later(seconds):
    """Return the time so many seconds from now."""
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failures", "retry_at", "disabled", "state"),
    [
        (0, None, None, CLOSED),
        (4, later(60), None, CLOSED),
        (5, later(60), None, OPEN),
        (5, later(0), None, HALF_OPEN),
        (900, later(-1), None, HALF_OPEN),
        (5, None, None, HALF_OPEN),
        (0, None, "410 Gone", DISABLED),
        (9, later(60), "410 Gone", DISABLED),
    ],
)
def test_the_state_follows_from_what_the_outbox_knows(failures, retry_at, disabled, state):
    """Five failures in a row open it; when the time has come it is half open."""
    assert state_of(failures, retry_at, disabled, NOW) is state


@pytest.mark.parametrize(
    ("retry_in", "failed_in", "rest"),
    [
        (3600, 0, 3600),
        (DAY_S, 0, DAY_S),
        (-1, -61, 0),
        (DAY_S + 1, None, 0),
        (DAY_S + 60, DAY_S, 0),
        (3660, 3600, 0),
        (10, 5, 10),
    ],
    ids=["an hour", "a day", "over", "too far", "a day back", "an hour back", "a skew"],
)
def test_no_jump_of_the_clock_prolongs_a_rest(retry_in, failed_in, rest):
    """What was put off by a clock that was put back since is due now."""
    failed_at = None if failed_in is None else later(failed_in)

    assert rest_s(later(retry_in), NOW, failed_at) == rest
    standing = Standing(0, OPENS_AFTER, later(retry_in), None, failed_at)
    assert rest_of(standing, NOW) == rest
    assert state_now(standing, NOW) is (OPEN if rest else HALF_OPEN)


def test_one_that_is_switched_off_rests_for_ever():
    """No time ends that, only somebody who enables it."""
    assert rest_of(Standing(0, disabled="410 Gone"), NOW) == math.inf


@given(
    failures=st.integers(min_value=0, max_value=10**6),
    retry_in=st.none() | st.floats(min_value=-1e9, max_value=1e9),
    failed_in=st.none() | st.floats(min_value=-1e9, max_value=1e9),
)
def test_nobody_rests_for_more_than_a_day(failures, retry_in, failed_in):
    """Whatever the rows say, and however the clock was turned."""
    times = (None if it is None else later(it) for it in (retry_in, failed_in))
    retry_at, failed_at = times

    assert 0 <= rest_of(Standing(0, failures, retry_at, None, failed_at), NOW) <= DAY_S


def fail(world, worker, times):
    """Let an exporter fail, each time as soon as it is tried; return how long it rests then."""
    for _ in range(times):
        rest = world.run(worker)
        world.clock.turn(rest.futile_s)
    return rest.futile_s


def test_a_sink_that_is_down_gets_everything_later(world, sink):
    """Retries back off to a minute, for as long as it takes; the fault is said once."""
    events = world.add(100)
    sink.script.extend([ExportError("503 Service Unavailable")] * 10)
    worker, waits = world.worker(), []

    while not sink.batches:
        rest = world.run(worker)
        waits.append(rest.futile_s)
        world.clock.turn(rest.futile_s)

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 0]
    assert sink.events == events
    assert world.outbox.dead == []
    assert worker.failed == 10
    assert world.reports.said == [("exporter sink", "ExportError('503 Service Unavailable')")]


def test_the_breaker_opens_after_five_failures_and_one_event_closes_it(world, sink):
    """It is tried with a single event; when that arrives, the rest follows at once."""
    world.add(100)
    sink.script.extend([ExportError(f"503 key=sk-{'a' * 16}")] * 6)
    worker = world.worker()

    fail(world, worker, 4)
    assert world.listener.of("breaker", "down") == [("breaker", "sink", CLOSED)]
    down_at = world.now
    fail(world, worker, 2)
    assert world.listener.of("breaker", "down") == [
        ("breaker", "sink", CLOSED),
        ("down", "sink", 5, "ExportError: 503 key=[secret]", down_at + timedelta(seconds=16)),
        ("breaker", "sink", OPEN),
        ("breaker", "sink", HALF_OPEN),
        ("breaker", "sink", OPEN),
    ]
    world.listener.told.clear()
    world.run(worker)

    assert [len(batch) for batch in sink.batches] == [1, 64, 35]
    assert world.listener.of("breaker", "recovered") == [
        ("breaker", "sink", HALF_OPEN),
        ("recovered", "sink"),
        ("breaker", "sink", CLOSED),
    ]


def test_every_process_honours_what_one_found_out(world, make_sink):
    """Failures count across processes, and so does the wait; nobody calls before its end."""
    world.add(1)
    down = make_sink()
    down.script.extend([ExportError("503")] * 7)
    workers = [world.worker(owner, down) for owner in ("a", "b", "c")]
    tried_at = []

    while not down.events:
        calls = len(down.threads)
        rests = [world.run(worker).seconds for worker in workers]
        if len(down.threads) > calls:
            tried_at.append(world.now)
        world.clock.turn(min(rests))

    waits = [(then - before).total_seconds() for before, then in itertools.pairwise(tried_at)]
    assert waits == [1, 2, 4, 8, 16, 32, 60]
    assert len(down.threads) == 8
    assert [one[0] for one in world.listener.of("down", "recovered")] == ["down", "recovered"]


def test_a_new_process_goes_on_with_the_old_wait(world, sink):
    """Starting over is no way around an open breaker."""
    world.add(1)
    sink.script.extend([ExportError("503")] * 6)
    wait = fail(world, world.worker("first"), 6)
    world.clock.turn(-wait)

    assert world.run(world.worker("second")) == Rest(30.0, idle=False, futile_s=wait)
    assert len(sink.threads) == 6


def test_waking_does_not_shorten_a_wait(world, sink):
    """New events while it waits for another try do not call the receiver."""
    world.add(1)
    sink.script.append(ExportError("429", retry_after_s=3600))
    worker = world.worker()

    assert world.run(worker) == Rest(30.0, idle=False, futile_s=3600)
    world.clock.turn(600)
    world.add(1)
    assert world.run(worker) == Rest(30.0, idle=False, futile_s=3000)
    world.run_for(worker, 2999)
    assert len(sink.threads) == 1

    world.run_for(worker, 2)
    assert len(sink.events) == 2


@pytest.mark.parametrize("jump", [-DAY_S, -3600])
@pytest.mark.parametrize("same", [True, False], ids=["same process", "another process"])
def test_a_clock_put_back_does_not_prolong_a_wait(world, sink, jump, same):
    """When the clock jumps back, the next try comes within half a minute, no day later."""
    events = world.add(1)
    sink.script.append(ExportError("503", retry_after_s=100))
    worker = world.worker()
    world.run(worker)
    world.clock.turn(50)

    world.clock.turn(jump)
    world.run_for(worker if same else world.worker("another"), 31)

    assert sink.events == events


def test_a_clock_put_forward_ends_a_wait(world, sink):
    """A day later everything is due."""
    events = world.add(1)
    sink.script.append(ExportError("503", retry_after_s=3600))
    worker = world.worker()
    world.run(worker)

    world.clock.turn(DAY_S)
    world.run(worker)

    assert sink.events == events


def test_a_wait_counts_from_the_end_of_the_export(world, sink):
    """An export that fails after a long time-out is followed by a full wait."""
    world.add(1)

    def time_out():
        world.clock.turn(20)
        raise ExportError("timed out")

    sink.script.append(time_out)

    worker = world.worker()
    assert world.run(worker) == Rest(1.0, idle=False, futile_s=1.0)
    assert world.run(worker) == Rest(1.0, idle=False, futile_s=1.0)


def test_a_receiver_that_is_gone_is_never_called_again(world, sink):
    """It is switched off for every process and for ever; events wait for it."""
    world.add(3)
    sink.script.append(ExportError("410 Gone", gone=True, delivered=1))
    worker = world.worker()

    assert world.run(worker) == Rest(30.0, idle=False, futile_s=math.inf)
    for one in (worker, world.worker("another")):
        world.run_for(one, 3 * DAY_S)

    assert len(sink.threads) == 1
    assert world.outbox.standing()["disabled"] == "ExportError: 410 Gone"
    assert world.outbox.behind("sink") == 2
    assert world.listener.of("down", "breaker")[1:] == [
        ("down", "sink", 1, "ExportError: 410 Gone", None),
        ("breaker", "sink", DISABLED),
        ("breaker", "sink", DISABLED),  # as the other process sees it
    ]


def test_one_that_is_enabled_gets_what_has_waited(world, sink):
    """The switch is looked at twice a minute; nobody has to start anything again."""
    events = world.add(3)
    sink.script.append(ExportError("410 Gone", gone=True))
    worker = world.worker()
    world.run_for(worker, 100)

    world.outbox.enable("sink")
    world.run_for(worker, 31)

    assert sink.events == events


def test_a_failure_that_cannot_be_written_down_counts(world, sink):
    """While the ledger is busy the wait begins all the same."""
    world.add(1)
    sink.script.append(ExportError("503", retry_after_s=100))
    world.outbox.fail("failed", LedgerBusyError("locked"))
    worker = world.worker()

    assert world.run(worker) == Rest(0.25, idle=False)
    assert world.outbox.standing()["failures"] == 0
    assert world.run(worker) == Rest(30.0, idle=False, futile_s=100)
    assert world.outbox.standing()["failures"] == 1
    assert len(sink.threads) == 1
