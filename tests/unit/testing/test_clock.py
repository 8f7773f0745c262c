from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from vidobs.testing import FrozenClock


def test_it_stands_still_until_it_is_moved():
    """Two looks see the same nanosecond; `advance` moves by exactly what was asked for."""
    clock = FrozenClock()
    before = clock.time_ns()

    assert clock.time_ns() == before
    assert clock.now == datetime(2026, 1, 1, tzinfo=UTC)

    clock.advance(0.1)
    clock.advance(Decimal("0.000000001"))
    clock.advance(3600)

    assert clock.time_ns() - before == 3_600_100_000_001
    assert clock.now == datetime(2026, 1, 1, 1, 0, 0, 100_000, tzinfo=UTC)


def test_it_starts_where_it_is_told():
    """An aware time of any zone is taken to the microsecond; the clock tells UTC."""
    east = timezone(timedelta(hours=5, minutes=30))

    clock = FrozenClock(datetime(2031, 7, 8, 9, 10, 11, 123_457, tzinfo=east))

    assert clock.now == datetime(2031, 7, 8, 3, 40, 11, 123_457, tzinfo=UTC)
    assert clock.now.tzinfo is UTC
    assert clock.time_ns() % 1_000_000_000 == 123_457_000
    assert repr(clock) == "FrozenClock(2031-07-08T03:40:11.123457+00:00)"


def test_what_no_clock_does():
    """It neither goes back nor starts at a time without a zone."""
    clock = FrozenClock()

    with pytest.raises(ValueError, match=r"never runs backwards, got advance\(-1\)"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="needs a time zone"):
        FrozenClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
