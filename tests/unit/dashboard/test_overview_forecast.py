"""The forecast: so far, and for the time left the mean of the last full days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from vidobs.dashboard.index.answers import Point
from vidobs.dashboard.pages.overview_forecast import Forecast, forecast_of

NOON = datetime(2026, 4, 20, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
TODAY = NOON.replace(hour=0)


def spent(*usd: str) -> list[Point]:
    """Return what was spent on the days before today, the last one last."""
    first = TODAY - timedelta(days=len(usd))
    return [
        Point(start=first + timedelta(days=day), key=None, usd=Decimal(amount))
        for day, amount in enumerate(usd)
    ]


def test_the_days_left_cost_the_mean_of_the_last_seven() -> None:
    """Ten and a half days are left, each at the mean of a week; an older day does not count."""
    found = forecast_of(Decimal(100), spent("999", "1", "2", "3", "4", "5", "6", "7"), NOON)
    assert found == Forecast(
        usd=Decimal(142), daily_usd=Decimal(4), days=7, days_needed=3, month_ends=MAY
    )


def test_a_day_without_spend_counts_as_nothing() -> None:
    """A quiet day since the first job pulls the mean down."""
    days = [spent("6", "0", "0")[0]]  # three days ago, and nothing since
    found = forecast_of(Decimal(6), days, NOON)
    assert (found.daily_usd, found.usd) == (Decimal(2), Decimal(27))


@pytest.mark.parametrize("days", [0, 1, 2])
def test_too_few_days_are_no_forecast(days: int) -> None:
    """With fewer than three full days it says how many there are, and no figure."""
    found = forecast_of(Decimal(5), spent(*["5"] * days), NOON)
    assert (found.usd, found.daily_usd, found.days) == (None, None, days)


def test_today_is_no_full_day() -> None:
    """What was spent since midnight is in the sum so far, not in the mean."""
    today = Point(start=TODAY, key=None, usd=Decimal(1000))
    with_today = forecast_of(Decimal(1009), [*spent("3", "3", "3"), today], NOON)
    assert (with_today.days, with_today.daily_usd) == (3, Decimal(3))


def test_the_month_ends_with_the_year() -> None:
    """After December comes January."""
    new_year = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert forecast_of(Decimal(0), [], new_year).month_ends == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_figure_is_rounded_to_billionths() -> None:
    """A division that does not come out even leaves no more places than money has."""
    found = forecast_of(Decimal(0), spent("1", "0", "0"), NOON)
    assert found.daily_usd == Decimal("0.333333333")
    assert found.usd == Decimal("3.5")
