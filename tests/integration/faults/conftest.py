"""One sandbox for a module, whose time moves with the polls, and clients to play stories on it."""

import pytest
from fault_kit import Player, PollClock, client_of

import vidobs
from vidobs.testing import Sandbox, isolated

TIME_SCALE = 0.02
PATIENCE_S = 0.1  # of a caller who does not wait for an answer that comes 0.6 s late


@pytest.fixture(scope="module")
def clock():
    """The time of the sandbox and of vidobs."""
    return PollClock()


@pytest.fixture(scope="module")
def sandbox(clock):
    """Fifty times faster than usual where it waits in real time."""
    with Sandbox(time_scale=TIME_SCALE, clock=clock) as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def kind(request):
    """Both kinds of client."""
    return request.param


@pytest.fixture
def seen(clock):
    """A vidobs of the test's own, on the sandbox's time."""
    with isolated(clock=clock) as running:
        yield running


@pytest.fixture
def connect(kind, sandbox, clock, seen):
    """Make players: bare ones send a create once, wrapped ones are as the user gets them."""
    made = []

    def open_one(mode, *, bare=False, impatient=False):
        client = client_of(kind, sandbox.base_url, clock)
        player = Player(
            client if bare else vidobs.wrap(client),
            mode,
            create_retries=0 if bare else None,
            timeout_s=PATIENCE_S if impatient else 30.0,
        )
        made.append(player)
        return player

    yield open_one
    for player in made:
        player.close()
