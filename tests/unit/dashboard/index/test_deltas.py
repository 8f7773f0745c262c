from hypothesis import given
from hypothesis import strategies as st

from vidobs.dashboard.index import deltas
from vidobs.dashboard.index.answers import Outcome
from vidobs.dashboard.index.deltas import Deltas
from vidobs.dashboard.index.documents import remains
from vidobs.dashboard.index.facts import Entry, Facts, dump, load
from vidobs.dashboard.index.fingerprints import Failing
from vidobs.dashboard.index.periods import HOUR_US, Grain, day_of, month_of

HOUR = 500_000  # in January 2027
AMOUNTS = st.none() | st.integers(min_value=-(10**9), max_value=10**12)
NAMES = st.none() | st.sampled_from(["a", "b"])
ENTRIES = st.builds(
    Entry,
    at_us=st.integers(min_value=HOUR * HOUR_US, max_value=(HOUR + 2000) * HOUR_US),
    provider=st.sampled_from(["openai", "azure"]),
    model=NAMES,
    user=NAMES,
    usd=AMOUNTS,
    possible=AMOUNTS,
    video_us=AMOUNTS,
)
FACTS = st.builds(
    Facts,
    outcome=st.sampled_from([outcome.value for outcome in Outcome]),
    provider=st.sampled_from(["openai", "azure"]),
    model=NAMES,
    user=NAMES,
    tags=st.sampled_from([(), ("team=a",), ("team=a", "app=b")]),
    asked_us=st.integers(min_value=0, max_value=10**8),
    quoted=AMOUNTS,
    billed=AMOUNTS,
    created_hour=st.integers(min_value=HOUR, max_value=HOUR + 2000),
    queue=st.none() | st.integers(min_value=0, max_value=300),
    total=st.none() | st.integers(min_value=0, max_value=300),
    failing=st.none()
    | st.builds(
        Failing,
        provider=st.just("openai"),
        model=NAMES,
        reason=st.none(),
        code=NAMES,
        message=st.none(),
    ),
    usd=AMOUNTS,
    entries=st.lists(ENTRIES, max_size=3).map(tuple),
)


def moved(found):
    """Return every sum that is not nothing."""
    tables = (found.sums, found.shares, found.phases, found.failed)
    return [{key: values for key, values in table.items() if any(values)} for table in tables]


@given(FACTS, FACTS)
def test_what_was_put_in_comes_out_again(one, other):
    """A change and its way back leave nothing, by hour, day and month."""
    found = Deltas()
    found.change(None, one)
    found.change(one, other)
    found.change(other, None)
    found.roll()

    assert moved(found) == [{}, {}, {}, {}]
    assert not any(found.groups.values())


@given(FACTS, FACTS)
def test_a_change_is_the_new_less_the_old(one, other):
    """Moving a contribution is the same as never having had the old one."""
    through, direct = Deltas(), Deltas()
    through.change(None, one)
    through.change(one, other)
    direct.change(None, other)
    through.roll()
    direct.roll()

    assert moved(through) == moved(direct)


@given(FACTS)
def test_what_does_not_change_moves_nothing(facts):
    """A poll that brought nothing that the sums hold costs no write."""
    found = Deltas()
    found.change(facts, load(dump(facts)))

    assert not found.sums
    assert not found.shares


@given(st.lists(FACTS, max_size=5))
def test_days_and_months_hold_what_their_hours_do(several):
    """The sum over the hours is that over the days, and that over the months."""
    found = Deltas()
    for facts in several:
        found.change(None, facts)
    found.roll()

    by = {
        grain: [sum(column) for column in zip(*rows, strict=True)]
        for grain in Grain
        if (rows := [values for key, values in found.sums.items() if key[0] is grain])
    }
    assert all(sums == by[Grain.HOUR] for sums in by.values())
    for (grain, start, *key), values in found.sums.items():
        if grain is Grain.HOUR and any(values):
            assert (Grain.DAY, day_of(start), *key) in found.sums
            assert (Grain.MONTH, month_of(day_of(start)), *key) in found.sums


def test_money_counts_when_it_was_booked():
    """A job of one hour whose cost is corrected a day later: two hours, one job, one settlement."""
    entries = (
        Entry(HOUR * HOUR_US, "openai", "sora-2", "ada", 800, None, 8_000_000),
        Entry((HOUR + 24) * HOUR_US, "openai", "sora-2", "ada", -300, None, None),
    )
    found = Deltas()
    found.change(
        None,
        Facts("completed", "openai", "sora-2", "ada", created_hour=HOUR - 1, entries=entries),
    )

    def of(hour):
        return found.sums[Grain.HOUR, hour, "openai", "sora-2", "completed"]

    assert of(HOUR - 1)[deltas.JOBS] == 1
    assert of(HOUR)[deltas.SETTLED : deltas.POSSIBLE] == [1, 800]
    assert of(HOUR + 24)[deltas.SETTLED : deltas.POSSIBLE] == [0, -300]


@given(FACTS, st.lists(ENTRIES, min_size=1, max_size=3))
def test_what_remains_of_a_job_is_nobodys(facts, entries):
    """Of a deleted job its money stays, and no tag, prompt or error text; twice is as once."""
    left = remains(facts, entries)

    assert (left.tags, left.failing, left.prompt) == ((), None, 0)
    assert left.entries == tuple(entries)
    assert left.user == entries[0].user
    assert remains(left, entries) == left


def test_nothing_remains_without_money():
    """The row of a job that was folded into another one has no spend, and leaves nothing."""
    assert remains(Facts("queued", "openai"), ()) is None


def test_a_job_that_was_never_seen_is_told_by_its_money():
    """Only a finished video has seconds; of another job nobody knows any more how it ended."""
    made = Entry(HOUR * HOUR_US, "openai", "sora-2", "ada", 800, None, 8_000_000)
    lost = Entry(HOUR * HOUR_US, "openai", "sora-2", "ada", 0, 800, None, released=True)

    assert remains(None, [made]).outcome == Outcome.COMPLETED
    assert remains(None, [lost]).outcome == Outcome.DELETED
    assert remains(None, [made]).created_hour == HOUR
