"""What is done about events that an exporter did not take."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.errors import ExportError
from vidobs.delivery.retries import (
    FRESH,
    MOST,
    STRIKES,
    Fault,
    Plan,
    Verdict,
    fault_of,
    wait_s,
)

DOWN = ExportError("503")
REFUSED = ExportError("400", retryable=False)
BROKEN = TypeError("not serialisable")


def test_a_retryable_error_is_retried_for_ever():
    """However often an exporter asks for another try, it gets the same batch again."""
    plan = FRESH
    for _ in range(1000):
        plan, verdict = plan.failed(DOWN, [1, 2, 3])
        assert (plan, verdict) == (FRESH, Verdict.WAIT)


def test_a_permanent_error_is_pinned_on_one_event():
    """A refused batch is halved at once, and a refused single event is buried."""
    plan, verdict = FRESH.failed(REFUSED, [4, 5, 6, 8, 9, 10, 11])
    assert (plan, verdict) == (Plan(size=3, suspects_to=11, refused=7), Verdict.SPLIT)
    plan, verdict = plan.failed(REFUSED, [4, 5, 6])
    assert (plan, verdict) == (Plan(size=1, suspects_to=11, refused=3), Verdict.SPLIT)

    assert plan.failed(REFUSED, [4]) == (plan, Verdict.BURY)


@pytest.mark.parametrize("error", [BROKEN, SystemExit(1), KeyboardInterrupt()])
def test_an_unexpected_error_strikes_out(error):
    """A batch gets eight tries, then is halved; a single event gets eight tries of its own."""
    plan = FRESH
    for strike in range(1, STRIKES):
        plan, verdict = plan.failed(error, [1, 2])
        assert (plan, verdict) == (Plan(strikes=strike, suspects_to=2), Verdict.WAIT)

    plan, verdict = plan.failed(error, [1, 2])
    assert plan == Plan(strikes=STRIKES, size=1, suspects_to=2, refused=2)
    assert verdict is Verdict.SPLIT_LATER

    verdicts = []
    for _ in range(STRIKES):
        plan, verdict = plan.failed(error, [1])
        verdicts.append(verdict)
    assert verdicts == [Verdict.WAIT] * 7 + [Verdict.BURY]
    assert plan.moved(1).failed(error, [2])[1] is Verdict.WAIT


def chained(*errors):
    """Raise errors, each from the one before, and return the last."""
    for cause, error in itertools.pairwise(errors):
        error.__cause__ = cause
    return errors[-1]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (DOWN, Fault.OUTAGE),
        (REFUSED, Fault.REFUSAL),
        (BROKEN, Fault.UNEXPECTED),
        (ConnectionRefusedError(), Fault.OUTAGE),
        (TimeoutError(), Fault.OUTAGE),
        (chained(ConnectionResetError(), RuntimeError(), ValueError("connect")), Fault.OUTAGE),
        (chained(KeyError(), ValueError("connect")), Fault.UNEXPECTED),
        (chained(TimeoutError(), ExportError("413", retryable=False)), Fault.REFUSAL),
        (SystemExit(1), Fault.UNEXPECTED),
    ],
)
def test_an_os_error_at_the_root_is_an_outage(error, fault):
    """An exporter that lets its HTTP client's error through loses nothing while a sink is down."""
    assert fault_of(error) is fault


def test_an_endless_chain_of_causes_ends():
    """Exceptions that name each other as cause are looked at a few times only."""
    first, second = KeyError(), ValueError()
    first.__cause__, second.__cause__ = second, first

    assert fault_of(first) is Fault.UNEXPECTED


def test_care_ends_behind_the_suspects():
    """After a success the next try is twice as large, and whole once the suspects are passed."""
    careful = Plan(strikes=8, alone=2, size=4, suspects_to=64)

    assert careful.moved(40) == Plan(strikes=8, size=8, suspects_to=64)
    assert careful.moved(64) == FRESH
    assert Plan(size=MOST, suspects_to=9).moved(3).size == MOST


def test_a_receiver_that_takes_the_probe_does_not_hide_the_poison():
    """When one event arrives and the batch still fails, the strikes against it add up."""
    plan = FRESH
    for _ in range(5):
        plan, _ = plan.failed(BROKEN, range(1, 65))
    plan = plan.moved(1)
    verdicts = []
    for _ in range(3):
        plan, verdict = plan.failed(BROKEN, range(2, 66))
        verdicts.append(verdict)

    assert verdicts == [Verdict.WAIT, Verdict.WAIT, Verdict.SPLIT_LATER]


def test_a_batch_that_was_refused_for_its_size_is_not_tried_again():
    """While the suspects pass, no try is as large as one that was refused; then it grows slowly."""
    plan = Plan(size=16, suspects_to=64, refused=32)

    assert plan.moved(16) == plan
    assert plan.moved(64) == Plan(size=16, ceiling=16)
    assert plan.moved(64).moved(80) == Plan(size=17, ceiling=17)
    assert Plan(size=2, suspects_to=9, refused=3).moved(4).size == 1


def test_a_batch_that_was_refused_for_one_event_says_nothing_of_sizes():
    """Once the poison is found, batches grow as fast as they can."""
    plan = Plan(size=1, suspects_to=64, refused=2).blamed().moved(20)

    assert plan == Plan(size=2, suspects_to=64)
    assert plan.moved(64) == FRESH


def test_the_wait_doubles_up_to_a_minute():
    """Without luck the waits are 1, 2, 4 ... 60 s, and luck shortens them."""
    assert [wait_s(n, DOWN, 1.0) for n in (1, 2, 3, 4, 5, 6, 7, 8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert wait_s(4, DOWN, 0.5) == 4.0
    assert wait_s(10**9, BROKEN, 1.0) == 60.0


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        (3600.0, 3600.0),
        (0.5, 1.0),
        (-5.0, 1.0),
        (math.nan, 1.0),
        (math.inf, 86_400.0),
    ],
)
def test_retry_after_is_honoured(asked, waited):
    """The receiver may ask for a longer wait, up to a day; nonsense is not heard."""
    assert wait_s(1, ExportError("429", retry_after_s=asked), 1.0) == waited


@given(
    failures=st.integers(min_value=1, max_value=10**6),
    chance=st.floats(min_value=0, max_value=1),
    asked=st.none() | st.floats(),
)
def test_every_wait_is_finite_and_positive(failures, chance, asked):
    """Whatever is asked and however often it failed, there is some wait, and an end of it."""
    assert 0.05 <= wait_s(failures, ExportError("no", retry_after_s=asked), chance) <= 86_400
