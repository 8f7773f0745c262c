"""The costs: each figure, and that all of them are those of `vidobs spend`."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from boards_of_costs import HOUR, asked, board, desk_of

from vidobs.core.jobs import Usage
from vidobs.core.money import ZERO
from vidobs.core.reports import SpendRow
from vidobs.dashboard.index.answers import SpendBy
from vidobs.dashboard.page import BadQueryError
from vidobs.dashboard.pages.costs import InVain, answer
from vidobs.dashboard.pages.costs_drift import Drift, Drifts, ModelDrift
from vidobs.dashboard.pages.costs_table import CostRow

DAY = timedelta(days=1)
VEO = {"provider": "gemini", "model": "veo-3.1-generate-preview"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Two months of jobs of several models, users and tags."""
    folder = tmp_path_factory.mktemp("costs")
    with board(folder / "ledger.db") as made:
        made.make(40 * DAY, user="ada", tags={"team": "film"})
        made.make(3 * DAY, user="ada", tags={"team": "film", "app": "trailer"})
        made.make(2 * DAY, user="grace", tags={"team": "ads"}, seconds=12)
        made.make(2 * DAY, "failed", user="grace")
        made.make(2 * DAY, "moderated", user="grace", **VEO)
        made.make(DAY, model="sora-2-pro")
        made.make(3 * HOUR, user="ada", **VEO)
        made.make(2 * HOUR, provider="self_hosted", model="wan2.2", user="linus")
        made.make(HOUR, "unknown", user="ada", tags={"team": "film"})
        made.make(HOUR / 10, "rendering")
    with desk_of(folder / "ledger.db", folder / "cache") as opened:
        yield opened


def as_spend(row: CostRow) -> SpendRow:
    """Return a row as `vidobs spend` has it."""
    return SpendRow(
        key=row.key,
        jobs=row.jobs,
        usd=row.usd or ZERO,
        possible_usd=row.possible_usd,
        unknown=row.unpriced,
        seconds=row.seconds,
    )


@pytest.mark.parametrize("by", list(SpendBy))
@pytest.mark.parametrize("period", ["all", "month", "7d", "today"])
def test_rows_and_totals_are_those_of_vidobs_spend(desk, by, period):
    """For every grouping and period the page says what the command says, to the last place."""
    found = answer(desk, asked(by=by.value, period=period))
    with desk.reader() as reader:
        said = reader.spend(by.value, found.since)
    assert (found.usd, found.possible_usd) == (said.total_usd, said.possible_usd)
    ours = sorted(map(as_spend, found.rows), key=lambda row: row.key or "")
    assert ours == sorted(said.rows, key=lambda row: row.key or "")


@pytest.mark.parametrize("by", [one for one in SpendBy if one is not SpendBy.TAG])
def test_rows_come_to_the_totals(desk, by):
    """Each job is in one row; only by tag it may be in several."""
    found = answer(desk, asked(by=by.value, window="all"))
    assert sum(row.usd or ZERO for row in found.rows) == found.usd == Decimal("8.4")
    assert sum(row.possible_usd for row in found.rows) == found.possible_usd
    assert sum(row.jobs for row in found.rows) == found.jobs == 9
    assert sum(row.unpriced for row in found.rows) == found.unpriced == 2
    assert sum(row.seconds or ZERO for row in found.rows) == found.seconds == 52


def test_a_row(desk):
    """A model with what its jobs cost, and each second that came of it."""
    rows = answer(desk, asked(window="7d")).rows
    assert rows[0] == CostRow(
        key="veo-3.1-generate-preview",
        jobs=2,
        usd=Decimal("3.2"),
        possible_usd=Decimal("3.2"),
        unpriced=0,
        seconds=Decimal(8),
        usd_per_second=Decimal("0.4"),
    )
    assert (rows[-1].key, rows[-1].usd, rows[-1].unpriced) == ("wan2.2", None, 1)


def test_an_end_is_kept(desk):
    """Dates bound the period on both sides, with both days in it."""
    found = answer(desk, asked(from_="2026-03-05", to="2026-03-06", by="day"))
    assert [row.key for row in found.rows] == ["2026-03-06", "2026-03-05"]
    assert found.usd == Decimal("2.00")
    assert [len(found.chart.x), found.chart.x[0]] == [
        2,
        int(datetime(2026, 3, 5, tzinfo=UTC).timestamp()),
    ]


@pytest.mark.parametrize(
    ("by", "labels", "stacked"),
    [
        ("model", ["veo-3.1-generate-preview", "sora-2-pro", "sora-2"], True),
        ("provider", ["openai", "gemini"], True),
        ("user", ["ada", "(none)", "grace"], True),
        ("tag", ["(none)", "team=ads", "app=trailer", "team=film"], False),
        ("day", ["all jobs"], True),
    ],
)
def test_the_chart_is_by_what_the_rows_are(desk, by, labels, stacked):
    """Its layers come to the spend; by tag nothing is stacked, for jobs are in several."""
    found = answer(desk, asked(window="30d", by=by))
    assert [series.label for series in found.chart.series] == labels
    assert found.chart.stacked is stacked
    drawn = sum(Decimal(value) for one in found.chart.series for value in one.values)
    assert drawn == (found.usd if stacked else found.usd + Decimal("0.8"))


def test_all_of_the_time_begins_with_the_first_job(desk):
    """Forty-one days, not the years since 1970."""
    assert len(answer(desk, asked(window="all")).chart.x) == 41


def test_drift_is_told_where_a_video_was_made(tmp_path):
    """A job that the provider bills more for than was quoted; one that failed is apart."""
    with board(tmp_path / "ledger.db") as made:
        made.make(DAY)
        made.make(DAY, model="sora-2-pro", says={"usage": Usage(reported_usd=Decimal("3.00"))})
        made.make(DAY, "failed")
    with desk_of(tmp_path / "ledger.db", tmp_path / "cache") as desk:
        found = answer(desk, asked()).drift
    pro = Drift(jobs=1, quoted_usd=Decimal("2.4"), billed_usd=Decimal(3), share=0.25)
    assert found == Drifts(
        made=Drift(jobs=2, quoted_usd=Decimal("3.2"), billed_usd=Decimal("3.8"), share=0.1875),
        all=Drift(jobs=3, quoted_usd=Decimal(4), billed_usd=Decimal("3.8"), share=-0.05),
        worst=(ModelDrift(model="sora-2-pro", drift=pro),),
    )


def test_more_users_than_colours(tmp_path):
    """Six users are layers of their own, and the rest is one; together they are the spend."""
    with board(tmp_path / "ledger.db") as made:
        for number in range(1, 9):
            made.make(DAY, user=f"user{number}", seconds=number)
    with desk_of(tmp_path / "ledger.db", tmp_path / "cache") as desk:
        found = answer(desk, asked(by="user", window="7d"))
    assert [one.label for one in found.chart.series] == [
        *(f"user{number}" for number in range(8, 2, -1)),
        "others",
    ]
    assert found.chart.series[-1].values == (0, 0, 0, 0, 0, Decimal("0.3"), 0)
    assert len(found.rows) == 8


def test_seconds_of_an_unknown_price_make_no_second_cheaper(desk):
    """A local model's seconds are shown, and are in no price of a second."""
    found = answer(desk, asked(window="all"))
    assert (found.seconds, found.priced_seconds) == (52, 44)
    assert found.usd_per_successful_second == round(found.usd / 44, 9)


def test_no_more_rows_than_are_asked_for(desk):
    """The first of the order; how many there are is said, and the totals hold them all."""
    every, some = answer(desk, asked()), answer(desk, asked(limit="1"))
    assert (some.rows, some.keys, some.usd) == (every.rows[:1], len(every.rows), every.usd)
    with pytest.raises(BadQueryError, match="limit='10001' is no number between 0 and 10000"):
        answer(desk, asked(limit="10001"))


def test_what_was_paid_in_vain(desk):
    """Failures that cost, moderated ones among them, with how many there were."""
    found = answer(desk, asked(window="all"))
    totals = desk.index.totals()
    assert found.in_vain == InVain(
        failed_usd=totals.failed_usd, moderated_usd=totals.moderated_usd, failed=2, moderated=1
    )


def test_rows_lead_to_their_jobs(desk):
    """By the parameters of the list of jobs, in the same period; without a key there is no way."""
    found = answer(desk, asked(from_="2026-01-01", to="2026-01-31", by="tag"))
    assert [found.jobs_of(row) for row in found.rows] == [
        {"tag": ("team=film",), "since": ("2026-01-01T00:00",), "until": ("2026-02-01T00:00",)}
    ]
    days = answer(desk, asked(window="today", by="day"))
    assert days.jobs_of(days.rows[0]) == {
        "since": ("2026-03-08T00:00",),
        "until": ("2026-03-09T00:00",),
    }
    users = answer(desk, asked(by="user"))
    assert [users.jobs_of(row) for row in users.rows if row.key is None] == [None]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"by": "cat"}, "by='cat' is none of model, provider, user, tag, day"),
        ({"sort": "usd"}, "sort='usd' is none of key, spend, jobs, seconds, rate, possible"),
        ({"order": "sideways"}, "order='sideways' is none of down, up"),
    ],
)
def test_what_makes_no_sense_is_refused(desk, query, said):
    """With what would."""
    with pytest.raises(BadQueryError) as caught:
        answer(desk, asked(**query))
    assert str(caught.value) == said


def test_nothing_in_the_period(tmp_path):
    """An empty ledger has no rows, no drift, and a chart with nothing in it."""
    with desk_of(tmp_path / "none.db", tmp_path) as desk:
        found = answer(desk, asked(window="all"))
    assert (found.rows, found.usd, found.drift) == ((), ZERO, Drifts())
    assert found.chart.blank
