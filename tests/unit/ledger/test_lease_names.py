"""The names under which processes hold leases, and what they tell of a process that is gone."""

import os
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import pytest
from outbox_kit import START, OpenOutbox

from vidobs.ledger import processes

LEASE = timedelta(seconds=30)
ASKS = pytest.mark.skipif(os.name == "nt", reason="there nobody can ask whether a process runs")


@pytest.fixture
def dead():
    """The name of a process that ended."""
    program = "from vidobs.ledger.processes import owner_name as n; print(n(7), end='')"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def outbox():
    """An outbox in memory."""
    outbox = OpenOutbox()
    with closing(outbox.connection):
        yield outbox


def test_a_name_says_who_and_since_when():
    """Host and space of ids, process, start and some bits; two of one process are two names."""
    place, pid, start, bits = processes.owner_name(0xBEEF).split(":")

    assert place
    assert (int(pid), start, bits) == (os.getpid(), processes.started(os.getpid()), "0000beef")
    assert processes.owner_name(1) != processes.owner_name(2)


def test_a_living_process_is_not_gone():
    """Whatever its bits are: a second relay of one process is no ghost."""
    assert not processes.gone(processes.owner_name(1))


@ASKS
def test_a_process_that_ended_is_gone(dead):
    """Its id says so, or, once that is given away again, its start."""
    place, _, start, bits = dead.split(":")

    assert processes.gone(dead)
    if start:
        assert processes.gone(f"{place}:{os.getpid()}:{start}:{bits}")


@ASKS
def test_a_process_that_nobody_waited_for_is_gone():
    """A zombie delivers nothing any more."""
    program = (
        "import sys; from vidobs.ledger.processes import owner_name as n\n"
        "print(n(7), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    name = process.stdout.readline().strip()
    assert not processes.gone(name)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it ended, and stays a zombie

    assert processes.gone(name)
    process.communicate()


@pytest.mark.parametrize(
    "name",
    ["", "me", "elsewhere:1:2:3", "a:b:c:d", "a:1", "vm/pid-1:99999999999999999999:1:2"],
)
def test_nothing_is_said_of_what_nobody_can_know(name):
    """Another host, another space of process ids, a name of another kind: only time can tell."""
    assert not processes.gone(name)


@ASKS
def test_the_lease_of_a_dead_process_goes_to_who_asks_first(outbox, dead):
    """It is not waited for, and there is still only one who has it."""
    mine, another = processes.owner_name(1), processes.owner_name(2)
    assert outbox.lease("sink", dead, START + LEASE, START)

    assert outbox.lease("sink", mine, START + LEASE, START)
    assert outbox.lease("sink", another, START + LEASE, START) is None
    assert outbox.holder("sink", START) == mine


def test_the_lease_of_a_living_process_lasts(outbox):
    """Also one of this very process, or of another host, until its time is over."""
    mine = processes.owner_name(1)
    later = START + LEASE + timedelta(seconds=1)
    for holder in (processes.owner_name(2), "elsewhere:1:2:3"):
        assert outbox.lease("sink", holder, START + LEASE, START)
        assert outbox.lease("sink", mine, START + LEASE, START) is None
        assert outbox.lease("sink", mine, later + LEASE, later)
        outbox.release("sink", mine)


def test_a_lease_from_a_clock_that_was_put_back_is_free(outbox):
    """No lease lasts for a day: whoever asked for it knew another time."""
    tomorrow = START + timedelta(days=1)
    assert outbox.lease("sink", "elsewhere:1:2:3", tomorrow + LEASE, tomorrow)

    assert outbox.lease("sink", "me", START + LEASE, START)
    assert outbox.holder("sink", START) == "me"
