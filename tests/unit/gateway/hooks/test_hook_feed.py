"""What webhooks read in the ledger: ends, and nothing else."""

import pytest
from outbox_kit import OpenOutbox, event

from vidobs.core.events import EventName
from vidobs.gateway.hooks.feed import BATCH, LedgerFeed


@pytest.fixture
def outbox(tmp_path):
    """An outbox in a file."""
    outbox = OpenOutbox(tmp_path / "ledger.db")
    yield outbox
    outbox.connection.close()


@pytest.fixture
def feed(tmp_path):
    """What reads it."""
    feed = LedgerFeed(str(tmp_path / "ledger.db"))
    yield feed
    feed.close()


def test_what_nobody_waits_for_is_passed_over_at_once(outbox, feed):
    """However many creates there were, one look comes to the newest event."""
    names = [EventName.SUBMITTED] * 300 + [EventName.COMPLETED] + [EventName.PROGRESS] * 300
    events = [event(number, name) for number, name in enumerate(names)]
    outbox.add_many(events)

    page = feed.read(0)

    assert (page.place, page.events, page.more) == (601, (events[300],), False)
    assert (feed.read(601).place, feed.read(601).events) == (601, ())


def test_many_ends_come_one_page_after_the_other(outbox, feed):
    """None is left out and none comes twice."""
    events = [event(number, EventName.FAILED) for number in range(BATCH + 2)]
    outbox.add_many(events)
    outbox.add(event(900, EventName.SUBMITTED))

    first = feed.read(0)
    second = feed.read(first.place)

    assert (first.place, first.more) == (BATCH, True)
    assert (second.place, second.more) == (BATCH + 3, False)
    assert [*first.events, *second.events] == events
