"""How a rate limit is counted and written."""

import pytest

from vidobs.sandbox.ratelimit import RateLimit, duration


class Clock:
    """Time that is set."""

    now_ns = 0

    def time_ns(self) -> int:
        """Return the time that was set."""
        return self.now_ns


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.06, "60ms"), (1, "1s"), (6.44, "6.4s"), (59.96, "1m0s"), (61.5, "1m1.5s")],
)
def test_durations_are_written_as_openai_does(seconds: float, text: str):
    """Milliseconds below a second, then seconds, then minutes."""
    assert duration(seconds) == text


def test_the_bucket_never_overflows_nor_goes_below_zero():
    """More requests than the limit leave zero; a long pause leaves no more than the limit."""
    clock = Clock()
    limit = RateLimit(clock, per_minute=3)
    left = [limit.take()["x-ratelimit-remaining-requests"] for _ in range(5)]
    assert left == ["2", "1", "0", "0", "0"]
    clock.now_ns = 3600 * 1_000_000_000
    assert limit.take()["x-ratelimit-remaining-requests"] == "2"
    clock.now_ns = 0  # a clock that is set back fills nothing
    assert limit.take()["x-ratelimit-remaining-requests"] == "1"
