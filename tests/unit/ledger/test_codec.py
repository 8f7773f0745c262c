"""Places and times of jobs: a time of any year has a place, which SQLite can hold."""

from datetime import UTC, datetime

import pytest

from vidobs.core import ids
from vidobs.ledger import codec


def test_a_time_has_a_place_that_sqlite_can_hold():
    """Before 1970 the first, and far in the future the last: a question about it finds nothing."""
    assert codec.seq_at(datetime(1, 1, 1, tzinfo=UTC)) == codec.seq_at(codec.EPOCH) == 0
    assert codec.seq_at(datetime(9999, 12, 31, tzinfo=UTC)) == 2**63 - 1


def test_a_job_of_a_moment_lies_behind_the_place_of_the_moment():
    """And in front of the place of the next millisecond."""
    now_ns = 1_795_000_000_123_000_000
    job_id = ids.job_id(now_ns, 2 ** (ids.SEED_BITS) - 1)
    moments = (codec.moment(now_ns // 1000 + more_us) for more_us in (0, 1000))
    first, after = map(codec.seq_at, moments)

    assert first <= codec.seq_of(job_id) < after


@pytest.mark.parametrize("microseconds", [0, 1, 1_795_000_000_123_457, 4_102_444_800_000_001])
def test_a_moment_is_exact_to_the_microsecond(microseconds):
    """No float is in between."""
    assert codec.us(codec.moment(microseconds)) == microseconds
