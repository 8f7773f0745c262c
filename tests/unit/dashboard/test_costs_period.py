"""Which days an address of the costs asks for."""

from datetime import UTC, date, datetime

import pytest

from vidobs.dashboard.page import Asked, BadQueryError
from vidobs.dashboard.pages.costs_period import Preset, days_of

NOW = datetime(2026, 3, 8, 17, 30, tzinfo=UTC)


def asked(**query: str) -> Asked:
    """Return what an address with these parameters asks; `from_` stands for `from`."""
    return Asked({}, {name.rstrip("_"): (value,) for name, value in query.items()})


@pytest.mark.parametrize(
    ("preset", "first", "last"),
    [
        ("today", date(2026, 3, 8), None),
        ("7d", date(2026, 3, 2), None),
        ("30d", date(2026, 2, 7), None),
        ("90d", date(2025, 12, 9), None),
        ("month", date(2026, 3, 1), None),
        ("last_month", date(2026, 2, 1), date(2026, 2, 28)),
        ("year", date(2026, 1, 1), None),
        ("all", None, None),
    ],
)
def test_a_preset_is_whole_days(preset: str, first: date | None, last: date | None) -> None:
    """Days of UTC with today among them, but for the last month."""
    days = days_of(asked(window=preset), NOW)
    assert (days.preset, days.first, days.last) == (Preset(preset), first, last)


def test_the_last_30_days_are_what_nobody_asks_for() -> None:
    """An address without parameters shows a month."""
    assert days_of(asked(), NOW) == days_of(asked(window="30d"), NOW)


def test_dates_go_before_a_period_and_the_last_one_belongs_to_it() -> None:
    """`to` is the last day, so that the period ends at the midnight after it."""
    days = days_of(asked(from_="2026-01-05", to="2026-01-05", window="7d"), NOW)
    assert days.preset is None
    assert days.since == datetime(2026, 1, 5, tzinfo=UTC)
    assert days.until == datetime(2026, 1, 6, tzinfo=UTC)


def test_one_date_leaves_the_other_end_open() -> None:
    """From a day on, or up to one."""
    assert days_of(asked(from_="2026-01-05"), NOW).until is None
    assert days_of(asked(to="2026-01-05"), NOW).since is None


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"window": "fortnight"}, "window='fortnight' is none of today, 7d, 30d, 90d"),
        ({"from_": "yesterday"}, "from='yesterday' is no date such as 2026-01-31"),
        ({"to": "2026-02-30"}, "to='2026-02-30' is no date such as 2026-01-31"),
        ({"to": "9999-12-31"}, "to='9999-12-31' is no date such as 2026-01-31"),
        ({"from_": "2026-02-02", "to": "2026-02-01"}, "from=2026-02-02 is after to=2026-02-01"),
    ],
)
def test_a_wrong_period_says_what_would_be_right(query: dict[str, str], said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadQueryError) as caught:
        days_of(asked(**query), NOW)
    assert str(caught.value).startswith(said)
