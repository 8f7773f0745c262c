"""The pages of failures: what is alike, since when, what it cost, what to do about it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from boards_of_failures import NOW, failing

from vidobs import config
from vidobs.core.jobs import Reason
from vidobs.core.policies import Billed, BillingPolicy
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.index.answers import Point, Step
from vidobs.dashboard.page import Asked, BadQueryError, NotThereError
from vidobs.dashboard.pages import failure, failures
from vidobs.dashboard.pages.failures_groups import MOST_BARS, Frame, bars_of
from vidobs.dashboard.pages.failures_hints import billing, hint
from vidobs.dashboard.pages.failures_window import Window, span_of
from vidobs.media.folder import PICTURE, SUFFIX


class Pages:
    """The pages over one ledger."""

    def __init__(self, path, folder) -> None:
        self.index = Index(path, folder=folder, clock=lambda: NOW)
        self.index.catch_up()
        self.desk = Desk(
            ledger=path, index=self.index, settings=config.load({}).settings, now=lambda: NOW
        )

    def list(self, **query):
        """Ask the list."""
        return failures.answer(self.desk, _asked(query))

    def one(self, fingerprint, **query):
        """Ask the page of a group."""
        return failure.answer(self.desk, _asked(query, fingerprint=fingerprint))


def _asked(query, **path):
    return Asked(path, {name: (value,) for name, value in query.items()})


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Four failures, one job that a filter stopped, one video."""
    folder = tmp_path_factory.mktemp("failures")
    made = Pages(failing(folder / "ledger.db"), folder / "cache")
    yield made
    made.index.close()


def test_what_is_alike_is_one_group(pages):
    """Numbers in the message differ, the group is one; what a filter stopped stands apart."""
    found = pages.list()

    (group,) = found.errors
    assert (group.message, group.code) == ("Worker <n> ran out of memory", "broken")
    assert (group.provider, group.model, group.reason) == (
        "openai",
        "sora-2",
        Reason.PROVIDER_ERROR,
    )
    assert (group.jobs, group.share, group.moderation) == (3, 0.6, False)
    assert group.first_at < NOW - timedelta(hours=49) < NOW - timedelta(hours=3) < group.last_at
    assert [one.reason for one in found.moderation] == [Reason.MODERATION_INPUT]
    assert (found.jobs, found.failed, found.moderated) == (5, 4, 1)
    assert (found.rate, found.moderation_rate) == (0.6, 0.2)


def test_the_trend_of_a_group(pages):
    """Thirty days, one bar for each, the newest last."""
    (group,) = pages.list().errors

    assert group.trend.step_s == 86_400
    assert len(group.trend.counts) == 30
    assert (sum(group.trend.counts), group.trend.counts[-3:]) == (3, (1, 1, 1))
    (today,) = pages.list(window="24h").errors
    assert (today.jobs, today.trend.step_s, len(today.trend.counts)) == (1, 3600, 24)
    assert today.trend.counts[-3] == 1


def test_examples_are_the_newest_with_what_was_said(pages):
    """As the provider said it, and what it may have cost."""
    (group,) = pages.list().errors

    assert [one.message for one in group.examples] == [
        "Worker 2 ran out of memory",
        "Worker 26 ran out of memory",
        "Worker 50 ran out of memory",
    ]
    newest = group.examples[0]
    assert (newest.usd, newest.picture) == (Decimal(0), False)
    assert newest.possible_usd > 0


def test_examples_show_their_picture_where_there_is_one(pages):
    """A job can fail after its picture was made; the others have a place holder."""
    (group,) = pages.list().errors
    folder = Path(pages.desk.ledger + SUFFIX)
    folder.mkdir()
    (folder / f"{group.examples[1].job_id}{PICTURE}").touch()

    (group,) = pages.list().errors

    assert [one.picture for one in group.examples] == [False, True, False]


def test_filters_and_periods(pages):
    """Each narrows the list; all failures come back with `all`."""
    everything = pages.list(window="all")

    assert [one.provider for one in everything.errors] == ["openai", "azure"]
    assert everything.providers == ("azure", "openai")
    assert everything.reasons == (Reason.MODERATION_INPUT, Reason.PROVIDER_ERROR, Reason.TIMEOUT)
    assert [one.reason for one in pages.list(window="all", provider="azure").errors] == [
        Reason.TIMEOUT
    ]
    only = pages.list(reason="moderation_input")
    assert (only.errors, len(only.moderation), only.filters.any) == ((), 1, True)
    assert pages.list(model="other").errors == ()
    between = pages.list(since="2026-11-19", until="2026-11-20T00:00:00Z")
    assert (between.window, [one.jobs for one in between.errors]) == (None, [1])


def test_the_page_of_a_group(pages):
    """Every example, a chart, what is possible, what to do and who bills it."""
    (group,) = pages.list().errors
    found = pages.one(group.fingerprint)

    assert found.group.jobs == len(found.group.examples) == 3
    possible = sum(one.possible_usd for one in found.group.examples)
    assert found.group.possible_usd == group.possible_usd == possible > 0
    assert found.hint.startswith("The provider broke.")
    assert "openai does not say whether it bills jobs that failed" in found.billing
    (series,) = found.chart.series
    assert (sum(series.values), len(found.chart.x), found.chart.unit) == (3, 30, "count")


@pytest.mark.parametrize("fingerprint", ["", "0" * 16, "x", "../jobs", "<script>", "a" * 5000])
def test_a_failure_that_is_not_there(pages, fingerprint):
    """It is said so, in few words."""
    with pytest.raises(NotThereError) as raised:
        pages.one(fingerprint)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    "query",
    [
        {"window": "1h"},
        {"window": "x" * 9000},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+14:00"},
        {"since": "2026-02-01", "until": "2026-01-01"},
        {"until": "9" * 5000},
        {"reason": "bad luck"},
        {"reason": "x" * 9000},
    ],
)
def test_parameters_that_make_no_sense(pages, query):
    """They are refused with what would make sense."""
    with pytest.raises(BadQueryError) as raised:
        pages.list(**query)
    assert next(iter(query)) in str(raised.value) or "until" in str(raised.value)
    assert len(str(raised.value)) < 300


def test_an_empty_ledger(tmp_path):
    """There is nothing to say, and no file is made by asking."""
    pages = Pages(str(tmp_path / "none.db"), tmp_path / "cache")
    found = pages.list()
    pages.index.close()

    assert (found.errors, found.moderation, found.jobs, found.rate) == ((), (), 0, None)
    assert not (tmp_path / "none.db").exists()


def test_windows_begin_with_whole_hours_or_days():
    """So that the first bar is as wide as the others."""
    now = datetime(2026, 3, 8, 17, 20, tzinfo=UTC)

    day, week = (span_of(_asked({"window": one}), now) for one in ("24h", "7d"))

    assert (day.since, day.step) == (datetime(2026, 3, 7, 18, tzinfo=UTC), Step.HOUR)
    assert (week.since, week.step) == (datetime(2026, 3, 2, tzinfo=UTC), Step.DAY)
    assert span_of(_asked({"window": "all"}), now).since is None
    assert span_of(_asked({}), now).window is Window.MONTH
    given = span_of(_asked({"since": "2026-03-08T01:30", "until": "2026-03-08T05:00+01:00"}), now)
    assert (given.since, given.until, given.step) == (
        datetime(2026, 3, 8, 1, tzinfo=UTC),
        datetime(2026, 3, 8, 4, tzinfo=UTC),
        Step.HOUR,
    )


@pytest.mark.parametrize("days", [1, 30, 31, 32, 90, 400])
def test_there_are_never_more_bars_than_can_be_seen(days):
    """Steps are put together; no job is lost, and what is outside is left out."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    frame = Frame(since=since, until=since + timedelta(days=days), step_s=86_400, jobs=1)
    points = [Point(start=since + timedelta(days=day), key=None, jobs=1) for day in range(days)]
    outside = [Point(start=since - timedelta(days=1), key=None, jobs=9)]

    bars = bars_of((*points, *outside), frame)

    assert len(bars.counts) <= MOST_BARS
    assert sum(bars.counts) == days


def test_every_reason_has_a_hint():
    """And none is empty."""
    assert all(len(hint(reason)) > 40 for reason in (*Reason, None))
    assert len({hint(reason) for reason in (*Reason, None)}) == len(Reason) + 1


def test_whether_failures_are_billed():
    """As the policy of the provider says it, also where the settings overrule it."""
    own = {"openai": BillingPolicy(bill_on_failed=Billed.NO, failed_source="configuration")}

    assert billing("runwayml", Reason.MODERATION_OUTPUT, {}).startswith(
        "runwayml bills jobs that a"
    )
    assert billing("openai", Reason.TIMEOUT, own) == (
        "openai does not bill jobs that failed. (configuration)"
    )
    assert "possible spend" in billing("nobody-knows", None, {})
    assert billing("openai", Reason.NOT_SENT, {}) is None
