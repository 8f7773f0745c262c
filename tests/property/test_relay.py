"""The relay's promise, under anything: what was recorded is delivered, or among the dead letters.

Two processes share one outbox. They enqueue, deliver, fail, stall, are killed at the worst moment
and start again, in every order that hypothesis can think of.
"""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vidobs.core.errors import ExportError, LedgerBusyError, LedgerUnusableError
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, TraceRef
from vidobs.core.protocols import OutboxRow, Standing
from vidobs.delivery.relay_worker import RelayWorker

START = datetime(2026, 11, 20, tzinfo=UTC)
PROCESSES = st.sampled_from([0, 1])


class Killed(BaseException):
    """kill -9: nothing of the process runs after it."""


class Outbox:
    """`core.protocols.Outbox` in memory: what is in here survives a kill."""

    def __init__(self):
        self.rows = []
        self.cursor = 0
        self.lease_of = None
        self.dead = {}
        self.fault = None  # (operation, before or after it took effect, what to raise)

    def lease(self, _exporter, owner, until, now):
        """Claim the cursor."""
        if self.lease_of and self.lease_of[0] != owner and self.lease_of[1] >= now:
            return None
        self.lease_of = (owner, until)
        return Standing(self.cursor)

    def release(self, _exporter, owner):
        """Give the lease back."""
        if self.lease_of and self.lease_of[0] == owner:
            self.lease_of = None

    def read(self, after, limit):
        """Return what is behind a cursor."""
        return [row for row in self.rows if row.seq > after][:limit]

    def delivered(self, _exporter, owner, cursor, *, events, now):
        """Move the cursor, for its holder."""
        self._fail("delivered", "before")
        mine = self.lease_of is not None and self.lease_of[0] == owner
        assert cursor >= self.cursor or not mine, "the cursor went back"
        if mine:
            self.cursor = max(cursor, self.cursor)
        self._fail("delivered", "after")

    def bury(self, _exporter, row, _error, _now):
        """Keep a dead letter."""
        self._fail("bury", "before")
        self.dead[row.seq] = row.event.id
        self._fail("bury", "after")

    def behind(self, _exporter):
        """Count what was not delivered."""
        return sum("sink" in row.route.split(",") for row in self.read(self.cursor, 10**6))

    def _fail(self, operation, moment):
        if self.fault and self.fault[:2] == (operation, moment):
            error, self.fault = self.fault[2], None
            raise error


class Receiver:
    """The backend that both processes export to."""

    name = "sink"
    durable = True

    def __init__(self):
        self.got = []
        self.trouble = None  # what the next export meets
        self.poison = {}  # event id -> what it does to the exporter, every time

    def export(self, batch):
        """Take a batch, or not."""
        trouble, self.trouble = self.trouble, None
        if trouble == "half":  # the connection breaks in the middle of the batch
            self.got += [event.id for event in batch[: len(batch) // 2]]
            raise ExportError("connection reset")
        if isinstance(trouble, BaseException):
            raise trouble
        for event in batch:
            if event.id in self.poison:
                raise self.poison[event.id]
        self.got += [event.id for event in batch]

    def close(self):
        """Do nothing."""


class RelayMachine(RuleBasedStateMachine):
    """Two processes, one outbox, one receiver."""

    @initialize()
    def begin(self):
        """Start two processes."""
        self.now = START
        self.outbox = Outbox()
        self.receiver = Receiver()
        self.starts = 0
        self.processes = [self.process(), self.process()]

    def process(self):
        """Start a process."""
        self.starts += 1
        return RelayWorker(
            self.receiver,
            outbox=self.outbox,
            now=lambda: self.now,
            owner=f"process-{self.starts}",
            report=lambda *_: None,
            quiet=nullcontext,
            chance=lambda: 1.0,
        )

    @rule(
        count=st.integers(1, 80),
        route=st.sampled_from(["sink", "sink", "other", "other,sink", ""]),
    )
    def enqueue(self, count, route):
        """Record events for some exporters."""
        for _ in range(count):
            seq = len(self.outbox.rows) + 1
            self.outbox.rows.append(OutboxRow(seq, route, event(seq)))

    @precondition(lambda self: self.outbox.rows)
    @rule(
        data=st.data(),
        error=st.sampled_from(
            [ExportError("400", retryable=False), TypeError("broken"), SystemExit(1)]
        ),
    )
    def poison(self, data, error):
        """Make an event break the exporter, or be refused, every time."""
        number = data.draw(st.integers(1, len(self.outbox.rows)))
        identifier = event(number).id
        if identifier not in self.receiver.got:
            self.receiver.poison[identifier] = error

    @rule(
        trouble=st.sampled_from(
            [
                "half",
                ExportError("503"),
                ExportError("429", retry_after_s=120),
                ConnectionError("raw"),
            ]
        )
    )
    def receiver_fails(self, trouble):
        """Let the next export fail."""
        self.receiver.trouble = trouble

    @rule(
        operation=st.sampled_from(["delivered", "bury"]),
        moment=st.sampled_from(["before", "after"]),
        error=st.sampled_from([Killed(), LedgerBusyError("locked"), LedgerUnusableError("I/O")]),
    )
    def outbox_fails(self, operation, moment, error):
        """Let the process die, or the ledger fail, at a bad moment."""
        self.outbox.fault = (operation, moment, error)

    @rule(which=PROCESSES, turns=st.integers(1, 40))
    def deliver(self, which, turns):
        """Give a process some turns."""
        for _ in range(turns):
            self.step(which)

    @rule(which=PROCESSES)
    def crash_and_restart(self, which):
        """Kill a process between two turns."""
        self.processes[which] = self.process()

    @rule(which=PROCESSES)
    def exit_and_restart(self, which):
        """End a process in order."""
        self.processes[which].close()
        self.processes[which] = self.process()

    @rule(which=PROCESSES)
    def fork(self, which):
        """Go on in a child process."""
        self.starts += 1
        self.processes[which].after_fork(f"process-{self.starts}")

    @rule(which=PROCESSES)
    def renew(self, which):
        """Renew a lease, as another thread does."""
        self.processes[which].renew(self.now)

    @rule(seconds=st.sampled_from([0.1, 1, 5, 20, 31, 90, 3600, -3600]))
    def time_passes(self, seconds):
        """Turn the clock, also back."""
        self.now += timedelta(seconds=seconds)

    def step(self, which):
        """Let a process take one turn."""
        try:
            return self.processes[which].step(self.now)
        except LedgerUnusableError:
            return None
        except Killed:
            self.processes[which] = self.process()
            return None

    @invariant()
    def nothing_is_lost(self):
        """Each event is in the outbox still, or arrived, or is a dead letter."""
        settled = set(self.receiver.got) | set(self.outbox.dead.values())
        for row in self.outbox.rows:
            if row.seq <= self.outbox.cursor and "sink" in row.route.split(","):
                assert row.event.id in settled

    @invariant()
    def only_poison_is_buried(self):
        """An outage, however it shows, makes no dead letters."""
        assert set(self.outbox.dead.values()) <= set(self.receiver.poison)

    @invariant()
    def nobody_gets_the_events_of_others(self):
        """An event that is not routed here never arrives here."""
        ours = {row.event.id for row in self.outbox.rows if "sink" in row.route.split(",")}
        assert set(self.receiver.got) <= ours

    def teardown(self):
        """Once everything works again, everything arrives, within a day."""
        if not hasattr(self, "outbox"):
            return
        self.receiver.trouble = self.outbox.fault = None
        end = self.now + timedelta(days=2)
        while self.outbox.behind("sink") and self.now < end:
            rests = [self.step(0), self.step(1)]
            self.now += timedelta(seconds=max(0.01, min(rest.seconds for rest in rests)))
        assert self.outbox.behind("sink") == 0
        self.nothing_is_lost()
        self.only_poison_is_buried()
        wanted = [
            row.event.id
            for row in self.outbox.rows
            if "sink" in row.route.split(",") and row.event.id not in self.receiver.poison
        ]
        firsts = [one for one in dict.fromkeys(self.receiver.got) if one in wanted]
        assert firsts == wanted  # all of them, and in order where they first arrive


def event(number):
    """Build the n-th event."""
    return VideoEvent(
        id=f"event-{number}",
        name=EventName.COMPLETED,
        at=START,
        job=Job(
            job_id=f"job_{number}",
            provider="openai",
            dialect="openai",
            created_at=START,
            trace=TraceRef(trace_id="4b" * 16, span_id="00f067aa0ba902b7"),
        ),
    )


TestRelay = RelayMachine.TestCase
TestRelay.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
