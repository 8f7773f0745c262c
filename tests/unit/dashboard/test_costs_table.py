"""The rows of the costs: their order, and their file, in which nothing is a formula."""

import csv
import io
from decimal import Decimal

import pytest

from vidobs.core.reports import SpendRow
from vidobs.dashboard.pages.costs_csv import harmless, text_of
from vidobs.dashboard.pages.costs_table import CostRow, Order, Sort, cost_row, in_order

ROWS = tuple(
    map(
        cost_row,
        (
            SpendRow(key="cheap", jobs=9, usd=Decimal("1.5"), seconds=Decimal(30)),
            SpendRow(key="dear", jobs=2, usd=Decimal(4), seconds=Decimal(8)),
            SpendRow(key="local", jobs=5, unknown=5, seconds=Decimal(40)),
            SpendRow(key=None, jobs=1, usd=Decimal(2), possible_usd=Decimal("0.8")),
        ),
    )
)


def test_a_row_without_any_price_is_unknown_not_free() -> None:
    """`None` where nobody knows a price, and then there is no price of a second either."""
    row = cost_row(SpendRow(key="local", jobs=2, unknown=2, seconds=Decimal(16)))
    assert row == CostRow(
        key="local",
        jobs=2,
        usd=None,
        possible_usd=Decimal(0),
        unpriced=2,
        seconds=Decimal(16),
        usd_per_second=None,
    )


def test_what_a_second_cost_is_rounded_to_billionths() -> None:
    """All that a key cost, by the seconds of video that came of it."""
    row = cost_row(SpendRow(key="a", jobs=1, usd=Decimal(1), seconds=Decimal(3)))
    assert row.usd_per_second == Decimal("0.333333333")


@pytest.mark.parametrize(
    ("sort", "order", "keys"),
    [
        (Sort.SPEND, Order.DOWN, ["dear", None, "cheap", "local"]),
        (Sort.SPEND, Order.UP, ["cheap", None, "dear", "local"]),
        (Sort.JOBS, Order.DOWN, ["cheap", "local", "dear", None]),
        (Sort.SECONDS, Order.DOWN, ["local", "cheap", "dear", None]),
        (Sort.RATE, Order.DOWN, ["dear", "cheap", None, "local"]),
        (Sort.POSSIBLE, Order.DOWN, [None, "cheap", "dear", "local"]),
        (Sort.KEY, Order.UP, ["cheap", "dear", "local", None]),
        (Sort.KEY, Order.DOWN, ["local", "dear", "cheap", None]),
    ],
)
def test_rows_are_put_in_order_with_what_is_unknown_last(
    sort: Sort, order: Order, keys: list[str | None]
) -> None:
    """Whichever end is first, an unknown figure is never the greatest or the least."""
    assert [row.key for row in in_order(ROWS, sort, order)] == keys


def test_the_file_has_every_place_and_empty_cells_for_what_is_unknown() -> None:
    """Amounts are plain digits; a spreadsheet must not read an unknown one as zero."""
    text = text_of("model", in_order(ROWS, Sort.SPEND, Order.DOWN))
    assert list(csv.reader(io.StringIO(text))) == [
        ["model", "jobs", "usd", "possible_usd", "unpriced", "seconds", "usd_per_second"],
        ["dear", "2", "4.00", "0.00", "0", "8", "0.50"],
        ["", "1", "2.00", "0.80", "0", "", ""],
        ["cheap", "9", "1.50", "0.00", "0", "30", "0.05"],
        ["local", "5", "", "0.00", "5", "40", ""],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\u00a0=1",
        "\x00=1",
        "|calc",
        "＝1",  # noqa: RUF001 - some spreadsheets take it for the sign
    ],
)
def test_no_cell_is_a_formula(text: str) -> None:
    """A user may call herself `=HYPERLINK(...)`: her name stays a text, quoted as such."""
    assert harmless(text) == f"'{text}"
    row = cost_row(SpendRow(key=text, jobs=1, usd=Decimal(1)))
    read = list(csv.reader(io.StringIO(text_of("user", (row,)), newline="")))
    assert read[1][0] == f"'{text}"
    assert len(read) == 2


@pytest.mark.parametrize("text", ["sora-2", "team=film", "ada@example.org", "", "猫"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    """Names, tags and addresses can be matched with what is elsewhere."""
    assert harmless(text) == text
