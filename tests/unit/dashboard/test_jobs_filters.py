"""The parameters of the list of jobs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs

import pytest
from boards_of_jobs import NOW, asks

from vidobs.core.jobs import JobState, Reason
from vidobs.dashboard.index.answers import Flag, JobFilter
from vidobs.dashboard.page import BadQueryError
from vidobs.dashboard.pages.jobs_filters import (
    MANY,
    PARAMETERS,
    PLACES,
    SINGLE,
    Chip,
    chips,
    parameters,
    read_filter,
    read_place,
    read_time,
)


def test_every_parameter_means_something():
    """Values of one parameter add up, also those that a search names."""
    wanted, search = read_filter(
        asks(
            q="user:grace tag:app=x kitten",
            state=("failed", "expired"),
            model="sora-2",
            provider="openai",
            user="ada",
            tag="team=film",
            flag="stuck",
            reason="timeout",
            failure="f1",
            since="2026-11-01",
            until="2026-11-19",
            min_usd="$0.50",
        ),
        NOW,
    )
    assert wanted == JobFilter(
        states=(JobState.FAILED, JobState.EXPIRED),
        models=("sora-2",),
        providers=("openai",),
        users=("ada", "grace"),
        tags=(("team", "film"), ("app", "x")),
        flags=(Flag.STUCK,),
        reasons=(Reason.TIMEOUT,),
        failures=("f1",),
        since=datetime(2026, 11, 1, tzinfo=UTC),
        until=datetime(2026, 11, 20, tzinfo=UTC),  # the day that was named belongs to it
        min_usd=Decimal("0.50"),
    )
    assert search.words == "kitten"


def test_every_parameter_is_described():
    """OpenAPI knows what the page knows."""
    assert {one.name for one in PARAMETERS} == {*SINGLE, *MANY, *PLACES}
    assert {one.name for one in PARAMETERS if one.many} == set(MANY)


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        (None, None),
        ("30m", NOW - timedelta(minutes=30)),
        ("24h", NOW - timedelta(hours=24)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T10:30", datetime(2026, 11, 20, 10, 30, tzinfo=UTC)),
        ("2026-11-20T10:30+02:00", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
    ],
)
def test_times(given, moment):
    """A day, a time in UTC unless it names another zone, or how long ago."""
    assert read_time("since", given, NOW) == moment


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"state": "complete"}, "did you mean 'completed'?"),
        ({"flag": "stock"}, "did you mean 'stuck'?"),
        ({"reason": "nothing"}, "unknown reason"),
        ({"tag": "team"}, "NAME=VALUE"),
        ({"since": "yesterday"}, "write 2026-01-31"),
        ({"since": "999999w"}, "write 2026-01-31"),
        ({"until": "2026-02-30"}, "write 2026-01-31"),
        ({"min_usd": "much"}, "an amount of dollars"),
        ({"min_usd": "-1"}, "an amount of dollars"),
        ({"min_usd": "nan"}, "an amount of dollars"),
        ({"min_usd": "1e999999"}, "an amount of dollars"),
        ({"model": "m" * 501}, "more than 500 characters"),
    ],
)
def test_what_makes_no_sense_is_refused(query, said):
    """The text says which parameter, and what would be right."""
    with pytest.raises(BadQueryError) as caught:
        read_filter(asks(**query), NOW)
    assert said in str(caught.value)


def test_places_are_numbers():
    """Anything else is no place."""
    assert read_place(asks(before="17"), "before") == 17
    assert read_place(asks(), "before") is None
    with pytest.raises(BadQueryError):
        read_place(asks(before="-1"), "before")
    with pytest.raises(BadQueryError):
        read_place(asks(before=str(2**63)), "before")


def test_each_chip_takes_one_value_away():
    """The others stay, and the list begins at its first page again."""
    asked = asks(state=("failed", "expired"), user="ada&b", since="7d", before="17")
    found = {(chip.name, chip.value): parse_qs(chip.without) for chip in chips(asked)}
    assert found == {
        ("since", "7d"): {"state": ["failed", "expired"], "user": ["ada&b"]},
        ("state", "failed"): {"since": ["7d"], "state": ["expired"], "user": ["ada&b"]},
        ("state", "expired"): {"since": ["7d"], "state": ["failed"], "user": ["ada&b"]},
        ("user", "ada&b"): {"since": ["7d"], "state": ["failed", "expired"]},
    }


def test_a_value_given_twice_is_one_chip():
    """So that taking it away takes it away."""
    assert list(chips(asks(user=("ada", "ada")))) == [Chip("user", "ada", "")]


def test_of_single_parameters_the_last_one_counts():
    """As everywhere on the web."""
    assert list(chips(asks(since=("1d", "7d")))) == [Chip("since", "7d", "")]


def test_parameters_can_be_changed():
    """What is set to nothing goes."""
    asked = asks(state=("failed", "expired"), q="x")
    assert parameters(asked, changes={"state": "completed"}) == "q=x&state=completed"
    assert parameters(asked, changes={"state": None, "before": "7"}) == "q=x&before=7"
