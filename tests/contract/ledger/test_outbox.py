"""What a relay finds in the outbox, and what it leaves there."""

from datetime import timedelta

import pytest

from vidobs.core.errors import ExportError
from vidobs.core.jobs import JobState
from vidobs.core.protocols import Standing
from vidobs.ledger import codec

LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


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


@pytest.fixture
def outbox(backend):
    """Open an outbox that knows two exporters, before there is any event."""
    outbox = backend.outbox()
    outbox.register("first")
    outbox.register("second")
    return outbox


@pytest.fixture
def standing(outbox, now):
    """Lease an exporter for `me`, or another owner; return how it stands."""

    def standing(exporter="first", owner="me", at=now):
        return outbox.lease(exporter, owner, at + LEASE, at)

    return standing


def places(rows):
    """Return the places of rows."""
    return [row.seq for row in rows]


def ask(ledger, exporter, *seqs, now):
    """Ask for events once more, as `vidobs replay` does."""
    rows = [(exporter, seq, codec.us(now)) for seq in seqs]
    ledger.connection.executemany("INSERT INTO replay VALUES (?, ?, ?)", rows)


def test_events_are_read_in_the_order_of_commit(outbox, three):
    """Rows come oldest first behind a cursor, with the exporters they are for."""
    rows = outbox.read(0, 10)
    assert [row.event for row in rows] == list(three)
    assert {row.route for row in rows} == {"first,second"}
    assert [row.event for row in outbox.read(rows[0].seq, 1)] == [three[1]]


def test_an_exporter_starts_at_the_end(backend, three, now, ledger, make):
    """What was recorded before an exporter was configured is not for it."""
    outbox = backend.outbox()
    outbox.register("first")
    assert outbox.behind("first") == 0
    ledger.record(make.poll("video_2", JobState.QUEUED))
    assert outbox.behind("first") == 1
    outbox.register("first")
    assert outbox.behind("first") == 1
    standing = outbox.lease("first", "me", now + LEASE, now)
    assert len(outbox.read(standing.cursor, 10)) == 1


def test_an_exporter_that_was_never_registered_cannot_be_leased(standing):
    """There is no cursor to go on from."""
    assert standing("third") is None


def test_one_process_at_a_time_delivers(outbox, standing, three, now):
    """A lease keeps others away until it ends, and only its holder moves the cursor."""
    assert standing() == Standing(0)
    assert standing(owner="you") is None
    outbox.delivered("first", "you", 3, events=3, now=now)
    assert standing() == Standing(0)
    outbox.delivered("first", "me", 2, events=2, now=now)
    outbox.delivered("first", "me", 1, events=1, now=now)
    assert standing(owner="you", at=now + LEASE + SECOND) == Standing(2)


def test_a_lease_is_given_back_by_its_holder_alone(outbox, standing):
    """Each exporter is given back on its own; who does not hold it gives nothing back."""
    assert (standing("first"), standing("second")) == (Standing(0), Standing(0))
    outbox.release("first", "me")
    outbox.release("second", "you")
    assert standing("first", "you") == Standing(0)
    assert standing("second", "you") is None


def test_only_its_own_events_are_behind(outbox, three):
    """An exporter that no event is routed to has nothing to do, whatever its name begins with."""
    found = [outbox.behind(exporter) for exporter in ("first", "second", "sec", "third")]
    assert found == [3, 3, 0, 0]


def test_a_failure_is_known_to_whoever_tries_next(outbox, standing, three, now):
    """The number of failures, and when to try again, outlive the process that saw them."""
    standing()
    until = now + timedelta(seconds=4)
    outbox.failed("first", "me", "HTTP 500", failures=3, retry_at=until, now=now)
    outbox.release("first", "me")
    assert standing(owner="you") == Standing(0, failures=3, retry_at=until, failed_at=now)


def test_what_arrives_ends_the_failures(outbox, standing, three, now):
    """A delivery forgets them; rows that were passed over say nothing of the receiver."""
    standing()
    until = now + timedelta(seconds=4)
    outbox.failed("first", "me", "HTTP 500", failures=3, retry_at=until, now=now)
    outbox.delivered("first", "me", 1, events=0, now=now)
    assert standing() == Standing(1, failures=3, retry_at=until, failed_at=now)
    outbox.delivered("first", "me", 2, events=1, now=now)
    assert standing() == Standing(2)


def test_an_exporter_is_switched_off_for_all(outbox, standing):
    """Everybody sees the reason, and the other exporter is as it was."""
    standing()
    outbox.disable("first", "me", "the receiver answered 410", now=codec.EPOCH)
    assert standing(owner="me") == Standing(0, disabled="the receiver answered 410")
    assert standing("second") == Standing(0)


def test_who_lost_the_lease_changes_nothing(outbox, standing, three, ledger, now):
    """A process that was suspended for long finds that another one has gone on."""
    ask(ledger, "first", 1, now=now)
    standing()
    standing(owner="you", at=now + LEASE + SECOND)
    outbox.delivered("first", "me", 3, events=3, now=now)
    outbox.redelivered("first", "me", [1], events=1, now=now)
    outbox.failed("first", "me", "late", failures=9, retry_at=now, now=now)
    outbox.disable("first", "me", "late", now)
    outbox.release("first", "me")
    assert standing(owner="you", at=now + LEASE + SECOND) == Standing(0)
    assert places(outbox.asked_again("first", 10)) == [1]


def test_events_that_were_asked_for_again(outbox, standing, three, ledger, now):
    """They come oldest first, count as not delivered, and are gone once they arrived."""
    standing()
    outbox.delivered("first", "me", 3, events=3, now=now)
    ask(ledger, "first", 3, 1, 2, now=now)
    ask(ledger, "second", 2, now=now)
    assert [row.event for row in outbox.asked_again("first", 2)] == list(three[:2])
    assert (outbox.behind("first"), outbox.behind("second")) == (3, 4)

    outbox.redelivered("first", "me", [1, 2], events=2, now=now)

    assert places(outbox.asked_again("first", 10)) == [3]
    assert places(outbox.asked_again("second", 10)) == [2]
    assert outbox.behind("first") == 1


def test_what_arrives_again_ends_the_failures(outbox, standing, three, ledger, now):
    """An event that was asked for says as much of the receiver as any other."""
    standing()
    ask(ledger, "first", 1, 2, now=now)
    outbox.failed("first", "me", "HTTP 500", failures=3, retry_at=now, now=now)
    outbox.redelivered("first", "me", [1], events=0, now=now)
    assert standing() == Standing(0, failures=3, retry_at=now, failed_at=now)
    outbox.redelivered("first", "me", [2], events=1, now=now)
    assert standing() == Standing(0)


def test_deliveries_are_counted(outbox, standing, three, ledger, now):
    """The table adds up what every process did, and says when something happened last."""
    standing()
    outbox.failed("first", "me", "HTTP 500", failures=1, retry_at=now, now=now)
    outbox.delivered("first", "me", 3, events=2, now=now + SECOND)
    ask(ledger, "first", 1, now=now)
    outbox.redelivered("first", "me", [1], events=1, now=now + 2 * SECOND)
    row = ledger.connection.execute(
        "SELECT delivered, retried, error, failed_us, delivered_us FROM relay"
        " WHERE exporter = 'first'"
    ).fetchall()
    times = codec.us(now), codec.us(now + 2 * SECOND)
    assert row == [(3, 1, "HTTP 500", *times)]


def test_a_dead_letter_is_kept(outbox, three, now, ledger):
    """An event that cannot be delivered is kept with its error; a second try replaces the first."""
    row = outbox.read(0, 1)[0]
    for error in ("HTTP 400", "HTTP 413"):
        outbox.bury("first", row, error, now)
    kept = ledger.connection.execute("SELECT exporter, seq, error FROM dead_letter").fetchall()
    assert kept == [("first", row.seq, "HTTP 413")]


def test_a_dead_letter_is_not_asked_for_any_more(outbox, three, ledger, now):
    """An event that was asked for and refused again is dead for that exporter alone."""
    ask(ledger, "first", 1, 2, now=now)
    ask(ledger, "second", 1, now=now)
    outbox.bury("first", outbox.asked_again("first", 1)[0], "HTTP 400", now)
    assert places(outbox.asked_again("first", 10)) == [2]
    assert places(outbox.asked_again("second", 10)) == [1]


DAMAGES = {
    "no_json": "job = substr(job, 2)",
    "no_utf8": "job = CAST(X'7BFF' AS TEXT)",
    "no_job": "job = '{}'",
    "no_spans": "spans = '[1]'",
    "no_event": "name = 'viden.started'",
    "no_time": "at_us = 9223372036854775807",
    "no_id": "id = CAST(X'FF' AS TEXT)",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_event_does_not_hide_the_others(outbox, three, ledger, now, damage):
    """It has its place in the order; whoever wants the event is told that nobody can have it."""
    ledger.connection.execute(f"UPDATE event SET {DAMAGES[damage]} WHERE seq = 2")  # noqa: S608
    ask(ledger, "first", 2, 3, now=now)

    first, damaged, third = outbox.read(0, 10)

    assert (first.event, third.event) == (three[0], three[2])
    assert (damaged.seq, damaged.route) == (2, "first,second")
    with pytest.raises(ExportError, match="place 2 of the ledger cannot be read") as caught:
        _ = damaged.event
    assert caught.value.retryable is False
    assert places(outbox.asked_again("first", 10)) == [2, 3]
    outbox.bury("first", damaged, str(caught.value), now)
    assert places(outbox.asked_again("first", 10)) == [3]
    ledger.connection.execute(  # as it was, for the audit
        "UPDATE event SET (name, job, spans, at_us, id) ="
        " (SELECT 'video.started', job, spans, at_us, ? FROM event WHERE seq = 1) WHERE seq = 2",
        (three[1].id,),
    )
