"""What a person does about an exporter: send the past again, switch it on, forget it."""

from datetime import timedelta

import pytest

from vidobs.core.errors import VidobsError
from vidobs.core.reports import Forgotten
from vidobs.ledger import codec, exporters
from vidobs.ledger.exporters import Past
from vidobs.ledger.invariants import violations
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.sweeper import sweeping

HOUR = timedelta(hours=1)


@pytest.fixture
def sweeper(filled):
    """Work on the file as the command line does; after the test it must be sound."""
    with sweeping(str(filled.path)) as sweeper:
        yield sweeper
    assert violations(str(filled.path)) == ()


def now(filled):
    """Return the time on the clock."""
    return codec.moment(filled.make.now_ns // 1000)


@pytest.fixture
def three_days(filled):
    """Make one job a day, the second of which is not for the webhook; return when each began."""
    days = []
    for route in ("webhook", "datadog", "webhook,datadog"):
        filled.ledger.route = route
        days.append(now(filled))
        filled.job()
        filled.days(1)
    filled.register("webhook")
    return days


def asked(filled):
    """Return what is asked for again."""
    return filled.sql("SELECT exporter, seq FROM replay ORDER BY 1, 2")


@pytest.mark.parametrize(
    ("first", "last", "every", "places"),
    [
        (0, None, False, [1, 2, 5, 6]),
        (1, None, False, [5, 6]),
        (1, None, True, [3, 4, 5, 6]),
        (0, 1, True, [1, 2]),
        (1, 2, False, []),
    ],
)
def test_the_past_is_sent_again(filled, sweeper, three_days, *, first, last, every, places):
    """From a time, to a time, and of every event or those that were for the exporter."""
    until = None if last is None else three_days[last]
    past = Past(exporter="webhook", since=three_days[first], until=until, every=every)
    assert exporters.count(sweeper, past) == len(places)
    assert asked(filled) == []

    assert exporters.replay(sweeper, past, now(filled)) == len(places)

    assert asked(filled) == [("webhook", place) for place in places]


@pytest.mark.parametrize("every", [False, True])
def test_what_waits_anyway_is_not_sent_twice(filled, sweeper, three_days, every):
    """Events behind the cursor come by themselves; those that were never for it do not."""
    filled.sql("UPDATE relay SET cursor = 1")
    past = Past(exporter="webhook", since=codec.EPOCH, every=every)

    exporters.replay(sweeper, past, now(filled))

    assert asked(filled) == [("webhook", place) for place in ([1, 3, 4] if every else [1])]


def test_who_never_had_anything_can_be_given_the_past(filled, sweeper, three_days):
    """A new exporter starts at the end of the outbox, and gets what was before by name."""
    past = Past(exporter="new", since=codec.EPOCH, every=True)
    assert exporters.count(sweeper, past) == 6

    assert exporters.replay(sweeper, past, now(filled)) == 6

    outbox = SqliteOutbox(str(filled.path), filled.ledger.connection, filled.ledger.lock)
    assert outbox.behind("new") == 6
    assert [row.seq for row in outbox.asked_again("new", 10)] == [1, 2, 3, 4, 5, 6]


def test_a_dead_letter_that_is_sent_again_is_none_any_more(filled, sweeper, three_days):
    """It is where it can be delivered, and not counted as given up as well."""
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 1, 0, 'no'), ('datadog', 1, 0, 'no')")

    exporters.replay(sweeper, Past(exporter="webhook", since=codec.EPOCH), now(filled))

    assert filled.sql("SELECT exporter FROM dead_letter") == [("datadog",)]


def test_sending_the_past_again_twice_asks_once(filled, sweeper, three_days):
    """An event that is asked for already is not asked for twice."""
    past = Past(exporter="webhook", since=codec.EPOCH)
    exporters.replay(sweeper, past, now(filled))
    exporters.replay(sweeper, past, now(filled))

    assert len(asked(filled)) == 4


def test_a_long_past_is_looked_through_in_windows(filled, sweeper, three_days, monkeypatch):
    """Others can write in between, and nothing is left out or looked at twice."""
    monkeypatch.setattr(exporters, "WINDOW", 2)
    past = Past(exporter="webhook", since=codec.EPOCH, every=True)

    assert exporters.replay(sweeper, past, now(filled)) == 6


def test_an_event_that_was_late_is_found(filled, sweeper, three_days):
    """One that had to wait for a busy file lies behind younger ones, and counts by its own time."""
    since = three_days[2]
    late = codec.us(since - HOUR / 2), codec.us(since + HOUR / 2)
    filled.sql("UPDATE event SET at_us = ? WHERE seq = 5", late[0])
    filled.sql("UPDATE event SET at_us = ? WHERE seq = 4", late[1])

    assert exporters.count(sweeper, Past(exporter="webhook", since=since, every=True)) == 2


def test_an_exporter_is_switched_on_again(filled, sweeper):
    """It is tried at once, whatever the last failure asked for; the counts stay."""
    filled.register("webhook", cursor=0)
    assert exporters.enable(sweeper, "webhook") is False
    filled.sql(
        "UPDATE relay SET disabled = 'gone', failures = 9, retry_at_us = 77, retried = 12,"
        " error = 'HTTP 410'"
    )

    assert exporters.enable(sweeper, "webhook") is True

    columns = "disabled, failures, retry_at_us, retried, error"
    assert filled.sql(f"SELECT {columns} FROM relay") == [  # noqa: S608 - columns of this file
        (None, 0, None, 12, "HTTP 410")
    ]
    assert exporters.enable(sweeper, "nobody") is False


def test_an_exporter_is_forgotten(filled, sweeper):
    """Everything about it goes and is counted; events, jobs and other exporters stay."""
    filled.ledger.route = "webhook,datadog"
    filled.job()
    filled.job()
    for exporter in ("webhook", "datadog"):
        filled.register(exporter, cursor=1)
        filled.sql("INSERT INTO replay VALUES (?, 1, 0)", exporter)
        filled.sql("INSERT INTO dropped VALUES (?, 'age', 5)", exporter)
        filled.sql(
            "INSERT INTO dead_letter VALUES (?, 2, 0, 'no'), (?, 3, 0, 'no')", *[exporter] * 2
        )

    found = exporters.forget(sweeper, "webhook", now(filled))

    assert found == Forgotten(exporter="webhook", waiting=3, asked_again=1, dead_letters=2)
    for table in ("relay", "replay", "dropped", "dead_letter"):
        left = filled.sql(f"SELECT DISTINCT exporter FROM {table}")  # noqa: S608 - see above
        assert left == [("datadog",)]
    assert len(filled.audit.check().events) == 4


def test_an_exporter_that_somebody_delivers_to_is_not_forgotten(filled, sweeper):
    """The message says who does; once the lease has ended it can be done."""
    filled.register("webhook", cursor=0)
    filled.sql(
        "UPDATE relay SET owner = 'host:7:ab', leased_until_us = ?", filled.make.now_ns // 1000
    )

    with pytest.raises(VidobsError, match=r"^host:7:ab delivers to webhook now; take it out"):
        exporters.forget(sweeper, "webhook", now(filled))
    filled.make.tick(1)

    assert exporters.forget(sweeper, "webhook", now(filled)).waiting == 0
    assert filled.sql("SELECT * FROM relay") == []
