"""The maintenance thread: tells of everything, in order, without the callers waiting."""

import threading

import pytest

from vidobs._guard import Guard
from vidobs.core.calls import Operation
from vidobs.core.protocols import Happening
from vidobs.runtime import maintenance
from vidobs.runtime.maintenance import BATCH, Maintenance


def happening(number):
    """Return a happening that can be told from others."""
    return Happening(
        operation=Operation.RETRIEVE, provider="openai", model=None, start_ns=number, end_ns=number
    )


class Told:
    """Keeps what was published, and lets a test wait for it."""

    def __init__(self):
        self.batches = []
        self._grown = threading.Condition()

    def __call__(self, batch):
        """Keep a batch."""
        with self._grown:
            self.batches.append([seen.start_ns for seen in batch])
            self._grown.notify_all()

    @property
    def numbers(self):
        """Everything published so far, in order."""
        return [number for batch in self.batches for number in batch]

    def wait_for(self, count):
        """Wait until so many were published."""
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.numbers) >= count, 30)


@pytest.fixture
def told():
    """Keep what is published."""
    return Told()


@pytest.fixture
def thread(told):
    """Run a maintenance thread that has no chores for an hour."""
    guard = Guard()
    made = Maintenance(begin=lambda: None, publish=told, chores=lambda: 3600.0, guard=guard)
    yield made
    made.stop(30)
    assert not guard.trips


def test_everything_is_told_in_order_and_in_small_batches(thread, told):
    """A burst comes out whole, never more than a batch at a time."""
    for number in range(3 * BATCH + 5):
        thread.hand_on(happening(number))

    assert thread.flush(30)
    assert told.numbers == list(range(3 * BATCH + 5))
    assert max(map(len, told.batches)) <= BATCH


def test_a_call_after_a_long_rest_wakes_the_thread(thread, told, monkeypatch):
    """A thread that dozes until its chores, an hour away, is woken by the next call."""
    monkeypatch.setattr(maintenance, "AWAKE_S", 0.0)
    for number in range(20):
        thread.hand_on(happening(number))
        told.wait_for(number + 1)

    assert told.numbers == list(range(20))


def test_calls_from_many_threads_all_arrive(thread, told):
    """However calls and dozing fall together, nothing is left behind."""

    def call(first):
        for number in range(first, first + 200):
            thread.hand_on(happening(number))

    callers = [threading.Thread(target=call, args=(first,)) for first in range(0, 800, 200)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    told.wait_for(800)
    assert sorted(told.numbers) == list(range(800))


def test_what_waits_at_the_end_is_told(thread, told):
    """Stopping tells of what was handed on before."""
    thread.hand_on(happening(1))
    thread.stop(30)

    assert told.numbers == [1]
    assert thread.left == 0


def test_a_publisher_that_raises_is_counted_and_the_thread_goes_on(told, guard_trips):
    """One bad batch is not the end."""
    guard_trips.expected = {"publish: ValueError"}
    guard = Guard()

    def publish(batch):
        if batch[0].start_ns == 0:
            raise ValueError
        told(batch)

    thread = Maintenance(begin=lambda: None, publish=publish, chores=lambda: 3600.0, guard=guard)
    thread.hand_on(happening(0))
    assert thread.flush(30)
    thread.hand_on(happening(1))
    assert thread.flush(30)
    thread.stop(30)

    assert told.numbers == [1]
    assert dict(guard.trips) == {"publish: ValueError": 1}
