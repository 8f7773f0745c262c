"""Which webhooks were dealt with: known after a restart, and forgotten in time."""

import pytest

from vidobs import runtime
from vidobs.testing import FrozenClock, isolated
from vidobs.webhooks._seen import Seen

HOUR_S = 3600
DAY_S = 24 * HOUR_S


@pytest.fixture
def clock():
    """The time of the ledger."""
    return FrozenClock()


@pytest.fixture
def open_ledger(clock, tmp_path):
    """Have a vidobs on one and the same file."""
    return lambda: isolated(clock=clock, ledger=f"sqlite:///{tmp_path}/ledger.db")


def test_what_was_seen_is_known_after_a_restart(open_ledger):
    """By sender and id, whatever an id looks like."""
    with open_ledger():
        seen = Seen(runtime.current())
        assert not seen.has("openai", "evt_1")
        seen.add("openai", "evt_1")
        seen.add("openai", "evt_1")
    with open_ledger():
        seen = Seen(runtime.current())
        assert seen.has("openai", "evt_1")
        assert not seen.has("replicate", "evt_1")
        assert not seen.has("openai", "evt_1\0")


def test_it_is_forgotten_after_some_days(open_ledger, clock):
    """Nobody repeats a webhook for longer than that."""
    with open_ledger():
        seen = Seen(runtime.current())
        seen.add("openai", "old")
        clock.advance(3.5 * DAY_S)
        seen.add("openai", "young")
        assert seen.has("openai", "old")
        clock.advance(DAY_S)
        seen.add("openai", "new")

        assert [seen.has("openai", each) for each in ("old", "young", "new")] == [False, True, True]


def test_there_are_never_very_many(open_ledger, clock):
    """The oldest go first, once an hour."""
    with open_ledger():
        seen = Seen(runtime.current(), most=3)
        for number in range(5):
            clock.advance(1)
            seen.add("openai", f"{number}")
        clock.advance(HOUR_S)
        seen.add("openai", "5")

        known = [seen.has("openai", f"{number}") for number in range(6)]
        assert known == [False, False, False, True, True, True]


def test_other_notes_of_the_ledger_stay(open_ledger, clock):
    """Only webhooks are forgotten."""
    with open_ledger():
        sweeper = runtime.current().store.outbox().sweeper()
        for name in ("webhoo", "webhooks_other", "a"):
            sweeper.keep_note(name, 1)
        key = runtime.current().store.fingerprint_key()
        clock.advance(10 * DAY_S)
        Seen(runtime.current(), most=1).add("openai", "new")

        assert [sweeper.note(name) for name in ("webhoo", "webhooks_other", "a")] == [1, 1, 1]
        assert runtime.current().store.fingerprint_key() == key
