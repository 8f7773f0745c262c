"""Nothing is lost uncounted: what was recorded for an exporter was taken, waits, or is dropped.

Programs record, exporters come further or stay behind, somebody asks for the past again, letters
are buried, old jobs go and limits are kept, in every order that hypothesis can think of.
"""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_kit import RULES, Audit, Maker

from vidobs.core.jobs import JobState
from vidobs.ledger import codec
from vidobs.ledger.exporters import Past, forget, replay
from vidobs.ledger.invariants import violations
from vidobs.ledger.outbox import SqliteOutbox
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.ledger.sweeper import Sweeper
from vidobs.ledger.sweeps import OldJobs
from vidobs.runtime.outbox_limits import EVERY_S, OutboxLimits

EXPORTERS = ("first", "second")
ROUTES = ("first", "second", "first,second", "")
DAY_S = 86_400
PLENTY = 10**12
names = st.sampled_from(EXPORTERS)


class Machine(RuleBasedStateMachine):
    """A ledger with two exporters, and what a careful bookkeeper knows of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.path = Path(self.stack.enter_context(TemporaryDirectory()), "ledger.db")
        self.make = Maker()
        self.ledger = SqliteLedger(str(self.path), RULES)
        self.outbox = SqliteOutbox(str(self.path), self.ledger.connection, self.ledger.lock)
        self.sweeper = Sweeper(str(self.path), self.ledger.connection, self.ledger.lock)
        for exporter in EXPORTERS:
            self.outbox.register(exporter)
        self.recorded = Counter()  # events, by exporter
        self.taken = Counter()
        self.dropped = Counter()  # as it was told
        self.videos = 0
        self.tidied = False

    @property
    def now(self):
        """The time on the clock."""
        return codec.moment(self.make.now_ns // 1000)

    @rule(route=st.sampled_from(ROUTES), state=st.sampled_from(["queued", "completed", "failed"]))
    def record(self, route, state):
        """A program makes a video."""
        self.ledger.route = route
        self.videos += 1
        seen = self.make.poll(f"v{self.videos}", JobState(state))
        events = len(self.ledger.record(seen).events)
        self.recorded.update(dict.fromkeys(filter(None, route.split(",")), events))

    @rule(exporter=names, rows=st.integers(1, 5))
    def deliver(self, exporter, rows):
        """An exporter takes what comes next."""
        standing = self.outbox.lease(exporter, "me", self.now, self.now)
        found = self.outbox.read(standing.cursor, rows)
        if found:
            mine = sum(exporter in row.route.split(",") for row in found)
            self.taken[exporter] += mine
            last = found[-1].seq
            self.outbox.delivered(exporter, "me", last, events=mine, now=self.now)
        self.outbox.release(exporter, "me")

    @rule(exporter=names)
    def refuse(self, exporter):
        """An exporter refuses what comes next, for good."""
        standing = self.outbox.lease(exporter, "me", self.now, self.now)
        for row in self.outbox.read(standing.cursor, 1):
            if exporter in row.route.split(","):
                self.outbox.bury(exporter, row, "no", self.now)
                self.taken[exporter] += 1
            self.outbox.delivered(exporter, "me", row.seq, events=0, now=self.now)
        self.outbox.release(exporter, "me")

    @rule(exporter=names, every=st.booleans())
    def ask_again(self, exporter, every):
        """Somebody wants the past once more."""
        past = Past(exporter=exporter, since=codec.EPOCH, every=every)
        replay(self.sweeper, past, self.now)

    @rule(exporter=names)
    def take_again(self, exporter):
        """An exporter takes what was asked for."""
        standing = self.outbox.lease(exporter, "me", self.now, self.now)
        assert standing is not None
        places = [row.seq for row in self.outbox.asked_again(exporter, 3)]
        self.outbox.redelivered(exporter, "me", places, events=len(places), now=self.now)
        self.outbox.release(exporter, "me")

    @rule(days=st.integers(1, 20))
    def wait(self, days):
        """Time passes."""
        self.make.tick(days * DAY_S)

    @rule(most=st.sampled_from([PLENTY, 1, 2000]), days=st.sampled_from([None, 5]))
    def keep_limits(self, most, days):
        """The limits are kept; what is told is what was dropped from what waited."""
        before = {one: self._waiting(one) for one in EXPORTERS}
        told = []
        limits = OutboxLimits(max_bytes=most, max_days=days, tell=told.append)
        self.make.tick(EVERY_S)
        limits.step(self.sweeper, 0.0, self.now)
        assert limits.due == EVERY_S, "a small round is one step"
        for exporter in EXPORTERS:
            gone = before[exporter] - self._waiting(exporter)
            self.dropped[exporter] += gone
            said = sum(told[0][key] for key in told[0] if key[0] == exporter) if told else 0
            assert said >= gone
            if most == 1:
                assert self._waiting(exporter) == 0

    @rule()
    def tidy(self):
        """Old jobs go, where nobody waits; what they cost stays."""
        self.tidied = True
        self.sweeper.run(OldJobs(codec.seq_at(self.now)))

    @rule(exporter=names)
    def start_over(self, exporter):
        """An exporter is forgotten, and set up again: it begins at the end."""
        forget(self.sweeper, exporter, self.now)
        self.outbox.register(exporter)
        for counts in (self.recorded, self.taken, self.dropped):
            counts[exporter] = 0

    @invariant()
    def nothing_is_lost(self):
        """Each event that was recorded for an exporter is accounted for."""
        for exporter in EXPORTERS:
            known = self.taken[exporter] + self.dropped[exporter] + self._waiting(exporter)
            assert self.recorded[exporter] == known, exporter

    @invariant()
    def no_rule_is_broken(self):
        """What must always be so in a ledger is so."""
        assert violations(str(self.path)) == ()

    def _waiting(self, exporter):
        """Count the events behind the cursor."""
        asked = "SELECT count(*) FROM replay WHERE exporter = ?"
        again = self.ledger.connection.execute(asked, (exporter,)).get
        return self.outbox.behind(exporter) - again

    def teardown(self):
        """Look at the whole file by plain SQL, and close it."""
        self.stack.callback(self.ledger.close)
        with self.stack:
            if not self.tidied:  # else there is spend without a job
                Audit(self.path).check()


TestLimits = Machine.TestCase
TestLimits.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
