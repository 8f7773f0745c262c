"""The overview: each figure, over a real ledger that can be summed up by hand."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from boards_of_costs import HOUR, NOW, asked, board, desk_of

from vidobs.core.jobs import JobState
from vidobs.dashboard.index.answers import Flag, Outcome
from vidobs.dashboard.page import BadQueryError
from vidobs.dashboard.pages.overview import (
    ModelTimes,
    OutcomeCount,
    Rates,
    RunningJobs,
    Window,
    answer,
    period_of,
)
from vidobs.dashboard.pages.overview_alerts import AlertKind

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Five days of jobs: most complete, some do not, some still run, one is in doubt."""
    folder = tmp_path_factory.mktemp("overview")
    with board(folder / "ledger.db") as made:
        for days in (1, 2, 3, 4):
            made.make(days * DAY, seconds=10)  # $1.00 each
        made.make(9 * DAY, seconds=20)  # $2.00, in February
        made.make(2 * HOUR)  # $0.80
        made.make(3 * HOUR, provider="gemini", model="veo-3.1-generate-preview")  # $3.20
        made.make(3 * HOUR, "failed")  # nothing, by openai's rules
        made.make(2 * HOUR, "moderated", provider="gemini", model="veo-3.1-generate-preview")
        made.make(4 * HOUR, provider="self_hosted", model="wan2.2")  # nobody knows
        made.make(1 * HOUR, "unknown", seconds=12)  # $1.20 possible
        made.make(timedelta(minutes=3), "queued", user="ada")
        made.make(timedelta(minutes=2), "rendering", model="sora-2-pro")
    with desk_of(folder / "ledger.db", folder / "cache") as opened:
        yield opened


def test_spend_of_today_and_of_the_month(desk):
    """Settled since midnight, and since the first of March; February is in neither."""
    found = answer(desk, asked())
    assert found.today_usd == Decimal("4.00")
    assert found.month_usd == Decimal("8.00")
    assert found.usd == Decimal("10.00")


def test_the_forecast_is_that_of_the_seven_days_before(desk):
    """Four of them had a dollar each, and a job before shows that the others were quiet ones."""
    found = answer(desk, asked()).forecast
    left = Decimal(23 * 86_400 + 6.5 * 3600) / 86_400
    assert (found.days, found.daily_usd) == (7, Decimal("0.571428571"))
    assert found.usd == round(Decimal(8) + left * 4 / 7, 9)


def test_dollars_per_second_and_per_successful_second(desk):
    """Seconds of an unknown price are in neither; what failed costs dollars and has no seconds."""
    found = answer(desk, asked())
    assert (found.seconds, found.priced_seconds) == (84, 76)
    assert found.usd_per_second == round(desk.index.totals(found.since).completed_usd / 76, 9)
    assert found.usd_per_successful_second == round(found.usd / 76, 9)


def test_jobs_by_state_and_the_rates_of_those_that_ended(desk):
    """Moderated jobs stand apart, and count as failed; what still runs is in no rate."""
    found = answer(desk, asked())
    assert found.outcomes == (
        OutcomeCount(Outcome.UNKNOWN, 1),
        OutcomeCount(Outcome.QUEUED, 1),
        OutcomeCount(Outcome.IN_PROGRESS, 1),
        OutcomeCount(Outcome.COMPLETED, 8),
        OutcomeCount(Outcome.FAILED, 1),
        OutcomeCount(Outcome.MODERATED, 1),
    )
    assert found.jobs == 13
    assert found.rates == Rates(ended=10, success=0.8, failure=0.2, moderation=0.1)


def test_the_chart_is_the_spend_by_model(desk):
    """Thirty days, today last; its layers come to the spend, and unknown prices are no zero."""
    found = answer(desk, asked())
    assert len(found.spend.x) == 30
    assert [series.label for series in found.spend.series] == [
        "sora-2",
        "veo-3.1-generate-preview",
    ]
    assert sum(Decimal(value) for one in found.spend.series for value in one.values) == found.usd
    assert found.spend.series[0].values[-5:] == (1, 1, 1, 1, Decimal("0.8"))


def test_a_day_is_shown_by_the_hour(desk):
    """The last 24 hours, of which the present one is not over."""
    found = answer(desk, asked(window="24h"))
    assert (found.spend.step_s, len(found.spend.x)) == (3600, 24)
    assert (found.since, found.until) == (NOW.replace(minute=0) - 23 * HOUR, found.since + DAY)
    assert found.usd == Decimal("4.00")


@pytest.mark.parametrize(("window", "days"), [("7d", 7), ("30d", 30), ("90d", 90)])
def test_other_windows_are_whole_days(window, days):
    """Up to the midnight that comes."""
    period = period_of(Window(window), NOW)
    assert len(period.starts) == days
    assert period.until == NOW.replace(hour=0, minute=0) + DAY


def test_a_window_that_is_none(desk):
    """The message names those there are."""
    with pytest.raises(BadQueryError, match="window='1y' is none of 24h, 7d, 30d, 90d"):
        answer(desk, asked(window="1y"))


def test_times_by_model(desk):
    """Ten seconds in the queue, a minute of rendering, as far as buckets can tell."""
    (most, *_others) = answer(desk, asked()).times
    assert (most.model, most.jobs) == ("sora-2", 6)
    assert most == ModelTimes(
        model="sora-2",
        jobs=6,
        queue_p50_s=pytest.approx(9, rel=0.03),
        queue_p95_s=pytest.approx(9, rel=0.03),
        render_p50_s=pytest.approx(60, rel=0.03),
        render_p95_s=pytest.approx(60, rel=0.03),
    )


def test_what_runs_now(desk):
    """The newest first, with progress where it was said; a create in doubt does not run."""
    running = answer(desk, asked()).running
    assert running.jobs == 2
    assert [(one.model, one.state, one.progress, one.user) for one in running.rows] == [
        ("sora-2-pro", JobState.IN_PROGRESS, 40, None),
        ("sora-2", JobState.QUEUED, None, "ada"),
    ]
    assert running.rows[1].created_at == NOW - timedelta(minutes=3)
    assert not any(one.stuck or one.picture for one in running.rows)


def test_a_create_in_doubt_is_an_alert_with_what_it_may_cost(desk):
    """Possible spend is told apart, and in no total."""
    (alert,) = answer(desk, asked()).alerts
    assert (alert.kind, alert.count, alert.flag) == (AlertKind.UNKNOWN, 1, Flag.UNKNOWN)
    assert (alert.possible_usd, alert.at_least) == (Decimal("1.2"), False)
    assert [job.model for job in alert.jobs] == ["sora-2"]


def test_what_expires_and_what_hangs_are_alerts(tmp_path):
    """The most urgent first, with the time that a video has left."""
    with board(tmp_path / "ledger.db") as made:
        made.make(10 * DAY, "rendering")
        for minutes in (50, 20):
            says = {"expires_at": NOW + timedelta(minutes=minutes)}
            made.make(DAY, says={**says})
    with desk_of(tmp_path / "ledger.db", tmp_path) as desk:
        expiring, stuck = answer(desk, asked()).alerts
    assert (expiring.kind, expiring.count, expiring.flag) == (
        AlertKind.EXPIRING,
        2,
        Flag.EXPIRING,
    )
    assert [job.expires_at - NOW for job in expiring.jobs] == [
        timedelta(minutes=20),
        timedelta(minutes=50),
    ]
    assert (stuck.kind, stuck.count, stuck.flag) == (AlertKind.STUCK, 1, Flag.STUCK)


def test_a_ledger_that_is_not_there_is_empty(tmp_path):
    """Nothing was observed: there are no figures, and asking makes no file."""
    path = tmp_path / "none.db"
    with desk_of(path, tmp_path / "cache") as desk:
        found = answer(desk, asked())
    assert found.empty
    assert (found.month_usd, found.forecast.usd, found.usd_per_second) == (0, None, None)
    assert (found.rates, found.running, found.alerts) == (Rates(), RunningJobs(), ())
    assert found.spend.blank
    assert not path.exists()


def test_a_ledger_with_a_job_is_not_empty(desk):
    """Also while nothing was ever paid."""
    assert not answer(desk, asked()).empty


def test_the_answer_is_json_of_plain_figures(desk):
    """Money is a string, a share a number, a time an instant in UTC."""
    read = msgspec.json.decode(msgspec.json.encode(answer(desk, asked())))
    assert (read["today_usd"], read["rates"]["success"]) == ("4", 0.8)
    assert read["until"] == "2026-03-09T00:00:00Z"
    assert read["alerts"][0]["possible_usd"] == "1.2"
