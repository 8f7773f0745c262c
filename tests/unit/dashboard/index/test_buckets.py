import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.dashboard.index.buckets import RATIO, bucket_of, quantile, seconds_of


@given(seconds=st.floats(min_value=0.0011, max_value=10**7))
def test_a_bucket_stands_for_what_is_in_it(seconds):
    """What a bucket says is within half its width of every duration in it."""
    said = seconds_of(bucket_of(seconds))

    assert said == pytest.approx(seconds, rel=RATIO**0.5 - 1 + 0.001)


@given(st.floats(min_value=0, max_value=10**7), st.floats(min_value=0, max_value=10**7))
def test_buckets_are_in_order(one, other):
    """A longer duration is never in an earlier bucket."""
    assert (bucket_of(one) <= bucket_of(other)) == (
        one <= other or bucket_of(one) == bucket_of(other)
    )


def test_nothing_is_in_the_first_bucket():
    """No time at all is no time at all."""
    assert seconds_of(bucket_of(0.0)) == 0.0


@given(st.lists(st.floats(min_value=0.01, max_value=10**5), min_size=1), st.sampled_from([50, 95]))
def test_quantiles_are_those_of_the_values(values, percent):
    """The quantile of the buckets is the nearest-rank quantile of the values, within a bucket."""
    counts = {}
    for value in values:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    rank = -(-len(values) * percent // 100)

    found = quantile(counts, percent / 100)

    assert found == pytest.approx(sorted(values)[rank - 1], rel=0.03)


def test_there_is_no_quantile_of_nothing():
    """Where nothing was counted nothing is said."""
    assert quantile({}, 0.5) is None
