"""A ledger with a file, and a receiver on the loopback."""

import pytest
from sink_kit import Sink

from vidobs.testing import isolated


@pytest.fixture
def ledger(tmp_path):
    """A vidobs of this test's own, with a file."""
    with isolated(ledger=tmp_path / "ledger.db") as seen:
        yield seen


@pytest.fixture
def receiver():
    """Who is told."""
    with Sink() as sink:
        yield sink
