"""What the tests of delivery share: a clock to turn, an outbox in memory, scripted exporters."""

import threading
from collections import deque
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import Job, TraceRef
from vidobs.core.protocols import OutboxRow, Standing

START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
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


class MemoryOutbox:
    """`core.protocols.Outbox` in memory, strict about who holds a lease."""

    def __init__(self):
        self.rows = []
        self.standings = {}
        self.leases = {}
        self.leases_asked = 0
        self.owners = []  # whom a lease was given to, or prolonged for
        self.asked = {}  # exporter -> places of events to deliver once more
        self.counted = {}  # exporter -> events, as its holders counted them
        self.dead = []
        self.faults = deque()  # each is raised by one call of `delivered`

    @property
    def cursors(self):
        """How far each exporter has come."""
        return {name: found.cursor for name, found in self.standings.items()}

    def standing(self, exporter):
        """How an exporter stands."""
        return self.standings.get(exporter, Standing(0))

    def set(self, exporter, **changes):
        """Change how an exporter stands."""
        self.standings[exporter] = msgspec.structs.replace(self.standing(exporter), **changes)

    def add(self, event, route="sink"):
        """Record an event."""
        self.rows.append(OutboxRow(len(self.rows) + 1, route, event))

    def holder(self, exporter, now):
        """Return who holds a lease."""
        owner, until = self.leases.get(exporter, (None, now))
        return owner if until >= now else None

    def holds(self, exporter, owner):
        """Tell whether nobody else has taken the lease of an owner."""
        return self.leases.get(exporter, (None,))[0] == owner

    def lease(self, exporter, owner, until, now):
        """Claim an exporter."""
        self.leases_asked += 1
        if self.holder(exporter, now) not in (None, owner):
            return None
        self.leases[exporter] = (owner, until)
        self.owners.append(owner)
        return self.standing(exporter)

    def release(self, exporter, owner):
        """Give a lease back."""
        if self.holds(exporter, owner):
            del self.leases[exporter]

    def read(self, after, limit):
        """Return what is behind a cursor."""
        return [row for row in self.rows if row.seq > after][:limit]

    def asked_again(self, exporter, limit):
        """Return what somebody asked for once more."""
        places = self.asked.get(exporter, [])
        return [row for row in self.rows if row.seq in places][:limit]

    def delivered(self, exporter, owner, cursor, *, events, now):
        """Move a cursor, for its holder."""
        if self.faults:
            raise self.faults.popleft()
        if self.holds(exporter, owner):
            assert cursor >= self.standing(exporter).cursor, "the cursor went back"
            self.set(exporter, cursor=cursor)
            self._count(exporter, events)

    def redelivered(self, exporter, owner, places, *, events, now):
        """Forget what was asked for."""
        if self.holds(exporter, owner):
            for place in places:
                self.asked[exporter].remove(place)
            self._count(exporter, events)

    def failed(self, exporter, owner, error, *, failures, retry_at, now):
        """Remember a failure."""
        if self.holds(exporter, owner):
            self.set(exporter, failures=failures, retry_at=retry_at)

    def disable(self, exporter, owner, reason, now):
        """Switch an exporter off."""
        if self.holds(exporter, owner):
            self.set(exporter, disabled=reason)

    def bury(self, exporter, row, error, now):
        """Keep a dead letter."""
        self.dead.append((exporter, row.seq, error, now))
        if row.seq in self.asked.get(exporter, []):
            self.asked[exporter].remove(row.seq)

    def behind(self, exporter):
        """Count what an exporter has not had."""
        rows = self.read(self.standing(exporter).cursor, len(self.rows))
        asked = len(self.asked.get(exporter, []))
        return asked + sum(exporter in row.route.split(",") for row in rows)

    def _count(self, exporter, events):
        self.counted[exporter] = self.counted.get(exporter, 0) + events
        if events:
            self.set(exporter, failures=0, retry_at=None)


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


@pytest.fixture
def make_event():
    """Build the n-th event of a name."""

    def make(number=0, name=EventName.COMPLETED, **job):
        return VideoEvent(
            id=f"event-{number}",
            name=name,
            at=START,
            job=Job(
                job_id=f"job_{number}",
                provider="openai",
                dialect="openai",
                created_at=START,
                trace=TraceRef(trace_id="4b" * 16, span_id="00f067aa0ba902b7"),
                **job,
            ),
        )

    return make


@pytest.fixture
def make_sink():
    """Build exporters."""
    return Sink


@pytest.fixture
def sink():
    """A durable exporter called `sink`."""
    return Sink()


class World:
    """What surrounds a relay."""

    def __init__(self):
        self.clock = Clock()
        self.outbox = MemoryOutbox()
        self.reports = Reports()


@pytest.fixture
def world():
    """A clock that stands still, an empty outbox, and what is reported."""
    return World()


@pytest.fixture
def clock(world):
    """A clock that stands still."""
    return world.clock


@pytest.fixture
def outbox(world):
    """An empty outbox."""
    return world.outbox


@pytest.fixture
def reports(world):
    """What was reported."""
    return world.reports


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


@pytest.fixture
def gate():
    """A gate, opened at the end of the test so that no thread stays behind."""
    one = Gate()
    yield one
    one.open()
