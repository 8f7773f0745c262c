import subprocess
import sys
from decimal import Decimal

import msgspec
import pytest
from governance_kit import Clock, House

from vidobs.core.calls import NOBODY
from vidobs.core.jobs import JobState, Usage
from vidobs.gateway.governance import changes
from vidobs.gateway.governance.durations import ms
from vidobs.gateway.governance.erasing import AccountsEraser
from vidobs.gateway.governance.erasing import Person as Somebody
from vidobs.gateway.governance.figures import figures_of
from vidobs.gateway.governance.governance import Governance
from vidobs.gateway.governance.records import Kind
from vidobs.gateway.governance.settings import read_settings
from vidobs.gateway.seams import Refusal
from vidobs.ledger.database import open_reader
from vidobs.ledger.open_jobs import unfinished
from vidobs.ledger.sweeper import sweeping
from vidobs.ledger.sweeps import Person

CHILD = """
import os, sys
from pathlib import Path
from governance_kit import House
from vidobs.core.jobs import JobState
house = House(Path(sys.argv[1]))
house.governance.start()
token = house.key("vk_a", max_budget="100").text
jobs = [house.intend(token, house.admit(token)[0]) for _ in range(6)]
for job in jobs[:4]:
    house.record(job, id=job.job_id, state=JobState.QUEUED)
for job in jobs[:2]:
    house.record(job, id=job.job_id, state=JobState.COMPLETED)
house.admit(token)
print(token, flush=True)
os.kill(os.getpid(), 9)
"""


def resume(house):
    """Hand admission what is unfinished, as the gateway does at its start."""
    connection = open_reader(house.ledger.path)
    found = unfinished(connection, house.clock.now.replace(year=2000))
    connection.close()
    house.admission.resume({entry.job.job_id: entry.job for entry in found})


def test_sums_are_exact_after_kill_9(tmp_path):
    """Settled jobs are spent, written intents are held, and one that was never written is not."""
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    token = run.stdout.strip()
    assert token.startswith("sk-"), run.stderr
    house = House(tmp_path)
    resume(house)
    assert house.standing("key", "vk_a") == (Decimal("3.2"), Decimal("1.6"))
    assert house.principal(token).owner == "vk_a"
    house.close()


def test_a_restart_that_missed_the_end_of_a_job_reads_it_in_the_outbox(tmp_path):
    """What a dead process recorded and never counted is counted by the next one."""
    house = House(tmp_path)
    token = house.key("vk_a", max_budget="8").text
    job = house.intend(token, house.admit(token)[0])
    house.ledger.record(house.make.seen(job, id="v", state=JobState.QUEUED))
    house.ledger.record(house.make.seen(job, id="v", state=JobState.COMPLETED))
    house.die()
    house.open()
    resume(house)
    assert house.standing("key", "vk_a") == (0, Decimal("0.8"))
    house.close()


def test_a_correction_without_an_event_is_not_lost_with_the_process(tmp_path):
    """The cost of a job that ended was corrected, and the process died before it counted it."""
    house = House(tmp_path)
    token = house.key("vk_a", max_budget="8").text
    job = house.run(token)
    house.governance.keeper.round()
    better = Usage(reported_usd=Decimal("0.30"))
    name = f"video_{job.job_id}"
    house.ledger.record(house.make.seen(job, id=name, state=JobState.COMPLETED, usage=better))
    house.die()
    house.open()
    assert house.standing("key", "vk_a") == (0, Decimal("0.3"))
    house.close()


def test_another_ledger_is_read_from_its_beginning(tmp_path):
    """The cursor belongs to one ledger; what was spent in the one before stays."""
    house = House(tmp_path)
    token = house.key("vk_a", max_budget="8").text
    house.run(token)
    house.close()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    house.open()
    house.run(token)
    house.governance.keeper.round()
    assert house.standing("key", "vk_a") == (0, Decimal("1.6"))
    house.close()
    house.open()
    assert house.standing("key", "vk_a") == (0, Decimal("1.6"))
    house.close()


def test_two_gateways_on_one_ledger_count_each_others_spend(tmp_path):
    """Whichever moves the projection, both know what was spent."""
    clock = Clock()
    one = House(tmp_path, clock)
    token = one.key("vk_a", max_budget="8").text
    two = House(tmp_path, clock)
    two.make.bits = __import__("random").Random(7).getrandbits
    for _ in range(3):
        for house in (one, two):
            house.run(token)
            one.governance.keeper.round()
            two.governance.keeper.round()
    one.governance.keeper.round()
    two.governance.keeper.round()
    assert one.standing("key", "vk_a") == (0, Decimal("4.8"))
    assert two.standing("key", "vk_a") == (0, Decimal("4.8"))
    one.close()
    two.close()


def test_a_backlog_is_counted_exactly_at_every_step(house):
    """Ends that this process knows, and those of another, while there is more than one page."""
    token = house.key("vk_a", max_budget="500").text
    for ours in [True, False] * 80:
        job = house.intend(token, house.admit(token)[0])
        job = house.record(job, id=job.job_id, state=JobState.QUEUED)
        job = house.record(job, id=job.job_id, state=JobState.IN_PROGRESS)
        if ours:
            house.record(job, id=job.job_id, state=JobState.COMPLETED)
        else:
            house.ledger.record(house.make.seen(job, id=job.job_id, state=JobState.COMPLETED))
    assert house.standing("key", "vk_a") == (64, 64)
    while house.governance._projection.step():
        assert sum(house.standing("key", "vk_a")) == 128
    assert house.standing("key", "vk_a") == (0, 128)
    rows = house.governance.rows.ask("logs", 0, 2**62, *[None] * 6, 200, 0)
    assert [row[9] for row in rows] == ["completed"] * 160


def test_an_end_that_another_process_counted_stays(house):
    """What was read before of the job, and is written after, does not make it run again."""
    token = house.key("vk_a", max_budget="8").text
    job = house.intend(token, house.admit(token)[0])
    running = house.record(job, id="v", state=JobState.QUEUED)
    house.record(running, id="v", state=JobState.COMPLETED)
    house.governance.keeper.round()
    rows = house.governance.rows
    with rows.batch([figures_of(running)], rows.place()):
        pass
    assert rows.open_jobs() == []
    assert rows.counted(job.job_id) == 800_000_000


def test_a_hold_that_the_ledger_says_has_ended_is_found(house):
    """Nothing leaks for ever: what is held for a minute is looked up."""
    token = house.key("vk_a", max_budget="8").text
    asked, _ = house.admit(token)
    job = house.intend(token, asked)
    house.record(job, id="v", state=JobState.QUEUED)
    house.record(job, id="v", state=JobState.COMPLETED)
    house.governance.keeper.round()
    late = msgspec.structs.replace(job, state=JobState.IN_PROGRESS)  # an answer that was overtaken
    house.admission.resume({job.job_id: late})
    assert house.standing("key", "vk_a") == (Decimal("0.8"), Decimal("0.8"))
    house.clock.move(minutes=2)
    house.governance._projection.verify()
    house.governance.keeper.round()
    assert house.standing("key", "vk_a") == (0, Decimal("0.8"))


def test_a_hold_that_the_ledger_never_heard_of_is_given_up(house):
    """A create that was admitted and never written is forgotten after a quarter of an hour."""
    token = house.key("vk_a", max_budget="8").text
    house.admit(token)
    house.clock.move(minutes=14)
    house.governance._projection.verify()
    assert house.standing("key", "vk_a") == (Decimal("0.8"), 0)
    house.clock.move(minutes=2)
    house.governance._projection.verify()
    assert house.standing("key", "vk_a") == (0, 0)


def test_a_broken_file_is_said_once_and_keys_still_open(house):
    """The gateway answers from memory; creates against budgets it cannot read are refused."""
    token = house.key("vk_a", max_budget="8").text
    house.governance.rows._reader.close()
    house.governance.keeper.round()
    house.governance.keeper.round()
    assert len(house.said) == 1
    assert "answered from memory" in house.said[0]
    assert house.principal(token).owner == "vk_a"
    with pytest.raises(Refusal) as caught:
        house.admit(token)
    assert (caught.value.status, caught.value.code) == (503, "budget_unavailable")


def test_a_deleted_key_keeps_its_spend(house):
    """What it spent still counts for its team."""
    house.group("team", "films", max_budget="1")
    made = house.key("vk_a", team="films")
    house.run(made.text)
    changes.delete(house.store, made.account, house.act)
    house.directory.refresh()
    other = house.key("vk_b", team="films")
    with pytest.raises(Refusal, match="budget of team films exceeded"):
        house.admit(other.text)


def test_a_correction_that_nobody_told_of_is_found(house):
    """Another process corrects a cost without an event: half a minute later it counts."""
    token = house.key("vk_a", max_budget="8").text
    job = house.run(token)
    house.governance.keeper.round()
    better = Usage(reported_usd=Decimal("0.30"))
    name = f"video_{job.job_id}"
    house.follow_clock()
    house.ledger.record(house.make.seen(job, id=name, state=JobState.COMPLETED, usage=better))
    house.governance._projection.verify()
    assert house.standing("key", "vk_a") == (0, Decimal("0.3"))
    house.governance.keeper.round()
    assert house.standing("key", "vk_a") == (0, Decimal("0.3"))


def test_a_job_that_was_purged_counts_as_it_was_last(tmp_path):
    """Its row in the ledger is gone before anybody counted it; its last event is still there."""
    house = House(tmp_path)
    token = house.key("vk_a", max_budget="8").text
    job = house.intend(token, house.admit(token)[0])
    house.ledger.record(house.make.seen(job, id="v", state=JobState.COMPLETED))
    house.ledger.connection.execute("DELETE FROM job")
    house.die()
    house.open()
    assert house.standing("key", "vk_a") == (0, Decimal("0.8"))
    house.close()


def test_a_gateway_may_start_before_its_ledger(tmp_path):
    """Nothing was ever written: nothing is spent, and what comes later is read."""
    house = House(tmp_path)
    token = house.key("vk_a", max_budget="8").text
    house.close()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    settings = read_settings({}, None)
    early = Governance(
        settings, house.ledger.path, alerts=house.heard, report=house.said.append, now=house.clock
    )
    early.keeper.round()
    house.open()
    house.run(token)
    early.keeper.round()
    standing = early.book.standing((Kind.KEY, "vk_a"), None, ms(house.clock.now))
    assert (standing.held, standing.spent) == (0, 800_000_000)
    early.close()
    house.close()
    assert house.said == []


@pytest.mark.parametrize("restarted", [False, True])
def test_what_runs_when_its_person_is_erased_is_paid_all_the_same(tmp_path, restarted):
    """The job is nobody's from then on; key, team and gateway bear what it comes to."""
    house = House(tmp_path)
    house.group(Kind.TEAM, "films", max_budget="8")
    token = house.key("vk_a", user="ada", team="films").text
    job = house.intend(token, house.admit(token)[0])
    job = house.record(job, id="v", state=JobState.QUEUED)
    house.governance.keeper.round()
    with sweeping(house.ledger.path) as sweeper:
        assert sweeper.run(Person("ada", 2**62)).jobs == 1
    AccountsEraser(str(tmp_path / "gateway.db"), Somebody(user="ada")).erase(house.clock.now)
    nobodys = house.ledger.record(house.make.seen(job, id="v", state=JobState.COMPLETED))
    house.admission.recorded(nobodys)
    assert nobodys.job.attribution == NOBODY
    if restarted:
        house.die()
        house.open()
    house.clock.move(minutes=20)
    house.governance._projection.verify()
    house.governance.keeper.round()
    for kind, account_id in (("team", "films"), ("key", "vk_a"), ("gateway", "")):
        assert house.standing(kind, account_id) == (0, Decimal("0.8"))
    [row] = house.governance.rows.ask("logs", 0, 2**62, *[None] * 6, 9, 0)
    assert (row[2], row[3], row[4], row[9]) == ("vk_a", None, "films", "completed")
    house.close()


def test_two_jobs_that_fell_on_one_place_are_both_counted(house):
    """Once in millions of creates two ids name one place in the ledger: the second lies behind."""
    token = house.key("vk_a", max_budget="8").text
    asked = [house.admit(token)[0] for _ in range(2)]
    first, second = (house.job(house.principal(token), one) for one in asked)
    twin = f"{first.job_id[:18]}{'f' * 10}{first.job_id[28:]}"
    jobs = (first, msgspec.structs.replace(second, job_id=twin))
    for job in jobs:
        house.ledger.intend(job)
        house.ledger.record(house.make.seen(job, id=job.job_id, state=JobState.COMPLETED))
    house.admission._book.give_back(second.job_id)
    house.governance.keeper.round()
    assert house.standing("key", "vk_a") == (0, Decimal("1.6"))
