"""A sandbox whose time moves by hand, and plain HTTP to it."""

import httpx
import pytest

from vidobs.testing import Sandbox

BORN_S = 1_800_000_000
KEY = {"authorization": "Bearer sk-test"}


class FrozenClock:
    """Time that moves only when told to."""

    def __init__(self) -> None:
        self.now_ns = BORN_S * 1_000_000_000

    def time_ns(self) -> int:
        """Return the time that was set."""
        return self.now_ns

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += round(seconds * 1_000_000_000)


@pytest.fixture
def clock():
    """A clock for one test."""
    return FrozenClock()


@pytest.fixture
def sandbox(clock):
    """Time moves by the frozen clock only."""
    with Sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def http(sandbox):
    """Plain HTTP with a key."""
    with httpx.Client(base_url=sandbox.base_url, headers=KEY, timeout=20) as client:
        yield client


@pytest.fixture
def finished(http, clock):
    """A small video that is completed."""
    made = http.post("/videos", json={"prompt": "a cat", "seconds": "2", "size": "160x96"}).json()
    clock.move(1.8)
    return made["id"]


@pytest.fixture
def error_of():
    """Return status, param and code of an error, whose envelope must be whole."""

    def read(answer: httpx.Response) -> tuple[int, str | None, str | None]:
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert error["message"]
        assert isinstance(error["type"], str)
        return answer.status_code, error["param"], error["code"]

    return read
