import pytest
from limits.storage import MemoryStorage

from vidobs.gateway.governance.rate_storage import LocalStorage
from vidobs.gateway.governance.rates import Limit, Rates


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        """Return the time."""
        return self.now


@pytest.fixture
def clock():
    """A clock."""
    return Clock()


@pytest.fixture(params=["ours", "the library's"])
def rates(request, clock):
    """Counters in our storage, and in the one of the library."""
    if request.param == "ours":
        return Rates(lambda: LocalStorage(clock), clock)
    return Rates(MemoryStorage)


def limit(key, amount, cost=1):
    """Return a limit."""
    return Limit(key, amount, cost, key)


def test_so_many_pass_and_no_more(rates):
    """The headers count down, and the one too many is refused."""
    seen = [rates.hit([limit("a", 3)]) for _ in range(4)]
    assert [rate.exceeded for rate in seen] == [False, False, False, True]
    assert [rate.remaining for rate in seen] == [2, 1, 0, 0]
    assert seen[0].headers("requests") == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "60s",
    }


def test_a_refused_one_counts_nowhere(rates):
    """All counters or none: the wide one is lowered again when the narrow one is full."""
    for _ in range(5):
        rates.hit([limit("wide", 10), limit("narrow", 1)])
    assert rates.hit([limit("wide", 10)]).remaining == 8


def test_the_least_that_is_left_is_told(rates):
    """Whichever limit it is."""
    assert rates.hit([limit("a", 5), limit("b", 3), limit("c", 9)]).limit.key == "b"
    assert rates.hit([]) is None


def test_a_cost_is_taken_whole_or_not(rates):
    """Eight seconds do not fit into five."""
    assert not rates.hit([limit("s", 12, 8)]).exceeded
    assert rates.hit([limit("s", 12, 8)]).exceeded
    assert not rates.hit([limit("s", 12, 4)]).exceeded


def test_a_minute_after_the_first_all_is_free_again(clock):
    """The window begins with its first hit; a clock that goes back ends it too."""
    rates = Rates(lambda: LocalStorage(clock), clock)
    assert not rates.hit([limit("a", 1)]).exceeded
    clock.now += 59.5
    late = rates.hit([limit("a", 1)])
    assert (late.exceeded, late.reset_s) == (True, 1)
    clock.now += 0.5
    assert not rates.hit([limit("a", 1)]).exceeded
    clock.now -= 10_000
    assert not rates.hit([limit("a", 1)]).exceeded


def test_counters_that_are_over_are_cleaned_up(clock):
    """A million keys that came once do not stay."""
    storage = LocalStorage(clock)
    for number in range(5000):
        clock.now += 1
        storage.incr(f"k{number}", 60)
    assert len(storage._counts) < 1000
    storage.incr("one", 60)
    storage.clear("one")
    assert storage.get("one") == 0
    assert storage.get_expiry("one") == clock.now
    assert storage.check()
    assert storage.reset() > 0
    assert storage._counts == {}
