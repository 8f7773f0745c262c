"""The relay's promise, under anything: what was acknowledged is accounted for.

Two processes share the ledger's real outbox. They record, deliver, deliver in part, fail, stall,
are killed at the worst moment and start again, drain, lose events to the limits and deliver dead
letters once more, in every order that hypothesis can think of.
"""

import itertools
from collections import deque
from contextlib import closing, nullcontext
from datetime import timedelta

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from outbox_kit import START, OpenOutbox, event

from vidobs.core.errors import ExportError, LedgerBusyError, LedgerUnusableError
from vidobs.core.protocols import BreakerState
from vidobs.delivery.breaker import OPENS_AFTER, state_of
from vidobs.delivery.leases import LEASE
from vidobs.delivery.relay_worker import RelayWorker
from vidobs.ledger import codec, dead_letters, exporters, limits

PROCESSES = st.sampled_from([0, 1])
SINK = "sink"
PLENTY = 20_000  # turns that deliver everything, whatever happened


TROUBLES = [
    "half",
    *(0, 1, 5, 64),  # events that arrive
    ExportError("503"),
    ExportError("429", retry_after_s=120),
    ExportError("410", gone=True),
    ConnectionError("raw"),
]


class Killed(BaseException):
    """kill -9: nothing of the process runs after it."""


class Receiver:
    """The backend that both processes export to."""

    def __init__(self):
        self.got = []
        self.troubles = deque()  # what the next exports meet
        self.poison = {}  # event id -> what it does to the exporter, every time
        self.busy = False  # somebody exports to it right now

    def take(self, batch):
        """Take a batch, or not."""
        trouble = self.troubles.popleft() if self.troubles else None
        if trouble == "half":  # the connection breaks in the middle, and nobody knows where
            self._keep(batch[: len(batch) // 2])
            raise ExportError("connection reset")
        if isinstance(trouble, int):  # the same, but the receiver says where
            kept = min(trouble, len(batch))
            self._keep(batch[:kept])
            raise ExportError("429", delivered=kept)
        if isinstance(trouble, BaseException):
            raise trouble
        for one in batch:
            if one.id in self.poison:
                raise self.poison[one.id]
        self._keep(batch)

    def _keep(self, batch):
        self.got += [one.id for one in batch]


class Door:
    """The exporter of one process. Only one of them may be open at a time."""

    name = SINK
    durable = True

    def __init__(self, machine, owner, max_batch):
        self._machine = machine
        self.owner = owner
        self.max_batch = max_batch

    def export(self, batch):
        """Let a batch through to the receiver, quickly or slowly."""
        machine, receiver = self._machine, self._machine.receiver
        machine.check(self.owner, batch)
        receiver.busy = True
        try:
            machine.meanwhile(self.owner)
            receiver.take(batch)
        finally:
            receiver.busy = False

    def close(self):
        """Do nothing."""


class RelayMachine(RuleBasedStateMachine):
    """Two processes, one outbox, one receiver."""

    @initialize(max_batch=st.sampled_from([64, 64, 7, 1]), count=st.integers(1, 80))
    def begin(self, max_batch, count):
        """Start two processes, with some events."""
        self.now = START
        self.outbox = OpenOutbox()
        self.outbox.see(SINK)
        self.receiver = Receiver()
        self.max_batch = max_batch
        self.starts = 0
        self.recorded = 0  # events, for whomever
        self.acknowledged = {}  # event id -> its place; those that are for the sink
        self.asked_for = set()  # event ids that somebody asked for once more
        self.dropped = set()  # event ids
        self.slow_s = 0  # that the next export takes
        self.draining = False
        self.violations = []
        self.doubts = []  # from when until when a lease may be one that the clock took away
        self.processes = [self.process(), self.process()]
        self.enqueue(count, SINK)

    def process(self):
        """Start a process."""
        self.starts += 1
        owner = f"process-{self.starts}"
        worker = RelayWorker(
            Door(self, owner, self.max_batch),
            outbox=self.outbox,
            now=lambda: self.now,
            owner=owner,
            report=lambda *_: None,
            quiet=nullcontext,
            chance=lambda: 1.0,
        )
        worker.owner = owner
        return worker

    # -- what is recorded, and what becomes of it ------------------------------------------------

    @rule(
        count=st.integers(1, 80),
        route=st.sampled_from(["sink", "sink", "other", "other,sink", ""]),
    )
    def enqueue(self, count, route):
        """Record events for some exporters."""
        numbers = range(self.recorded + 1, self.recorded + count + 1)
        events = [msgspec.structs.replace(event(number), at=self.now) for number in numbers]
        self.outbox.add_many(events, route)
        self.recorded += count
        if SINK in route.split(","):
            self.acknowledged |= {event(number).id: number for number in numbers}

    @rule(seconds=st.sampled_from([1, 5, 35, 60]), which=PROCESSES, turns=st.integers(1, 12))
    def live(self, seconds, which, turns):
        """Let a process live for a while, resting as long as it wants to."""
        for _ in range(turns):
            rest = self.step(which)
            wanted = 0.0 if rest is None or rest.seconds is None else rest.seconds
            self.now += timedelta(seconds=min(wanted, seconds))

    @precondition(lambda self: self.waiting())
    @rule(
        data=st.data(),
        error=st.sampled_from(
            [
                ExportError("400", retryable=False),
                ExportError("401", retryable=None),
                TypeError("broken"),
                SystemExit(1),
            ]
        ),
    )
    def poison(self, data, error):
        """Make an event break the exporter, or be refused, every time."""
        identifier = data.draw(st.sampled_from(sorted(self.waiting())))
        if identifier not in self.receiver.got:
            self.receiver.poison[identifier] = error

    @rule(seconds=st.sampled_from([5, 40, 200]))
    def receiver_is_slow(self, seconds):
        """Let the next export take its time, in which the other process goes on."""
        self.slow_s = seconds

    @precondition(lambda self: self.outbox.standing()["disabled"])
    @rule()
    def enable(self):
        """Switch the exporter on again."""
        exporters.enable(self.outbox.sweeper(), SINK)

    @precondition(lambda self: self.outbox.dead)
    @rule()
    def replay(self):
        """Ask for all dead letters once more; the next time they may arrive."""
        letters = {event(place).id for _, place, _ in self.outbox.dead}
        chosen = dead_letters.Chosen(exporter=SINK)
        dead_letters.replay(self.outbox.sweeper(), chosen, codec.us(self.now))
        self.asked_for |= letters

    @precondition(lambda self: self.outbox.dead)
    @rule()
    def forgive(self):
        """Take what was refused from now on."""
        self.receiver.poison.clear()

    @rule(seconds=st.sampled_from([0, 600]))
    def expire(self, seconds):
        """Let the ledger drop what has waited for too long."""
        before = self.waiting()
        limit = limits.OlderThan(codec.us(self.now - timedelta(seconds=seconds)))
        for line in (limits.PLAIN, limits.ENDS):
            while not limits.drop(self.outbox.connection, line, limit).done:
                pass
        self.dropped |= before - self.waiting()

    # -- what processes do ------------------------------------------------------------------------

    @rule(
        operation=st.sampled_from(["delivered", "redelivered", "failed", "bury"]),
        after=st.booleans(),
        error=st.sampled_from([Killed(), LedgerBusyError("locked"), LedgerUnusableError("I/O")]),
    )
    def outbox_fails(self, operation, after, error):
        """Let the process die, or the ledger fail, at a bad moment."""
        self.outbox.heal()
        self.outbox.fail(operation, error, after=after)

    @rule(
        which=PROCESSES,
        turns=st.integers(1, 40),
        trouble=st.sampled_from([None, *TROUBLES]),
        times=st.integers(1, 7),
    )
    def deliver(self, which, turns, trouble, times):
        """Give a process some turns, some of them in vain."""
        if trouble is not None:
            self.receiver.troubles.extend([trouble] * times)
        for _ in range(turns):
            self.step(which)

    @rule(which=PROCESSES, turns=st.integers(1, 10), trouble=st.sampled_from([None, *TROUBLES]))
    def drain(self, which, turns, trouble):
        """Heed no rests and no switches for a while."""
        if trouble is not None:
            self.receiver.troubles.append(trouble)
        self.draining = True
        self.processes[which].begin_drain()
        for _ in range(turns):
            self.step(which)
        self.processes[which].end_drain()
        self.draining = False

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
        worker = self.processes[which]
        worker.owner = worker._exporter.owner = f"process-{self.starts}"
        worker.after_fork(worker.owner)

    @rule(seconds=st.sampled_from([0.1, 1, 5, 20, 31, 90, 3600, -3600, 86_400, -86_400]))
    def time_passes(self, seconds):
        """Turn the clock, also back."""
        before, self.now = self.now, self.now + timedelta(seconds=seconds)
        if seconds < 0:  # older leases end too late, and seem to hold once it is that time again
            self.doubts += [(now - LEASE, now + LEASE) for now in (before, self.now)]

    def step(self, which):
        """Let a process take one turn."""
        try:
            return self.processes[which].step(self.now)
        except LedgerUnusableError:
            return None
        except Killed:
            self.processes[which] = self.process()
            return None

    def check(self, owner, batch):
        """Note what is wrong with an export: raised in there, it would pass for a fault of it."""
        row = self.outbox.standing()
        sure = not any(begin <= self.now <= end for begin, end in self.doubts)
        wrong = {
            "two at the same time": sure and self.receiver.busy,
            "without a lease": sure and self.outbox.holder(SINK, self.now) != owner,
            "too many": len(batch) > min(64, self.max_batch),
            "switched off": row["disabled"] is not None and not self.draining,
            "a large probe": row["failures"] >= OPENS_AFTER and len(batch) > 1,
        }
        self.violations += [what for what, is_so in wrong.items() if is_so]

    def meanwhile(self, owner):
        """Let time pass during an export: its lease is renewed, and the other process tries."""
        seconds, self.slow_s = self.slow_s, 0
        for _ in range(seconds // 10):
            self.now += timedelta(seconds=10)
            for which, process in enumerate(self.processes):
                if process.owner == owner:
                    process.renew(self.now)
                else:
                    self.step(which)

    # -- what always holds ------------------------------------------------------------------------

    def waiting(self):
        """Return the events that will be delivered still."""
        cursor = self.outbox.standing()["cursor"]
        rows = self.outbox.rows("SELECT id, route FROM event WHERE seq > ?", cursor)
        return {identifier for identifier, route in rows if SINK in route.split(",")}

    @invariant()
    def nothing_is_lost(self):
        """Each event arrived, waits, is a dead letter, or was dropped and counted."""
        beside = {place for _, place, *_ in [*self.outbox.dead, *self.outbox.asked]}
        accounted = {event(place).id for place in beside}
        accounted |= set(self.receiver.got) | self.waiting() | self.dropped
        assert set(self.acknowledged) <= accounted
        counted = self.outbox.rows("SELECT coalesce(sum(events), 0) FROM dropped")
        assert counted == [(len(self.dropped),)]

    @invariant()
    def every_export_was_in_order(self):
        """One at a time, by the holder of the lease, and not to a receiver that is gone."""
        assert self.violations == []

    @invariant()
    def only_poison_is_buried(self):
        """An outage, however it shows, makes no dead letters."""
        buried = {event(place).id for _, place, _ in self.outbox.dead}
        assert buried <= self.ever_poisoned()

    @invariant()
    def nobody_gets_the_events_of_others(self):
        """An event that is not routed here, and that nobody asked for, never arrives here."""
        assert set(self.receiver.got) <= set(self.acknowledged) | self.asked_for

    @invariant()
    def the_breaker_follows_the_failures(self):
        """It is open only after five failures in a row, and never while something arrives."""
        row = self.outbox.standing()
        retry_at = None if row["retry_at_us"] is None else codec.moment(row["retry_at_us"])
        state = state_of(row["failures"], retry_at, row["disabled"], self.now)
        down = state in (BreakerState.OPEN, BreakerState.HALF_OPEN)
        assert down == (row["disabled"] is None and row["failures"] >= OPENS_AFTER)

    def ever_poisoned(self):
        """Return the events that were refused at some time."""
        self.refused = getattr(self, "refused", set()) | set(self.receiver.poison)
        return self.refused

    def teardown(self):
        """Once everything works again, everything arrives, within two days."""
        if not hasattr(self, "outbox"):
            return
        with closing(self.outbox.connection):
            self.receiver.troubles.clear()
            self.slow_s = 0
            self.outbox.heal()
            self.enable()
            end = self.now + timedelta(days=2)
            turns = itertools.count()
            while self.outbox.behind(SINK) and self.now < end and next(turns) < PLENTY:
                rests = [self.step(0), self.step(1)]
                self.now += timedelta(seconds=max(0.01, min(rest.seconds for rest in rests)))
            assert self.outbox.behind(SINK) == 0
            self.nothing_is_lost()
            self.every_export_was_in_order()
            self.only_poison_is_buried()
            self.everything_arrived()

    def everything_arrived(self):
        """All events arrived that were neither dropped nor refused, and in their order."""
        excused = self.dropped | self.ever_poisoned()
        wanted = [one for one in self.acknowledged if one not in excused]
        firsts = [one for one in dict.fromkeys(self.receiver.got) if one in set(wanted)]
        assert firsts == wanted


def settled(examples):
    """Try so many stories, of 40 steps each."""
    return settings(max_examples=examples, stateful_step_count=40, deadline=None)


class TestRelay(RelayMachine.TestCase):
    """Everyday."""

    settings = settled(40)


@pytest.mark.slow
@pytest.mark.timeout(900)
class TestRelayForLong(RelayMachine.TestCase):
    """Before a release."""

    settings = settled(2000)
