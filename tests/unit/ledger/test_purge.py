"""What is taken out of a ledger again, and what stays true."""

from decimal import Decimal

import pytest

from vidobs.core.calls import NOBODY
from vidobs.core.content import detail_without_content
from vidobs.core.events import EventName
from vidobs.core.jobs import JobState
from vidobs.ledger import codec, sweeper
from vidobs.ledger.database import open_writer
from vidobs.ledger.invariants import violations
from vidobs.ledger.reader import LedgerReader
from vidobs.ledger.sweeper import Sweeper, count
from vidobs.ledger.sweeps import Content, Found, OldJobs, Person, Spender

END = 2**63 - 1
Q, C, F, R, U = (
    JobState.QUEUED,
    JobState.COMPLETED,
    JobState.FAILED,
    JobState.IN_PROGRESS,
    JobState.UNKNOWN,
)


@pytest.fixture
def sweeping(filled):
    """Sweep over a connection of its own."""
    connection = open_writer(str(filled.path))
    yield Sweeper(str(filled.path), connection)
    connection.close()


@pytest.fixture
def sweep(filled, sweeping):
    """Run a sweep over the file; what is left passes the check."""

    def sweep(what):
        swept = sweeping.run(what)
        sweeping.rewrite()
        assert sweeping.cut_log()
        assert violations(str(filled.path)) == ()
        return swept.jobs, swept.events

    return sweep


@pytest.fixture
def horizon(filled):
    """Return a place between what was written so far and what comes a day later."""
    return lambda: codec.seq_at(codec.moment(filled.make.now_ns // 1000)) + (1 << 30)


def spent(filled):
    """Return the total, and the spend by user."""
    reader = LedgerReader(str(filled.path))
    spend = reader.spend("user")
    reader.close()
    return spend.total_usd, {row.key: row.usd for row in spend.rows}


def raw(filled):
    """Return every byte of the file and of its write-ahead log."""
    files = (filled.path, filled.path.with_name("ledger.db-wal"))
    return b"".join(file.read_bytes() for file in files)


def test_old_jobs_go_with_their_events_and_their_cost_stays(filled, sweep, horizon):
    """Jobs that ended before the time are gone, younger ones are not, and the spend is the same."""
    filled.job(user="ada")
    filled.job(F, user="ada")
    before = horizon()
    filled.days(1)
    filled.job(user="bob")
    spend = spent(filled)

    assert sweep(OldJobs(before)) == (2, 4)
    assert filled.ids == ["v3"]
    assert [name for _, _, name, _ in filled.audit.events] == ["video.submitted", "video.completed"]
    assert spent(filled) == spend
    assert spend[0] == Decimal("1.6")


def test_spend_by_tag_keeps_the_total_without_the_tags(filled, sweep, horizon):
    """The tags of a deleted job are gone; what it cost stands under no tag."""
    filled.job(tags={"team": "film"})
    before = horizon()
    filled.days(1)
    filled.job(tags={"team": "film"})
    sweep(OldJobs(before))

    reader = LedgerReader(str(filled.path))
    rows = {row.key: row.usd for row in reader.spend("tag").rows}
    reader.close()
    assert rows == {"team=film": Decimal("0.8"), None: Decimal("0.8")}


@pytest.mark.parametrize("state", [Q, R, U])
def test_what_has_not_ended_stays(filled, sweep, horizon, state):
    """However old it is, a job that may still cost something is kept."""
    if state is U:
        intent = filled.make.job()
        filled.ledger.intend(intent)
        filled.ledger.record(filled.make.seen(intent, state=U))
    else:
        filled.job(state)
    before = horizon()
    filled.days(400)
    filled.job()

    assert sweep(OldJobs(before)) == (0, 0)
    assert [row.state for row in filled.audit.rows] == [state, C]


def test_the_newest_event_stays(filled, sweep):
    """Its place is never given away again: an exporter at the end sees the next event."""
    filled.job()
    filled.job()
    filled.register("webhook")
    (end,) = filled.sql("SELECT cursor FROM relay")[0]

    assert sweep(OldJobs(END)) == (1, 2)
    filled.job(Q)

    assert filled.ids == ["v2", "v3"]
    assert filled.audit.events[-1][0] > end


@pytest.mark.parametrize(("undelivered", "left"), [(False, ["v1", "v2", "v4"]), (True, ["v4"])])
def test_events_that_an_exporter_waits_for_stay(filled, sweep, undelivered, left):
    """A job goes when every registered exporter had all its events, unless one does not care."""
    filled.job()
    filled.register("webhook", cursor=1)  # it had the first of the job's two
    filled.job()
    filled.ledger.route = "other"  # events that are not for the webhook
    filled.job()
    filled.job()
    filled.register("other")

    sweep(OldJobs(END, undelivered=undelivered))

    assert filled.ids == left


@pytest.mark.parametrize(("undelivered", "left"), [(False, ["v2", "v3"]), (True, ["v3"])])
def test_events_that_are_asked_for_again_stay(filled, sweep, undelivered, left):
    """A job of which an exporter is to get something once more stays, unless told otherwise."""
    for _ in range(3):
        filled.job()
    filled.register("webhook")
    filled.sql("INSERT INTO replay VALUES ('webhook', 3, 0)")

    sweep(OldJobs(END, undelivered=undelivered))

    assert filled.ids == left
    assert len(filled.sql("SELECT * FROM replay")) == (not undelivered)
    assert violations(str(filled.path)) == ()


def test_dead_letters_go_with_their_events(filled, sweep, horizon):
    """What could never be delivered is no reason to keep a job, and leaves nothing behind."""
    filled.job()
    before = horizon()
    filled.days(1)
    filled.job()
    for seq in (1, 3):
        filled.sql("INSERT INTO dead_letter VALUES ('webhook', ?, 0, 'refused')", seq)
    filled.register("webhook")

    sweep(OldJobs(before))

    assert filled.sql("SELECT seq FROM dead_letter") == [(3,)]


def test_a_job_that_changed_meanwhile_is_left(filled):
    """Between looking and deleting another process may touch a job: then it stays as it is."""
    job = filled.job()
    filled.job()
    connection = filled.ledger.connection
    (found,) = OldJobs(END).find(connection, 0, 9).found
    filled.poll(job, failure="APIError: late")

    assert not OldJobs(END).apply(connection, found)
    assert not Content(END).apply(connection, found)
    assert not Content(END).apply(connection, Found(seq=1))
    assert filled.ids == ["v1", "v2"]


def test_what_was_missed_is_done_in_another_pass(filled, sweeping):
    """A row that changed between looking and working is looked at again."""

    class Late(Content):
        misses = 1

        def apply(self, connection, found):
            self.misses -= 1
            return self.misses < 0 and super().apply(connection, found)

    filled.job()

    swept = sweeping.run(Late(END))

    assert (swept.jobs, swept.missed) == (1, 0)


def test_a_process_that_knew_a_purged_job_goes_on(filled, sweep):
    """Its next answer of the job finds nothing and is nobody's; it does not fail."""
    job = filled.job()
    filled.job()
    sweep(OldJobs(END))

    assert filled.poll(job, failure="APIError: late") is None


def test_batches_cover_everything(filled, sweep, monkeypatch):
    """However small the batches are, nothing is left out, and nothing counted twice."""
    monkeypatch.setattr(sweeper, "BATCH", 2)
    for _ in range(8):
        filled.job()

    assert count(filled.ledger.connection, OldJobs(END)).jobs == 7
    assert sweep(OldJobs(END)) == (7, 14)


def test_content_goes_and_the_rest_stays(filled, sweep, horizon):
    """Prompts, hashes and error texts are gone from job, events and the file; facts are not."""
    done = filled.job(user="ada", tags={"team": "film"})
    filled.poll(done, failure="APIConnectionError: the secret was lost")
    failed = filled.job(F)
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 1, 0, 'the secret was refused')")
    before = horizon()
    filled.days(1)
    young = filled.job()
    spend = spent(filled)

    assert sweep(Content(before)) == (2, 5)

    old, blocked, kept = (row.job for row in filled.audit.rows)
    assert (old.prompt, old.prompt_hash, old.request_hash) == (None, None, None)
    assert (blocked.error.code, blocked.error.message) == ("moderation_blocked", None)
    assert (old.user, old.tags, old.cost) == ("ada", {"team": "film"}, done.cost)
    assert (blocked.reason, kept) == (failed.reason, young)
    details = [detail for (detail,) in filled.sql("SELECT detail FROM event WHERE detail NOTNULL")]
    assert details == ["APIConnectionError"]
    assert filled.sql("SELECT count(*) FROM job WHERE prompt_hash NOTNULL") == [(1,)]
    assert filled.sql("SELECT error FROM dead_letter") == [("",)]
    assert raw(filled).count(b"secret") == 3  # of the young job and its two events
    assert spent(filled) == spend
    assert sweep(Content(before)) == (0, 0)


def test_a_process_does_not_bring_content_back(filled, sweep):
    """What another process remembers of a job is not written back after the content went."""
    job = filled.job(R)
    sweep(Content(END))

    filled.poll(job, state=C)

    assert b"secret" not in raw(filled)
    assert filled.audit.check().rows[0].state == C


def test_a_person_is_erased(filled, sweep):
    """Name, tags and content of one user are gone from every place, and nobody else's."""
    filled.job(user="ada-l", tags={"client": "babbage"})
    filled.job(Q, user="ada-l")
    filled.job(user="ada")
    total, _ = spent(filled)

    assert sweep(Person("ada-l", END)) == (2, 3)

    gone, running, other = (row.job for row in filled.audit.rows)
    assert (gone.attribution, running.attribution, other.user) == (NOBODY, NOBODY, "ada")
    assert other.prompt == "a secret prompt"
    assert b"ada-l" not in raw(filled)
    assert b"babbage" not in raw(filled)
    assert spent(filled) == (total, {"ada": Decimal("0.8"), None: Decimal("0.8")})
    filled.poll(running, state=C)
    assert b"ada-l" not in raw(filled)


def test_a_person_is_erased_from_the_spend_of_deleted_jobs(filled, sweep):
    """The entries that outlive their jobs lose the name, not the money."""
    filled.job(user="ada")
    filled.job(user="bob")
    sweep(OldJobs(END))

    assert sweep(Spender("ada", END)) == (1, 0)
    assert spent(filled) == (Decimal("1.6"), {"bob": Decimal("0.8"), None: Decimal("0.8")})


def test_a_reader_keeps_the_log(filled, sweeping):
    """While somebody reads, older pages stay in the write-ahead log, and that is said."""
    filled.job()
    reader = LedgerReader(str(filled.path))
    reader._connection.execute("BEGIN")
    reader._connection.execute("SELECT * FROM job").fetchone()
    sweeping.run(Content(END))
    assert not sweeping.cut_log()
    reader.close()


@pytest.mark.parametrize(
    ("name", "detail", "kept"),
    [
        (EventName.CALL_FAILED, "openai.APIError: no", "openai.APIError"),
        (EventName.CALL_FAILED, "APIError", "APIError"),
        (EventName.CALL_FAILED, "a prompt: red", None),
        (EventName.CALL_FAILED, None, None),
        (EventName.MISMATCH, "seconds: 8, got 7", "seconds: 8, got 7"),
    ],
)
def test_of_an_error_its_type_stays(name, detail, kept):
    """The type of an exception is no content; anything that is not clearly a type goes."""
    assert detail_without_content(name, detail) == kept
