"""Jobs and events made by hand."""

import msgspec
import pytest
from ledger_kit import Maker

from vidobs.core import ids
from vidobs.core.events import EventName, VideoEvent
from vidobs.ledger import codec


@pytest.fixture
def maker():
    """Make jobs from a seed."""
    return Maker()


@pytest.fixture
def event(maker):
    """Make an event of a job, which is given changes first."""

    def make(name, job=None, *, spans=(), **changes):
        now_ns = maker.tick()
        return VideoEvent(
            id=ids.uuid7_hex(now_ns, maker.bits(ids.SEED_BITS)),
            name=EventName(name),
            at=codec.moment(now_ns // 1000),
            job=msgspec.structs.replace(job or maker.job(), **changes),
            spans=spans,
        )

    return make
