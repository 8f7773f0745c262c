"""What a chart is made of: whole steps, gaps as zero, six series and the rest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from vidobs.dashboard.chart import Chart, Period, Row, Series, Unit, floor, over_time
from vidobs.dashboard.index.answers import Point, Step

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def at(days: int, key: str | None, usd: str, *, jobs: int = 1) -> Point:
    """Return a point so many days after the start."""
    return Point(start=START + days * DAY, key=key, usd=Decimal(usd), jobs=jobs)


def days(count: int) -> Period:
    """Return a period of so many days."""
    return Period(since=START, until=START + count * DAY)


def test_a_step_without_a_point_is_zero() -> None:
    """A day on which nothing was spent is a zero, not a hole and not a day left out."""
    chart = over_time([at(0, "a", "1.25"), at(2, "a", "0.5")], days(4))
    assert chart.series == (Series(label="a", values=(Decimal("1.25"), 0, Decimal("0.5"), 0)),)
    assert chart.x == tuple(int((START + day * DAY).timestamp()) for day in range(4))
    assert chart.step_s == 86_400


def test_the_greatest_keys_come_first_and_the_rest_is_one_series() -> None:
    """Seven keys and more are six series, and one that says how many it holds."""
    points = [at(0, f"m{number}", str(number)) for number in range(1, 10)]
    chart = over_time(points, days(1))
    labels = [series.label for series in chart.series]
    assert labels == ["m9", "m8", "m7", "m6", "m5", "m4", "3 others"]
    assert chart.series[-1] == Series(label="3 others", values=(Decimal(6),), rest=True)


def test_nothing_is_lost_between_points_and_series() -> None:
    """The sum of all series is the exact sum of the points."""
    points = [at(n % 5, f"k{n % 9}", f"0.{n:09}") for n in range(1, 200)]
    chart = over_time(points, days(5))
    total = sum(Decimal(value or 0) for one in chart.series for value in one.values)
    assert total == sum(point.usd for point in points)


def test_points_outside_the_period_are_left_out() -> None:
    """A period ends before its `until`, whatever points were handed in."""
    chart = over_time([at(-1, "a", "1"), at(1, "a", "2"), at(2, "a", "4")], days(2))
    assert chart.series == (Series(label="a", values=(0, Decimal(2))),)


def test_no_key_has_a_name() -> None:
    """Jobs without a model are shown as what they are."""
    assert over_time([at(0, None, "1")], days(1)).series[0].label == "(none)"


def test_a_label_makes_one_series_of_all_keys_even_of_none() -> None:
    """With a label there is always exactly one series, in the measure that was asked for."""
    chart = over_time(
        [at(0, "a", "1", jobs=2), at(0, "b", "1", jobs=3)],
        days(1),
        measure=lambda point: point.jobs,
        unit=Unit.COUNT,
        label="jobs",
    )
    assert chart.series == (Series(label="jobs", values=(5,)),)
    assert over_time([], days(2), label="jobs").series == (Series(label="jobs", values=(0, 0)),)


def test_a_period_starts_at_the_step_that_holds_its_beginning() -> None:
    """Whole hours and days of UTC, whatever zone the moment is in."""
    moment = datetime.fromisoformat("2026-03-02T01:30:00+02:00")
    assert floor(moment, Step.HOUR) == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert floor(moment, Step.DAY) == START
    hours = Period(since=moment, until=moment + timedelta(hours=2), step=Step.HOUR)
    assert [start.hour for start in hours.starts] == [23, 0, 1]


def test_the_table_has_the_steps_in_which_something_happened() -> None:
    """The newest first, without the rows of zeros that a chart needs."""
    chart = over_time([at(0, "a", "1"), at(2, "b", "2")], days(4))
    assert chart.rows == (
        Row(START + 2 * DAY, (Decimal(2), 0)),
        Row(START, (0, Decimal(1))),
    )


def test_a_chart_of_nothing_is_blank() -> None:
    """No series, or nothing but zeros."""
    assert Chart().blank
    assert Chart().rows == ()
    assert over_time([], days(2), label="jobs").blank
    assert not over_time([at(0, "a", "1")], days(2)).blank


def test_money_is_a_string_in_json() -> None:
    """An amount goes out with every place it has."""
    chart = over_time([at(0, "a", "0.123456789")], days(1))
    assert b'"values":["0.123456789"]' in msgspec.json.encode(chart)


def test_a_key_that_is_zero_throughout_is_no_series() -> None:
    """Jobs of an unknown price sum up to nothing, and a zero would be a lie."""
    chart = over_time([at(0, "priced", "1"), at(0, "unpriced", "0")], days(1))
    assert [series.label for series in chart.series] == ["priced"]
