from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.core.errors import ConfigError
from vidobs.gateway.governance.durations import (
    ALWAYS,
    Span,
    after,
    moment_of,
    ms,
    read_span,
    window_at,
)

NOW = datetime(2026, 11, 20, 13, 37, 42, 500_000, tzinfo=UTC)  # a Friday
SPANS = st.sampled_from(
    ["45s", "30m", "1h", "24h", "5h", "1d", "3d", "7d", "30d", "2w", "1mo", "3mo"]
)
MOMENTS = st.integers(min_value=0, max_value=4_000_000_000_000)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", Span(30, "s")),
        (" 15M ", Span(15, "m")),
        ("24h", Span(24, "h")),
        ("30d", Span(30, "d")),
        ("1mo", Span(1, "mo")),
        ("monthly", Span(1, "mo")),
        ("daily", Span(1, "d")),
    ],
)
def test_litellms_durations_are_read(text, span):
    """Numbers with a unit, and its four words."""
    assert read_span(text) == span


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1y", "1.5d", "999999mo", "1d x"])
def test_what_is_no_duration_is_said(text):
    """With what to write instead."""
    with pytest.raises(ConfigError, match="duration: got"):
        read_span(text)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1h", "2026-11-20T13:00", "2026-11-20T14:00"),
        ("24h", "2026-11-20T00:00", "2026-11-21T00:00"),
        ("1d", "2026-11-20T00:00", "2026-11-21T00:00"),
        ("7d", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("1w", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("30d", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("1mo", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("3mo", "2026-10-01T00:00", "2027-01-01T00:00"),
        ("12mo", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("30m", "2026-11-20T13:30", "2026-11-20T14:00"),
    ],
)
def test_windows_lie_on_the_calendar(text, start, end):
    """Days begin at midnight, weeks on Monday, months on the first, all in UTC."""
    window = window_at(read_span(text), ms(NOW))
    begins, ends = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end))
    assert (moment_of(window.start_ms), moment_of(window.end_ms)) == (begins, ends)


def test_without_a_duration_there_is_one_window():
    """A total budget never begins anew."""
    assert window_at(None, ms(NOW)) is ALWAYS


@given(SPANS, MOMENTS)
def test_every_moment_lies_in_its_window_and_windows_meet(text, moment):
    """The end of one is the beginning of the next."""
    span = read_span(text)
    window = window_at(span, moment)
    assert moment in window
    assert window_at(span, window.end_ms).start_ms == window.end_ms
    assert window_at(span, window.start_ms) == window


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        ("2026-01-31", "1mo", "2026-02-28"),
        ("2028-01-31", "1mo", "2028-02-29"),
        ("2026-12-15", "2mo", "2027-02-15"),
        ("2026-11-20", "90d", "2027-02-18"),
    ],
)
def test_a_key_expires_on_the_calendar(start, text, end):
    """A month later is the same day, or the month's last one."""
    begins, ends = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end))
    assert after(begins, read_span(text)) == ends


def test_nothing_lasts_longer_than_a_hundred_years():
    """Also where the calendar ends."""
    late = datetime(9999, 12, 1, tzinfo=UTC)
    for moment, span in ((NOW, Span(1300, "mo")), (late, Span(1, "mo")), (late, Span(900, "d"))):
        with pytest.raises(ConfigError, match="hundred years"):
            after(moment, span)
    assert after(NOW, Span(100, "d")) - NOW == timedelta(days=100)
