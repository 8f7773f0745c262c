"""Claims on pieces of work: one owner at a time, whatever becomes of it."""

import subprocess
import sys
from functools import partial

import pytest
from ledger_kit import RULES

from vidobs.ledger import claims, processes
from vidobs.ledger.claims import Claim
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.ledger.sweeper import sweeping

NOW_US = 1_795_000_000_000_000
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
ALIVE = "elsewhere/:1::00000000"  # nobody here can know whether it runs


@pytest.fixture
def sweeper(tmp_path):
    """Work on a ledger of one's own."""
    path = str(tmp_path / "ledger.db")
    SqliteLedger(path, RULES).close()
    with sweeping(path) as sweeper:
        yield sweeper


@pytest.fixture
def take(sweeper):
    """Claim names for a minute."""

    def take(owner, *names, now_us=NOW_US):
        until_us = now_us + MINUTE_US
        return sweeper.work(
            partial(claims.take, names=names, owner=owner, now_us=now_us, until_us=until_us)
        )

    return take


def test_one_owner_at_a_time(take):
    """What another one holds is not got; what is one's own is prolonged."""
    assert set(take(ALIVE, "work:a", "work:b")) == {"work:a", "work:b"}

    assert set(take("other:1::00", "work:b", "work:c")) == {"work:c"}
    assert take(ALIVE, "work:a", now_us=NOW_US + 1)["work:a"].until_us == NOW_US + 1 + MINUTE_US


@pytest.mark.parametrize(
    ("later_us", "free"),
    [(MINUTE_US - 1, False), (MINUTE_US, True), (-DAY_US, True)],
    ids=["not yet", "run out", "the clock was put back"],
)
def test_a_lease_runs_out(take, later_us, free):
    """An owner that nobody can ask about loses it by time alone."""
    take(ALIVE, "work:a")

    assert bool(take("other:1::00", "work:a", now_us=NOW_US + later_us)) is free


def test_the_lease_of_a_dead_process_is_free_at_once(take):
    """On this host it is known that its process has ended."""
    code = "from vidobs.ledger.processes import owner_name; print(owner_name(1))"
    dead = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    take(dead.stdout.strip(), "work:a")

    assert take("other:1::00", "work:a")


def test_the_lease_of_a_living_process_is_not(take):
    """This very process lives."""
    take(processes.owner_name(1), "work:a")

    assert not take(processes.owner_name(2), "work:a")


def test_what_was_learnt_is_kept(take, sweeper):
    """Whoever takes the work next knows how it went so far."""
    learnt = Claim(owner=ALIVE, until_us=NOW_US, tries=3, retry_us=NOW_US + 5, missing_us=7)

    sweeper.work(partial(claims.keep, name="work:a", claim=learnt))

    (claim,) = take("other:1::00", "work:a").values()
    assert (claim.tries, claim.retry_us, claim.missing_us) == (3, NOW_US + 5, 7)


def test_what_is_done_is_forgotten(take, sweeper):
    """A claim that was dropped leaves nothing behind."""
    take(ALIVE, "work:a", "work:b")

    sweeper.work(partial(claims.drop, names=["work:a"]))

    assert sweeper.ask(partial(claims.read, name="work:a")) == Claim()
    assert sweeper.ask(partial(claims.read, name="work:b")).owner == ALIVE


def test_old_claims_go(take, sweeper):
    """Those of the kind that nobody came back to for two weeks; other notes stay."""
    take(ALIVE, "work:old", "other:old")
    take(ALIVE, "work:new", now_us=NOW_US + 14 * DAY_US)
    sweeper.keep_note("work", 1)

    sweeper.work(partial(claims.tidy, kind="work", now_us=NOW_US + 15 * DAY_US))

    assert sweeper.ask(partial(claims.read, name="work:old")) == Claim()
    kept = [sweeper.ask(partial(claims.read, name=name)) for name in ("work:new", "other:old")]
    assert [claim.owner for claim in kept] == [ALIVE, ALIVE]
    assert sweeper.note("work") == 1
