"""The border: faults are caught, counted, said once, and quote nothing."""

import logging
from contextlib import suppress

import pytest

from vidobs._guard import Guard


def fails(text):
    """Fail with a text."""
    raise LookupError(text)


def test_results_pass_through():
    """What does not fail is not touched."""
    guard = Guard()
    assert guard.run("here", max, 1, 2) == 2
    assert not guard.trips


def test_a_fault_is_counted_and_the_first_is_said(caplog, guard_trips):
    """Each trip counts; the log has one record per kind, with the place in the code."""
    guard = Guard()
    for _ in range(3):
        assert guard.run("here", fails, "a prompt") is None
    assert guard.trips == {"here: LookupError": 3}
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "in fails" in record.getMessage()
    assert "a prompt" not in record.getMessage()
    assert record.exc_info is None
    guard_trips.expected = {"here: LookupError"}


def test_the_exception_of_the_user_is_not_quoted(caplog, guard_trips):
    """A fault while the user's exception is handled does not drag it into the log."""
    guard = Guard()
    with suppress(ValueError):
        try:
            int("canary of the provider")
        except ValueError:
            guard.run("here", fails, "ours")
            raise
    assert "canary" not in caplog.text
    guard_trips.expected = {"here: LookupError"}


def test_who_is_told_may_fail_too(guard_trips):
    """A metric that cannot be counted does not come out either."""
    told = []

    def tell(where):
        told.append(where)
        raise RuntimeError

    guard = Guard(tell=tell)
    guard.run("here", fails, "x")
    assert told == ["here"]
    assert guard.trips == {"here: LookupError": 1, "guard": 1}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_goes_through(error):
    """An interrupt inside vidobs is still an interrupt."""

    def stop():
        raise error

    with pytest.raises(error):
        Guard().run("here", stop)
