"""The thread that nothing can end."""

import threading
import time

from vidobs.delivery.worker import UNTIL_WOKEN, Complaints, Rest, Worker, contained

SOON = 30


def nothing():
    """Finish without doing anything."""


def test_a_turn_that_raises_is_not_the_last(reports):
    """A fault is said, the thread rests for a second or until it is woken, and goes on."""
    turns = []

    def turn():
        turns.append(threading.get_ident())
        if len(turns) == 1:
            raise SystemExit("a fault of ours")
        return UNTIL_WOKEN

    worker = Worker("vidobs-test", turn, report=reports, finish=nothing)
    worker.wake()

    assert worker.settle(time.monotonic() + SOON)
    worker.stop()
    worker.join(time.monotonic() + SOON)
    assert len(set(turns)) == 1
    assert reports.said == [("vidobs-test", "SystemExit('a fault of ours')")]


def test_settling_waits_for_a_turn_that_began_afterwards(reports, gate):
    """What is asked for during a turn is not settled by that turn."""
    turns = []

    def turn():
        turns.append(None)
        gate()
        return UNTIL_WOKEN

    worker = Worker("vidobs-test", turn, report=reports, finish=nothing)
    worker.wake()
    assert gate.reached.wait(SOON)
    threading.Thread(target=gate.open).start()

    assert worker.settle(time.monotonic() + SOON)
    assert len(turns) == 2
    worker.stop()


def test_settling_stops_at_a_rest_that_outlasts_it(reports):
    """A worker that is not idle, but rests for longer than the time allows, is not waited for."""
    worker = Worker("vidobs-test", lambda: Rest(7200.0, idle=False), report=reports, finish=nothing)

    assert not worker.settle(time.monotonic() + 3600)
    worker.stop()


def test_a_stopped_worker_finishes_once_and_stays_stopped(reports):
    """Its last act happens in its thread; waking it does nothing any more."""
    finished = []
    worker = Worker(
        "vidobs-test",
        lambda: UNTIL_WOKEN,
        report=reports,
        finish=lambda: finished.append(threading.current_thread().name),
    )
    worker.wake()
    worker.stop()
    worker.join(time.monotonic() + SOON)

    assert not worker.wake()
    assert not worker.settle(time.monotonic() + 3600)
    assert finished == ["vidobs-test"]


def test_a_worker_that_never_ran_stops_at_once(reports):
    """There is nothing to end and nothing to wait for."""
    worker = Worker("vidobs-test", lambda: UNTIL_WOKEN, report=reports, finish=nothing)

    worker.stop()
    worker.join(time.monotonic() + 3600)

    assert not worker.wake()


def test_faults_are_said_once_per_type_until_things_go_well(reports):
    """A fault that comes back after a success is news."""
    complaints = Complaints("here", reports)

    for error in (ValueError(1), ValueError(2), KeyError(3), ValueError(4)):
        complaints.say(error)
    complaints.well()
    complaints.say(ValueError(5))

    assert [text for _, text in reports.said] == ["ValueError(1)", "KeyError(3)", "ValueError(5)"]


def test_a_report_that_raises_is_contained():
    """Whoever is told of faults may be faulty too."""

    def broken(where, error):
        raise RuntimeError(where) from error

    Complaints("here", broken).say(ValueError())

    assert contained(len, "fine") is None
    assert isinstance(contained(len, 7), TypeError)
