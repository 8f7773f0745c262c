"""What a relay finds in the outbox."""

from datetime import timedelta

import pytest

from vidobs.core.jobs import JobState
from vidobs.ledger import codec


@pytest.fixture
def now(make):
    """Return the time on the clock."""
    return codec.moment(make.now_ns // 1000)


@pytest.fixture
def three(ledger, make):
    """Write three events; return them."""
    intent = make.job()
    ledger.intend(intent)
    events = ()
    for state in (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED):
        events += ledger.record(make.seen(intent, id="video_1", state=state)).events
    return events


def test_events_are_read_in_the_order_of_commit(backend, three):
    """Rows come oldest first behind a cursor, with the exporters they are for."""
    rows = backend.outbox().read(0, 10)
    assert [row.event for row in rows] == list(three)
    assert {row.route for row in rows} == {"first,second"}
    assert [row.event for row in backend.outbox().read(rows[0].seq, 1)] == [three[1]]


def test_an_exporter_starts_at_the_end(backend, three, now, ledger, make):
    """What was recorded before an exporter was configured is not for it."""
    outbox = backend.outbox()
    outbox.register("first")
    assert outbox.behind("first") == 0
    ledger.record(make.poll("video_2", JobState.QUEUED))
    assert outbox.behind("first") == 1
    cursor = outbox.lease("first", "me", now + timedelta(seconds=30), now)
    assert len(outbox.read(cursor, 10)) == 1


def test_one_process_at_a_time_delivers(backend, now):
    """A lease keeps others away until it ends, and only its holder moves the cursor."""
    outbox = backend.outbox()
    outbox.register("first")
    later = now + timedelta(seconds=30)
    assert outbox.lease("first", "me", later, now) == 0
    assert outbox.lease("first", "you", later, now) is None
    outbox.delivered("first", "you", 7)
    assert outbox.lease("first", "me", later, now) == 0
    outbox.delivered("first", "me", 5)
    outbox.delivered("first", "me", 3)
    after = later + timedelta(seconds=1)
    assert outbox.lease("first", "you", after + timedelta(seconds=30), after) == 5


def test_leases_are_given_back_together(backend, now):
    """A process that ends leaves nothing leased."""
    outbox = backend.outbox()
    later = now + timedelta(seconds=30)
    for exporter in ("first", "second"):
        outbox.register(exporter)
        outbox.lease(exporter, "me", later, now)
    outbox.release("me")
    assert [outbox.lease(exporter, "you", later, now) for exporter in ("first", "second")] == [0, 0]


def test_only_its_own_events_are_behind(backend, three):
    """An exporter that no event is routed to has nothing to do, and one unknown so far all."""
    outbox = backend.outbox()
    assert (outbox.behind("second"), outbox.behind("sec"), outbox.behind("third")) == (3, 0, 0)


def test_a_dead_letter_is_kept(backend, three, now, ledger):
    """An event that cannot be delivered is kept with its error; a second try replaces the first."""
    outbox = backend.outbox()
    row = outbox.read(0, 1)[0]
    for error in ("HTTP 400", "HTTP 413"):
        outbox.bury("first", row, error, now)
    kept = ledger.connection.execute("SELECT exporter, seq, error FROM dead_letter").fetchall()
    assert kept == [("first", row.seq, "HTTP 413")]
