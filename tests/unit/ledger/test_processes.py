"""How the creates of a process that died are found."""

import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from ledger_kit import RULES, SECOND, Audit, Maker

from vidobs.core.events import EventName
from vidobs.core.jobs import JobState
from vidobs.ledger import processes
from vidobs.ledger.processes import Process, alive, started
from vidobs.ledger.sqlite import SqliteLedger

NOBODY = 2**22 + 1  # above every pid that Linux gives
HOUR = 3600 * SECOND


@pytest.fixture
def path(tmp_path):
    """Name the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def make():
    """Make jobs."""
    return Maker()


@pytest.fixture
def enter(path, make):
    """Open the ledger as another process."""
    opened = []

    def enter():
        ledger = SqliteLedger(str(path), RULES)
        opened.append(ledger)
        with ledger.held():
            processes.enter(ledger, make.now_ns)
        return ledger

    yield enter
    for ledger in opened:
        ledger.close()


def die(ledger):
    """Let the process of a ledger be dead, as far as others can see."""
    ledger.connection.execute("UPDATE process SET pid = ? WHERE id = ?", (NOBODY, ledger.owner))


def recover(ledger, make):
    """Look for dead processes; return the events that caused."""
    with ledger.held():
        found = processes.recover(ledger, make.tick(), make.bits(74))
    return [event for recorded in found for event in recorded.events]


def table(ledger):
    """Return the processes that are known."""
    return [row[0] for row in ledger.connection.execute("SELECT id FROM process").fetchall()]


def test_a_dead_process_leaves_unknown_creates(enter, make, path):
    """Its open creates become `unknown`, with possible spend; what was answered stays."""
    mine, theirs = enter(), enter()
    open_one, answered = make.job(), make.job()
    for job in (open_one, answered):
        theirs.intend(job)
    theirs.record(make.seen(answered, id="v1", state=JobState.QUEUED))
    assert recover(mine, make) == []
    die(theirs)
    (event,) = recover(mine, make)
    assert (event.name, event.job.job_id) == (EventName.UNKNOWN, open_one.job_id)
    assert event.job.cost.possible_usd == open_one.cost.usd
    assert event.detail.startswith("ProcessDied: ")
    assert recover(mine, make) == []
    assert table(mine) == [mine.owner]
    assert len(Audit(path).check().rows) == 2


def test_two_who_look_at_once_say_it_once(enter, make, path):
    """Of two processes that find a dead one, one speaks, though both read the table before."""
    mine, other, theirs = enter(), enter(), enter()
    theirs.intend(make.job())
    die(theirs)
    row = mine.connection.execute("SELECT id, first_seq FROM process WHERE pid = ?", (NOBODY,)).get
    told = []
    for ledger in (mine, other):
        with ledger.held():
            told += ledger.give_up_creates(*row, make.tick(), make.bits(74))
    assert len(told) == 1
    assert [name for _, _, name, _ in Audit(path).check().events] == ["video.unknown"]


def test_an_answer_after_all_is_taken(enter, make):
    """A process that was only taken for dead brings its answer, and the job goes on."""
    mine, theirs = enter(), enter()
    job = make.job()
    theirs.intend(job)
    die(theirs)
    recover(mine, make)
    recorded = theirs.record(make.seen(job, id="v1", state=JobState.QUEUED))
    assert (recorded.job.state, recorded.job.cost.usd) == (JobState.QUEUED, job.cost.usd)
    with theirs.held():
        processes.beat(theirs, make.tick())
    assert theirs.owner in table(mine)


def test_who_leaves_with_open_creates_is_still_found(enter, make):
    """A process that ends in the middle of a create stays in the table until somebody looks."""
    mine, theirs = enter(), enter()
    job = make.job()
    theirs.intend(job)
    with theirs.held():
        processes.leave(theirs)
    assert theirs.owner in table(mine)
    die(theirs)
    assert [event.name for event in recover(mine, make)] == [EventName.UNKNOWN]


def test_who_leaves_with_nothing_open_is_forgotten(enter, make):
    """After the answers a process leaves nothing behind."""
    mine, theirs = enter(), enter()
    job = make.job()
    theirs.intend(job)
    theirs.record(make.seen(job, id="v1", state=JobState.QUEUED))
    with theirs.held():
        processes.leave(theirs)
    assert table(mine) == [mine.owner]


def test_only_the_latest_jobs_are_looked_through(enter, make):
    """A beat moves the place from which creates are looked for, never beyond an open one."""
    mine = enter()
    open_one = make.job()
    mine.intend(open_one)
    make.tick(5 * 3600)
    first = "SELECT first_seq FROM process"
    with mine.held():
        processes.beat(mine, make.now_ns)
    held_back = mine.connection.execute(first).get
    assert held_back in mine.in_flight
    mine.record(make.seen(open_one, id="v1", state=JobState.QUEUED))
    with mine.held():
        processes.beat(mine, make.now_ns)
    assert mine.connection.execute(first).get > held_back


def a_process(**changes):
    """Return the row of this very process, or one with changes."""
    row = {
        "id": 1,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": started(os.getpid()),
        "first_seq": 0,
        "seen_us": 0,
    }
    return Process(**{**row, **changes})


def test_who_is_alive():
    """This process is; one whose pid nobody has, or somebody else by now, is not."""
    assert alive(a_process(), HOUR)
    assert not alive(a_process(pid=NOBODY), HOUR)
    assert not alive(a_process(started="another boot"), HOUR)


def test_another_host_is_believed_for_five_minutes():
    """Of other hosts only their beats are known."""
    there = a_process(host="elsewhere", seen_us=HOUR // 1000)
    assert alive(there, HOUR + 200 * SECOND)
    assert not alive(there, HOUR + 400 * SECOND)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells in what state a process is")
def test_a_zombie_is_dead():
    """A killed process that its parent has not waited for yet does not count as alive."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    row = a_process(pid=process.pid, started=started(process.pid))
    assert alive(row, 0)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(row, 0)
    with closing(process.stdin):
        process.wait()
