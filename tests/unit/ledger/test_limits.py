"""What becomes of events that wait for too long, or when too many do."""

import json
from contextlib import closing

import pytest
from ledger_kit import RULES

from vidobs.core.errors import LedgerBusyError
from vidobs.core.events import TERMINAL_EVENTS
from vidobs.core.jobs import JobState
from vidobs.core.reports import DropReason
from vidobs.ledger import codec, limits
from vidobs.ledger.database import MEMORY, open_writer
from vidobs.ledger.invariants import violations
from vidobs.ledger.lock import WriteLock
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.sweeper import Sweeper
from vidobs.runtime import outbox_limits
from vidobs.runtime.outbox_limits import EVERY_S, PAUSE_S, OutboxLimits, said
from vidobs.runtime.store import LedgerStore

C, F, Q = JobState.COMPLETED, JobState.FAILED, JobState.QUEUED
AGE, BYTES, DEAD_LETTER = DropReason.AGE, DropReason.BYTES, DropReason.DEAD_LETTER
PLENTY = 10**12


class Process:
    """A process that keeps the limits of a file."""

    def __init__(self, filled, **wanted) -> None:
        path = str(filled.path)
        self.connection = open_writer(path)
        self.told = []
        wanted = {"max_bytes": PLENTY, "max_days": 14, **wanted}
        self.limits = OutboxLimits(tell=lambda dropped: self.told.append(dict(dropped)), **wanted)
        self.lock = WriteLock(path, self.connection)
        self._sweeper = Sweeper(path, self.connection, self.lock)
        self._filled = filled
        self.now_s = 0.0

    def step(self, after_s=0.0):
        """Let time pass, and go on if it is due; return whether it was."""
        self.now_s += after_s
        self._filled.make.tick(after_s)
        if self.now_s < self.limits.due:
            return False
        now = codec.moment(self._filled.make.now_ns // 1000)
        self.limits.step(self._sweeper, self.now_s, now)
        return True

    def round(self):
        """Do a whole round, and return what it said."""
        self.step(after_s=EVERY_S)
        while self.limits.due - self.now_s < EVERY_S:
            self.step(after_s=PAUSE_S)
        return self.told[-1] if self.told else {}


@pytest.fixture
def process(filled):
    """Start processes; after each test the ledger must be sound."""
    started = []

    def process(**wanted):
        started.append(Process(filled, **wanted))
        return started[-1]

    yield process
    for one in started:
        one.connection.close()
    assert violations(str(filled.path)) == ()


def rows(filled):
    """Return the names and routes of all events, oldest first."""
    return filled.sql("SELECT replace(name, 'video.', ''), route FROM event ORDER BY seq")


def weight(filled, *names):
    """Return what the waiting events of some names take."""
    ((taken,),) = filled.sql(
        "SELECT sum(octet_length(job) + ifnull(octet_length(spans), 0)"
        " + ifnull(octet_length(detail), 0)) FROM event"
        " WHERE route <> '' AND replace(name, 'video.', '') IN (SELECT value FROM json_each(?))",
        json.dumps(names),
    )
    return taken or 0


def test_nothing_goes_that_is_young(filled, process):
    """Within the days everything waits, and nothing is said."""
    filled.register("webhook", cursor=0)
    filled.job()
    filled.days(13)
    filled.job(Q)

    assert process().round() == {}

    assert [route for _, route in rows(filled)] == ["webhook"] * 3


def test_old_events_go_and_the_end_of_a_job_waits_twice_as_long(filled, process):
    """After the days the way of a job is dropped, and after twice the days what it came to."""
    filled.register("webhook", cursor=0)
    filled.job()
    filled.days(15)
    filled.job(Q)
    keeper = process()

    assert keeper.round() == {("webhook", AGE): 1}
    assert rows(filled) == [("completed", "webhook"), ("submitted", "webhook")]
    filled.days(14)
    assert keeper.round() == {("webhook", AGE): 2}

    assert rows(filled) == [("completed", ""), ("submitted", "")]
    assert filled.sql("SELECT * FROM dropped") == [("webhook", "age", 3)]
    assert filled.audit.check().settlements == 1


def test_never_means_never(filled, process):
    """Without days nothing is too old, whatever it is."""
    filled.register("webhook", cursor=0)
    filled.job()
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 1, 0, 'no')")
    filled.days(4000)

    assert process(max_days=None).round() == {}


def test_what_was_delivered_is_not_dropped(filled, process):
    """Old events that nobody waits for are no backlog; retention looks after them."""
    filled.job()
    filled.job()
    filled.register("webhook")
    filled.days(100)

    assert process().round() == {}

    assert len(rows(filled)) == 4


def test_each_exporter_loses_what_it_has_not_had(filled, process):
    """One that delivered is not told of, and keeps its place in the route."""
    filled.ledger.route = "jsonl,webhook"
    filled.job()
    filled.job(Q)
    filled.register("jsonl", cursor=1)
    filled.register("webhook", cursor=0)
    filled.days(15)

    assert process().round() == {("webhook", AGE): 2, ("jsonl", AGE): 1}

    assert rows(filled) == [("completed", "jsonl,webhook"), ("submitted", "")]


def test_an_exporter_that_nobody_has_any_more_is_bounded_too(filled, process):
    """Its events wait like any other's; one that was never registered waits for nothing."""
    filled.ledger.route = "removed,unborn"
    filled.register("removed", cursor=0)
    filled.job(Q)
    filled.job(Q)
    filled.days(15)

    assert process().round() == {("removed", AGE): 2}

    assert rows(filled) == [("submitted", "unborn")]


@pytest.mark.parametrize(
    "wish",
    [
        "INSERT INTO replay VALUES ('jsonl', 1, 9223372036854775807)",
        "INSERT INTO dead_letter VALUES ('jsonl', 1, 9223372036854775807, 'no')",
    ],
)
def test_what_somebody_may_still_ask_for_keeps_its_row(filled, process, wish):
    """An event among the dead letters, or asked for once more, is dropped for the others alone."""
    filled.register("webhook", cursor=0)
    filled.register("jsonl", cursor=0)
    filled.job()
    filled.sql(wish)
    filled.days(15)

    assert process().round() == {("webhook", AGE): 1}

    assert rows(filled) == [("submitted", ""), ("completed", "webhook")]


def test_the_file_stops_growing(filled, process):
    """What is dropped leaves room in the file, and in the job that listed it."""
    filled.register("webhook", cursor=0)
    jobs = [filled.job() for _ in range(3)]
    for job in jobs:
        filled.poll(job, download=True)
    filled.days(15)

    process().round()

    listed = filled.sql("SELECT events FROM job ORDER BY seq")
    assert listed == [(",2",), (",4",), (",6,9",)]  # the newest event of all keeps its place
    filled.poll(jobs[0], download=True, failure="ReadTimeout: cut off")
    assert filled.sql("SELECT events FROM job ORDER BY seq LIMIT 1") == [(",2,10",)]


def test_events_that_came_from_another_row_of_the_job_are_found(filled, process):
    """Where two rows became one, an event is listed under another id than its own."""
    filled.register("webhook", cursor=0)
    filled.job(Q)
    filled.sql("UPDATE job SET seq = seq - 100")
    filled.job(Q)
    filled.days(15)

    assert process().round() == {("webhook", AGE): 2}

    assert filled.sql("SELECT events FROM job WHERE provider_job_id = 'v1'") == [("",)]


def test_an_event_that_no_job_is_found_for_keeps_its_row(filled, process):
    """Better an event too many than one that is listed and not there."""
    filled.register("webhook", cursor=0)
    filled.job(Q)
    filled.sql("UPDATE job SET seq = seq - 100, provider_job_id = 'x'")
    filled.sql("UPDATE job SET doc = json_set(doc, '$.provider_job_id', 'x')")
    filled.job(Q)
    filled.days(15)

    assert process().round() == {("webhook", AGE): 2}

    assert rows(filled) == [("submitted", ""), ("submitted", "")]


def test_a_relay_goes_on_with_what_is_left(filled, process):
    """Behind its cursor an exporter finds the events that were not dropped."""
    filled.register("webhook", cursor=0)
    filled.job()
    filled.job(F)
    filled.days(15)
    process().round()
    outbox = SqliteOutbox(str(filled.path), filled.ledger.connection, filled.ledger.lock)

    left = outbox.read(0, 10)

    assert [(row.event.name.value, row.route) for row in left] == [
        ("video.completed", "webhook"),
        ("video.failed", "webhook"),
    ]
    assert outbox.behind("webhook") == 2


def test_the_oldest_go_when_too_many_wait(filled, process):
    """As many as need be, and none that ends a job while others are left."""
    filled.register("webhook", cursor=0)
    for _ in range(6):
        filled.job()
    most = weight(filled, "completed") + weight(filled, "submitted") // 2

    assert process(max_bytes=most).round() == {("webhook", BYTES): 3}

    assert [name for name, _ in rows(filled)].count("submitted") == 3
    assert rows(filled)[:4] == [("completed", "webhook")] * 3 + [("submitted", "webhook")]
    assert weight(filled, "submitted", "completed") <= most


def test_ends_of_jobs_go_last(filled, process):
    """When the others are gone and still too many wait, the oldest of them go; the rows stay."""
    filled.register("webhook", cursor=0)
    for _ in range(4):
        filled.job()
    most = weight(filled, "completed") // 2

    assert process(max_bytes=most).round() == {("webhook", BYTES): 6}

    assert rows(filled) == [("completed", "")] * 2 + [("completed", "webhook")] * 2
    assert filled.audit.check().settlements == 4


def test_a_large_ledger_is_no_backlog(filled, process):
    """What was delivered does not count; what waits behind it does, and only that."""
    for _ in range(6):
        filled.job()
    filled.register("webhook")
    filled.job()

    assert process(max_bytes=weight(filled, "completed")).round() == {}
    assert filled.sql("SELECT value FROM meta WHERE key = ?", limits.FRONT) == [(12,)]

    keeper = process(max_bytes=1)
    filled.make.tick(EVERY_S)
    assert keeper.round() == {("webhook", BYTES): 2}


def test_an_abandoned_exporter_does_not_make_every_round_long(filled, process):
    """A place behind which nothing waits is remembered, although a cursor is far before it."""
    filled.register("removed", cursor=0)
    for _ in range(6):
        filled.job()

    process(max_bytes=1).round()

    assert filled.sql("SELECT value FROM meta WHERE key = ?", limits.FRONT) == [(12,)]
    assert filled.sql("SELECT * FROM dropped") == []


def test_dead_letters_and_wishes_are_not_kept_for_ever(filled, process):
    """They wait twice as long as events do; then they are dropped, and counted too."""
    filled.register("webhook", cursor=0)
    for _ in range(3):
        filled.job()
    at = filled.make.now_ns // 1000
    filled.sql("INSERT INTO dead_letter VALUES ('webhook', 1, ?, 'no'), ('webhook', 2, ?, '')",
               at, at + 2 * 86_400_000_000)  # fmt: skip
    filled.sql("INSERT INTO replay VALUES ('webhook', 3, ?), ('webhook', 4, ?)",
               at, at + 2 * 86_400_000_000)  # fmt: skip
    filled.sql("UPDATE relay SET cursor = 6")
    filled.days(29)

    assert process().round() == {("webhook", DEAD_LETTER): 1, ("webhook", AGE): 1}

    assert filled.sql("SELECT seq FROM dead_letter UNION SELECT seq FROM replay") == [(2,), (4,)]
    assert len(rows(filled)) == 6


def test_a_long_round_is_made_of_steps(filled, process, monkeypatch):
    """It is interrupted after a moment, goes on a second later, and is told of once."""
    monkeypatch.setattr(limits, "BATCH", 2)
    monkeypatch.setattr(limits, "WINDOW", 3)
    monkeypatch.setattr(outbox_limits, "STEP_S", 0.0)
    filled.register("webhook", cursor=0)
    for _ in range(5):
        filled.job()
    filled.days(15)
    keeper = process()

    steps = 0
    while not keeper.told:
        assert keeper.step(after_s=PAUSE_S)
        steps += 1

    assert keeper.told == [{("webhook", AGE): 5}]
    assert steps > 3
    assert keeper.limits.due == keeper.now_s + EVERY_S


def test_one_process_a_minute(filled, process):
    """The first does it, the others wait for their next minute."""
    filled.register("webhook", cursor=0)
    filled.job()
    filled.days(15)
    filled.job()
    one, other = process(), process()
    one.step()
    assert one.told == [{("webhook", AGE): 1}]
    filled.days(15)
    now_us = filled.make.now_ns // 1000
    filled.sql("UPDATE meta SET value = ? WHERE key = ?", now_us, outbox_limits.CLAIM)

    other.step()

    assert (other.told, other.limits.due) == ([], EVERY_S)


def test_a_round_that_met_a_lock_goes_on(filled, process, monkeypatch):
    """Nothing is lost of what it did, and it does not wait for the next minute."""
    monkeypatch.setattr(limits, "BATCH", 2)
    monkeypatch.setattr(outbox_limits, "STEP_S", 0.0)
    filled.register("webhook", cursor=0)
    for _ in range(4):
        filled.job()
    filled.days(15)
    keeper = process()
    assert keeper.step()
    with closing(open_writer(str(filled.path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusyError):
            keeper.step(after_s=PAUSE_S)

    while not keeper.told:
        assert keeper.step(after_s=PAUSE_S)

    assert keeper.told == [{("webhook", AGE): 4}]


class Work:
    """Counts what SQLite does on a connection, in steps of its virtual machine."""

    def __init__(self, connection) -> None:
        self.steps = 0
        connection.set_progress_handler(self._count, 1)

    def _count(self):
        self.steps += 1
        return False


@pytest.mark.parametrize("max_bytes", [PLENTY, 1])
def test_where_nothing_waits_nothing_is_looked_through(filled, process, max_bytes):
    """A round costs the same whether the ledger holds ten events or hundreds."""
    filled.register("webhook", cursor=0)
    done = []
    for jobs in (5, 200):
        for _ in range(jobs):
            filled.job()
        filled.sql("UPDATE relay SET cursor = (SELECT max(seq) FROM event)")
        keeper = process(max_bytes=max_bytes)
        keeper.round()
        work = Work(keeper.connection)
        keeper.round()
        done.append(work.steps)

    assert done[0] == done[1]


def test_what_was_looked_at_is_not_looked_at_again(filled, process):
    """Old events of an exporter that nobody has any more cost a round once."""
    filled.register("removed", cursor=0)
    for _ in range(200):
        filled.job()
    filled.days(30)
    keeper = process()
    counted = []
    for _ in range(3):
        work = Work(keeper.connection)
        keeper.round()
        counted.append(work.steps)

    assert counted[0] > 10 * counted[1]
    assert counted[1] == counted[2]


@pytest.mark.parametrize("where", ["file", "memory"])
def test_the_maintenance_thread_does_it(filled, where):
    """The store does a round with its other chores, for a ledger in memory too."""
    told = []
    store = LedgerStore(
        str(filled.path) if where == "file" else MEMORY,
        RULES,
        clock=filled.make_clock(),
        getrandbits=filled.make.bits,
        report=print,
        full_sync=False,
        limits=OutboxLimits(max_bytes=PLENTY, max_days=14, tell=told.append),
    )
    store.route, store.exporters = "webhook", ("webhook",)
    store.backlog.record(filled.make.poll("v1", C))
    filled.days(15)

    _, rest = store.keep(1.0)

    assert told == [{("webhook", AGE): 1}]
    assert 0 < rest <= EVERY_S
    store.close()


def test_the_line_of_the_log():
    """One line names each exporter with its counts and reasons, and what to look at."""
    line = said({("webhook", AGE): 3, ("webhook", BYTES): 20, ("datadog", DEAD_LETTER): 1})

    assert line == (
        "24 events were dropped that exporters never had (datadog: 1 by dead_letter; "
        "webhook: 3 by age, 20 by bytes): they waited for too long, or too many did. "
        "See vidobs exporters, outbox_max_days and outbox_max_bytes"
    )


def test_every_end_of_a_job_is_on_the_right_line():
    """The line of the ends knows each event that ends a job."""
    for event in TERMINAL_EVENTS:
        assert limits.Row(1, 0, event.value, "", 0).terminal
