"""Functions that are told of events, and what bad ones may not do to others."""

import _thread
import asyncio
import functools
import threading
import time

import pytest

from vidobs.core.errors import ConfigError
from vidobs.core.events import EventName
from vidobs.delivery.callbacks import Callbacks

SOON = 30


@pytest.fixture
def callbacks(reports):
    """Callbacks that report to `reports`."""
    one = Callbacks(report=reports)
    yield one
    one.close(SOON)


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Make a function sync or async around what it does."""

    def sync(action):
        return action

    def asynchronous(action):
        async def function(event):
            await asyncio.sleep(0)
            action(event)

        return function

    return sync if request.param == "sync" else asynchronous


def test_a_function_sees_what_it_asked_for_in_order(callbacks, kind, make_event):
    """Each event that fits the pattern arrives once, in order, and no other."""
    seen = []
    callbacks.add("video.*", kind(seen.append))
    events = [make_event(n) for n in range(100)]

    callbacks.dispatch([make_event(name=EventName.CALL_FAILED), *events[:50]])
    callbacks.dispatch(events[50:])

    assert callbacks.drain(SOON) == 0
    assert seen == events


@pytest.mark.parametrize(
    ("pattern", "count"), [("*", len(EventName)), ("budget.*", 2), ("video.failed", 1)]
)
def test_a_pattern_is_a_name_a_family_or_everything(callbacks, pattern, count, make_event):
    """Names, families and the star select their events."""
    seen = []
    callbacks.add(pattern, seen.append)

    callbacks.dispatch([make_event(name=name) for name in EventName])

    assert callbacks.drain(SOON) == 0
    assert len(seen) == count


def test_an_unknown_event_is_refused(callbacks):
    """A misspelt event is an error that names the right one, not a function never called."""
    with pytest.raises(ConfigError) as caught:
        callbacks.add("video.complete", print)

    assert str(caught.value) == (
        "unknown event 'video.complete'; known: budget.exceeded, budget.warning, call.failed, "
        "exporter.down, exporter.recovered, guardrail.blocked, guardrail.flagged, "
        "guardrail.passed, video.cancelled, video.completed, video.downloaded, video.expired, "
        "video.expiring, video.failed, video.mismatch, video.progress, video.started, "
        "video.stuck, video.submitted, video.thumbnail, video.unknown; "
        "did you mean 'video.completed'?"
    )


@pytest.mark.parametrize("pattern", ["", "vdeo.*", "call.*d", None])
def test_a_pattern_that_fits_nothing_is_refused(callbacks, pattern):
    """So is a family that does not exist."""
    with pytest.raises(ConfigError, match="unknown event"):
        callbacks.add(pattern, print)


def test_what_cannot_be_called_is_refused(callbacks):
    """The error says what a callback is."""
    with pytest.raises(ConfigError, match="'int' object cannot be called"):
        callbacks.add("*", 7)


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda _: 1 / 0, id="raise"),
        pytest.param(lambda _: exec("raise SystemExit(3)"), id="sys.exit"),  # noqa: S102
        pytest.param(lambda _: exec("raise KeyboardInterrupt"), id="interrupt"),  # noqa: S102
        pytest.param(lambda _: _thread.exit(), id="thread exit"),
        pytest.param(lambda _: exec("raise GeneratorExit"), id="generator exit"),  # noqa: S102
    ],
)
def test_a_function_that_leaves_hurts_nobody(callbacks, kind, leave, make_event, reports):
    """It is called again for the next event, others get theirs, and it is said once."""
    calls, seen = [], []
    callbacks.add("*", kind(lambda event: (calls.append(event), leave(event))))
    callbacks.add("*", kind(seen.append))
    events = [make_event(n) for n in range(3)]

    callbacks.dispatch(events)

    assert callbacks.drain(SOON) == 0
    assert calls == events
    assert seen == events
    assert callbacks.failed == 3
    assert len(reports.said) == 1


def test_a_function_that_hangs_hurts_nobody(callbacks, kind, gate, make_event):
    """Dispatching goes on, others get theirs, draining ends in time and counts what is left."""
    seen = []
    callbacks.add("*", kind(gate))
    callbacks.add("*", kind(seen.append))
    events = [make_event(n) for n in range(3)]

    callbacks.dispatch(events[:1])
    assert gate.reached.wait(SOON)
    callbacks.dispatch(events[1:])

    assert callbacks.drain(0.2) == 3
    assert seen == events
    gate.open()
    assert callbacks.drain(SOON) == 0


def test_closing_does_not_wait_for_a_function_that_hangs(reports, gate, make_event):
    """Closing ends in time, says what is left, and ends the threads that can be ended."""
    callbacks = Callbacks(report=reports)
    threads = []
    callbacks.add("*", gate)
    callbacks.add("*", lambda _: threads.append(threading.current_thread()))
    callbacks.dispatch([make_event()])
    assert gate.reached.wait(SOON)

    assert callbacks.close(0.2) == 1
    assert callbacks.close(0.2) == 0  # nobody is subscribed any more

    threads[0].join(SOON)
    assert not threads[0].is_alive()


def test_the_oldest_are_dropped_when_a_function_is_too_slow(reports, gate, make_event):
    """The queue is bounded: the newest stay, the others are counted, and it is said once."""
    callbacks = Callbacks(report=reports, capacity=2)
    seen = []
    callbacks.add("*", lambda event: (gate(), seen.append(event)))
    events = [make_event(n) for n in range(6)]
    callbacks.dispatch(events[:1])
    assert gate.reached.wait(SOON)

    for event in events[1:]:
        callbacks.dispatch([event])

    assert callbacks.dropped == 3
    gate.open()
    assert callbacks.close(SOON) == 0
    assert seen == [events[0], *events[4:]]
    assert [where for where, _ in reports.said] == ["vidobs-callback-<lambda>"]


def test_every_async_function_has_its_own_loop(callbacks, gate, make_event):
    """One that blocks its loop delays no other, and its loop is the same for each event."""
    loops, done = [], threading.Event()

    async def blocking(event):
        gate()

    async def friendly(event):
        loops.append(asyncio.get_running_loop())
        if len(loops) == 2:
            done.set()

    callbacks.add("*", blocking)
    callbacks.add("*", friendly)
    callbacks.dispatch([make_event(0), make_event(1)])

    assert done.wait(SOON)
    assert loops[0] is loops[1]


def test_async_is_what_returns_an_awaitable(callbacks, make_event):
    """Partial functions and objects with an async `__call__` are awaited as well."""
    seen = []

    class Called:
        async def __call__(self, event):
            seen.append(("object", event))

    async def function(word, event):
        seen.append((word, event))

    event = make_event()
    callbacks.add("*", Called())
    callbacks.add("*", functools.partial(function, "partial"))
    callbacks.dispatch([event])

    assert callbacks.drain(SOON) == 0
    assert sorted(word for word, _ in seen) == ["object", "partial"]


def test_threads_are_daemons_that_start_with_the_first_event(callbacks, make_event):
    """Nothing runs before there is something to do; what runs then never keeps a process alive."""
    threads = []
    before = threading.enumerate()
    callbacks.add("video.failed", lambda _: threads.append(threading.current_thread()))
    callbacks.dispatch([make_event(name=EventName.COMPLETED)])
    assert threading.enumerate() == before

    callbacks.dispatch([make_event(name=EventName.FAILED)])

    assert callbacks.drain(SOON) == 0
    assert threads[0].daemon
    assert threads[0].name == "vidobs-callback-<lambda>"


def test_unsubscribing_ends_it(callbacks, make_event):
    """A function that was taken back is not called again; taking it back twice is fine."""
    seen = []
    unsubscribe = callbacks.add("*", seen.append)
    callbacks.dispatch([make_event(1)])
    assert callbacks.drain(SOON) == 0

    unsubscribe()
    unsubscribe()
    callbacks.dispatch([make_event(2)])

    assert callbacks.drain(SOON) == 0
    assert seen == [make_event(1)]


def test_a_function_may_drain(callbacks, make_event):
    """Draining inside a function returns at once instead of waiting for itself."""
    left = []
    callbacks.add("*", lambda _: left.append(callbacks.drain(10 * SOON)))

    callbacks.dispatch([make_event(1), make_event(2)])

    assert callbacks.drain(SOON) == 0
    assert left == [2, 1]


def test_after_a_fork_nothing_inherited_is_touched(callbacks, gate, make_event):
    """Locks that were held, threads that ran and events that waited are the parent's."""
    seen = []
    callbacks.add("*", lambda event: (gate(), seen.append(event)))
    callbacks.dispatch([make_event(1), make_event(2)])
    assert gate.reached.wait(SOON)
    worker = callbacks._subscriptions[0].inbox._worker
    with worker._condition, callbacks._subscriptions[0].inbox._lock, callbacks._lock:
        started = threading.Event()

        def child():
            callbacks.after_fork()
            started.set()
            callbacks.dispatch([make_event(3)])

        threading.Thread(target=child).start()
        assert started.wait(SOON)

    gate.open()
    assert callbacks.drain(SOON) == 0
    deadline = time.monotonic() + SOON
    worker.settle(deadline)
    assert make_event(3) in seen
    assert make_event(2) not in seen
