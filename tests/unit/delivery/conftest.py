"""What the tests of delivery share: a clock to turn, an outbox in memory, scripted exporters."""

import outbox_kit
import pytest
from relay_kit import Gate, Sink, World


@pytest.fixture
def make_event():
    """Build the n-th event of a name."""
    return outbox_kit.event


@pytest.fixture
def make_sink():
    """Build exporters."""
    return Sink


@pytest.fixture
def sink(world):
    """A durable exporter called `sink`."""
    return world.sink


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


@pytest.fixture
def listener(world):
    """What was told."""
    return world.listener


@pytest.fixture
def gate():
    """A gate, opened at the end of the test so that no thread stays behind."""
    one = Gate()
    yield one
    one.open()
