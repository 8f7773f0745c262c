"""What can be done about events that an exporter refused for good."""

import pytest

from vidobs.core.errors import LedgerMissingError, VidobsError
from vidobs.core.jobs import JobState
from vidobs.ledger import codec, dead_letters
from vidobs.ledger.dead_letters import Chosen, whole_ids
from vidobs.ledger.invariants import violations
from vidobs.ledger.sweeper import sweeping

ALL = Chosen()
AT_US = 1_795_000_100_000_000


@pytest.fixture
def letters(filled):
    """Bury the events of two jobs: all at one exporter, the first at another too."""
    filled.job()
    filled.job(JobState.FAILED)
    for exporter in ("webhook", "datadog"):
        filled.register(exporter)
    rows = [("webhook", seq, AT_US + seq, f"HTTP 400 for {seq}") for seq in (1, 2, 3, 4)]
    for row in [*rows, ("datadog", 1, AT_US + 9, "too large")]:
        filled.sql("INSERT INTO dead_letter VALUES (?, ?, ?, ?)", *row)
    return filled


@pytest.fixture
def path(letters):
    """Name the ledger; after the test it must be sound."""
    yield str(letters.path)
    assert violations(str(letters.path)) == ()


def event_id(filled, seq):
    """Return the id of an event."""
    return filled.sql("SELECT id FROM event WHERE seq = ?", seq)[0][0]


def left(filled):
    """Return what is among the dead letters, and what is asked for again."""
    return tuple(
        filled.sql(f"SELECT exporter, seq FROM {table} ORDER BY seq, exporter")  # noqa: S608
        for table in ("dead_letter", "replay")
    )


def test_they_are_listed_with_their_events(letters, path):
    """The one that was given up last comes first, with when and why."""
    found = dead_letters.dead_letters(path)

    assert [one.exporter for one in found] == ["datadog", *["webhook"] * 4]
    first = found[0]
    assert (first.at, first.error) == (codec.moment(AT_US + 9), "too large")
    assert (first.event.name, first.event.job.provider_job_id) == ("video.submitted", "v1")


def test_a_few_can_be_chosen(letters, path):
    """Of one exporter, of an id that begins so, and no more than asked for."""

    def told(**chosen):
        found = dead_letters.dead_letters(path, **chosen)
        return [(one.exporter, one.event.id) for one in found]

    first = event_id(letters, 1)
    assert told(exporter="datadog") == [("datadog", first)]
    assert told(prefix=first[:-1]) == [("datadog", first), ("webhook", first)]
    assert told(prefix=first, exporter="webhook") == [("webhook", first)]
    assert len(told(limit=2)) == 2
    assert told(prefix="*") == told(prefix="") == told(exporter="nobody") == []


def test_the_beginning_of_an_id_will_do(letters, path):
    """It must fit one event, at however many exporters that is dead."""
    first, second = event_id(letters, 1), event_id(letters, 3)

    assert whole_ids(path, [first[:-1].upper(), second], exporter=None) == (first, second)
    with pytest.raises(VidobsError, match=r"^'01a' fits 4 events: .*; give more of the id$"):
        whole_ids(path, ["01a"], exporter=None)
    with pytest.raises(VidobsError, match=r"no dead letter 'f'; `vidobs dead list` lists them"):
        whole_ids(path, ["f"], exporter=None)
    with pytest.raises(VidobsError, match="no dead letter"):
        whole_ids(path, [second], exporter="datadog")


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        (ALL, [("datadog", 1), ("webhook", 1), ("webhook", 2), ("webhook", 3), ("webhook", 4)]),
        (Chosen(exporter="datadog"), [("datadog", 1)]),
        (Chosen(exporter="nobody"), []),
        (Chosen(event_ids=()), []),
    ],
)
def test_letters_are_delivered_once_more(letters, path, chosen, places):
    """They are no dead letters any more, and stand beside the cursor of their exporter."""
    before, _ = left(letters)
    assert dead_letters.count(path, chosen) == len(places)

    with sweeping(path) as sweeper:
        assert dead_letters.replay(sweeper, chosen, AT_US) == len(places)

    assert left(letters) == ([one for one in before if one not in places], places)


def test_one_event_is_delivered_once_more(letters, path):
    """An event is asked for by its id, at every exporter or at one."""
    ids = (event_id(letters, 1),)

    with sweeping(path) as sweeper:
        one = Chosen(event_ids=ids, exporter="webhook")
        assert dead_letters.replay(sweeper, one, AT_US) == 1
        assert left(letters)[1] == [("webhook", 1)]
        assert dead_letters.replay(sweeper, Chosen(event_ids=ids), AT_US) == 1

    assert left(letters)[1] == [("datadog", 1), ("webhook", 1)]


def test_letters_are_purged(letters, path):
    """The letter goes, and the event stays with its job."""
    with sweeping(path) as sweeper:
        assert dead_letters.purge(sweeper, Chosen(exporter="webhook")) == 4

    assert left(letters) == ([("datadog", 1)], [])
    assert len(letters.audit.check().events) == 4


def test_many_are_worked_on_in_batches(letters, path, monkeypatch):
    """Others can write in between, and none is left out."""
    monkeypatch.setattr(dead_letters, "BATCH", 2)

    with sweeping(path) as sweeper:
        assert dead_letters.purge(sweeper, ALL) == 5

    assert left(letters) == ([], [])


def test_an_exporter_without_a_cursor_gets_one(letters, path):
    """What is asked for again must be found by the relay, however the cursor got lost."""
    letters.sql("DELETE FROM relay WHERE exporter = 'datadog'")

    with sweeping(path) as sweeper:
        dead_letters.replay(sweeper, Chosen(exporter="datadog"), AT_US)

    assert letters.sql("SELECT cursor FROM relay WHERE exporter = 'datadog'") == [(4,)]


def test_no_ledger_is_made(tmp_path):
    """Who looks after a ledger that is not there makes none."""
    path = tmp_path / "ledger.db"

    with pytest.raises(LedgerMissingError), sweeping(str(path)):
        pass

    assert not path.exists()
