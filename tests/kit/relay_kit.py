"""What the tests of the relay share: a clock to turn, scripted exporters, processes to step."""

import threading
from collections import deque
from contextlib import nullcontext
from datetime import timedelta

from outbox_kit import START, OpenOutbox, event

from vidobs.delivery.relay_worker import GATHER, RelayWorker
from vidobs.delivery.worker import AGAIN
from vidobs.ledger.database import MEMORY

SOON = 30  # seconds until a test that waits for a thread gives up


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self):
        self.now = START

    def time_ns(self):
        """Return the time."""
        return int(self.now.timestamp() * 1_000_000) * 1000

    def turn(self, seconds):
        """Let time pass, or go back."""
        self.now += timedelta(seconds=seconds)
        return self.now


class Sink:
    """An exporter that keeps what it gets; `script` holds what its next exports raise or call."""

    def __init__(self, name="sink", durable=True):
        self.name = name
        self.durable = durable
        self.script = deque()
        self.refuses = None  # event -> the error to raise, if any
        self.batches = []
        self.threads = []
        self.closed = 0
        self.got = threading.Semaphore(0)

    @property
    def events(self):
        """Return all it got, in order."""
        return [event for batch in self.batches for event in batch]

    def export(self, batch):
        """Follow the script, then take the batch."""
        self.threads.append(threading.current_thread())
        step = self.script.popleft() if self.script else None
        if isinstance(step, BaseException):
            raise step
        if callable(step):
            step()
        if self.refuses is not None:
            for error in filter(None, map(self.refuses, batch)):
                raise error
        self.batches.append(list(batch))
        self.got.release()

    def close(self):
        """Count how often it is closed."""
        self.closed += 1


class Reports:
    """Collects what is reported."""

    def __init__(self):
        self.said = []

    def __call__(self, where, error):
        """Keep a report."""
        self.said.append((where, repr(error)))


class Listener:
    """Keeps what it is told, as a `core.protocols.RelayListener`."""

    def __init__(self):
        self.told = []

    def __getattr__(self, what):
        """Keep anything, but for the seconds, which nobody knows beforehand."""

        def keep(*args, **given):
            given.pop("seconds", None)
            self.told.append((what, *args, *given.values()))

        return keep

    def of(self, *kinds):
        """Return what was told of some kinds."""
        return [one for one in self.told if one[0] in kinds]


class World:
    """What surrounds the relays of some processes that share an outbox."""

    def __init__(self, path=MEMORY):
        self.clock = Clock()
        self.outbox = OpenOutbox(path)
        self.reports = Reports()
        self.listener = Listener()
        self.sink = Sink()

    @property
    def now(self):
        """The time."""
        return self.clock.now

    def add(self, count, route="sink"):
        """Record some events; return them."""
        before = self.outbox.rows("SELECT count(*) FROM event")[0][0]
        events = [event(before + number) for number in range(count)]
        self.outbox.add_many(events, route)
        return events

    def worker(self, owner="here", exporter=None, *, quiet=nullcontext, **options):
        """Build the worker of a process, by the name of its owner."""
        return RelayWorker(
            exporter or self.sink,
            outbox=self.outbox,
            now=lambda: self.clock.now,
            owner=owner,
            report=self.reports,
            quiet=quiet,
            chance=lambda: 1.0,
            tell=self.listener,
            **options,
        )

    def run(self, worker):
        """Let a worker take turns until it rests; return the rest."""
        for _ in range(1000):
            rest = worker.step(self.now)
            if rest not in (AGAIN, GATHER):
                return rest
        raise AssertionError("it never rests")

    def run_for(self, worker, seconds):
        """Let a worker live for so long by the clock."""
        end = self.now + timedelta(seconds=seconds)
        while (rest := self.run(worker).seconds) is not None and self.now < end:
            self.clock.turn(min(rest, (end - self.now).total_seconds()))


class Gate:
    """Something that hangs until the test opens it."""

    def __init__(self):
        self.reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self, *_):
        """Hang."""
        self.reached.set()
        assert self._opened.wait(SOON)

    def open(self):
        """Let everybody through."""
        self._opened.set()
