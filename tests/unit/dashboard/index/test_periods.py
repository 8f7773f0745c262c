from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vidobs.dashboard.index import periods
from vidobs.dashboard.index.periods import Grain, Span, spans
from vidobs.ledger.codec import EPOCH

TIMES = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def hours_of(span):
    """Return the hours of a span, as a range."""
    starts = [periods.start_of(Grain(span.grain), number) for number in (span.first, span.end)]
    return range(*((start - EPOCH) // timedelta(hours=1) for start in starts))


@given(TIMES, TIMES, st.sampled_from([Grain.HOUR, Grain.DAY]))
def test_parts_cover_a_period_once(one, other, finest):
    """Hours, days and months of a period do not overlap, and leave no gap."""
    since, until = sorted((one, other))
    step = timedelta(hours=1) if finest is Grain.HOUR else timedelta(days=1)
    first, end = (since - EPOCH) // step, -((EPOCH - until) // step)
    wide = range(first * step // timedelta(hours=1), end * step // timedelta(hours=1))

    parts = spans(since, until, finest)
    covered = sorted((hours_of(part) for part in parts), key=lambda part: part.start)

    assert sum(map(len, covered)) == len(wide)
    assert all(a.stop == b.start for a, b in pairwise(covered))
    assert not covered or (covered[0].start, covered[-1].stop) == (wide.start, wide.stop)
    assert len(parts) <= 5


def test_long_periods_are_months():
    """A year is twelve months, however many hours it has."""
    year = spans(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))

    assert year == (Span(Grain.MONTH, 2026 * 12, 2027 * 12),)


def test_an_open_period_holds_every_time():
    """Nothing given is everything there is, in months."""
    (span,) = spans(None, None)

    assert span.grain == Grain.MONTH
    assert span.first < 1970 * 12
    assert span.end > 2100 * 12


def test_nothing_is_in_a_period_that_ends_before_it_begins():
    """Times the wrong way round are an empty period."""
    assert spans(datetime(2026, 2, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)) == ()
