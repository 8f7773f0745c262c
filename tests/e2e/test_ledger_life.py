"""A ledger over its life: purged while others write, kept short by its settings."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ledger_kit import RULES, Audit, Maker

from vidobs.core.jobs import JobState
from vidobs.ledger.sqlite import SqliteLedger
from vidobs.testing import Sandbox

VIDOBS = Path(sys.executable).with_name("vidobs")
JOBS = 12
WORK = """
import sys, openai, vidobs
client = vidobs.wrap(openai.OpenAI(base_url=sys.argv[1], api_key="any"))
for number in range(int(sys.argv[2])):
    video = client.videos.create_and_poll(model="sora-2", prompt="x", seconds="4")
    client.videos.retrieve(video.id)
    print(video.id, flush=True)
left = vidobs.flush()
assert left == 0, left
"""
DAY_NS = 86_400 * 10**9


@pytest.fixture
def path(tmp_path):
    """Name the ledger."""
    return tmp_path / "ledger.db"


@pytest.fixture
def env(path):
    """Give all processes one ledger."""
    ignored = "ignore:The Sora API is scheduled:DeprecationWarning"
    return {**os.environ, "VIDOBS_LEDGER": f"sqlite:///{path}", "PYTHONWARNINGS": ignored}


@pytest.fixture(scope="module")
def server():
    """Start a fast sandbox."""
    with Sandbox(time_scale=0.02) as sandbox:
        yield sandbox


def vidobs(env, *args):
    """Run a command; return what it prints."""
    command = [VIDOBS, *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_a_purge_amid_the_work_of_others(server, env):
    """While a process makes videos, finished ones are deleted: no call fails, no cent is lost."""
    arguments = [sys.executable, "-c", WORK, server.base_url, str(JOBS)]
    with subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, text=True) as worker:
        gone = 0
        for _ in worker.stdout:
            purged = vidobs(env, "ledger", "purge", "--older-than", "0s", "--yes", "--json")
            gone += json.loads(purged)["jobs"]

    assert worker.returncode == 0
    assert gone > JOBS / 2
    assert vidobs(env, "ledger", "check").startswith("nothing wrong")
    spend = json.loads(vidobs(env, "spend", "--json"))
    assert spend["total_usd"] == f"{JOBS * 0.4:.2f}"
    assert sum(row["jobs"] for row in spend["rows"]) == JOBS


def test_a_program_keeps_its_ledger_short(server, env, path):
    """With the setting, old jobs are gone after the program was at work, without a command."""
    ledger = SqliteLedger(str(path), RULES)
    make = Maker(now_ns=time.time_ns() - 40 * DAY_NS)
    job = make.job(prompt="old")
    ledger.intend(job)
    ledger.record(make.seen(job, id="old", state=JobState.COMPLETED))
    ledger.close()

    arguments = [sys.executable, "-c", WORK, server.base_url, "1"]
    subprocess.run(arguments, env={**env, "VIDOBS_RETENTION_DAYS": "30"}, check=True)

    (row,) = Audit(path).rows
    assert row.provider_job_id != "old"
    assert json.loads(vidobs(env, "spend", "--json"))["rows"][0]["jobs"] == 2
