"""Each program of `examples/`, run as a user would: in a folder of its own, against a server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from vidobs.core.events import VideoEvent
from vidobs.core.jobs import Job, JobState, Reason
from vidobs.ledger.reader import LedgerReader
from vidobs.testing import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 60
NO_WARNING = "ignore:The Sora API is scheduled:DeprecationWarning"


@pytest.fixture(scope="module")
def server():
    """Start a fast sandbox for all examples."""
    with Sandbox(time_scale=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def run(server, tmp_path):
    """Run an example; return what it wrote and the jobs it left in the ledger, oldest first."""

    def run_example(name: str) -> tuple[subprocess.CompletedProcess[str], list[Job]]:
        env = {
            **os.environ,
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "any",
            "VIDOBS_LEDGER": "sqlite:///ledger.db",
            "PYTHONWARNINGS": NO_WARNING,
        }
        ran = subprocess.run(
            [sys.executable, EXAMPLES / name],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        reader = LedgerReader(str(tmp_path / "ledger.db"))
        jobs = reader.jobs()[::-1]
        reader.close()
        return ran, jobs

    return run_example


def test_quickstart(run, tmp_path):
    """One job, settled; its file is there; the callback prints and the console tells the story."""
    ran, (job,) = run("quickstart.py")

    assert ran.stdout == "sora-2: $0.8 settled by requested\n"
    told = re.findall(r"video\.\w+", ran.stderr)
    assert (told[:2], told[-2:]) == (
        ["video.submitted", "video.started"],
        ["video.completed", "video.downloaded"],
    )
    assert job.file.size_bytes == (tmp_path / "cat.mp4").stat().st_size


def test_async_client(run, tmp_path):
    """Three jobs at once, each on its user's account, with the tag of all."""
    ran, jobs = run("async_client.py")

    assert sorted(ran.stdout.splitlines()) == [
        "ada: completed $0.4",
        "grace: completed $0.4",
        "linus: completed $0.4",
    ]
    assert {job.user for job in jobs} == {"ada", "grace", "linus"}
    assert all(job.tags == {"campaign": "spring"} for job in jobs)
    assert all((tmp_path / f"{job.user}.mp4").is_file() for job in jobs)


def test_from_yaml(run, tmp_path):
    """The file switches `jsonl` on, prices the model and has prompts hashed."""
    ran, (job,) = run("from_yaml.py")

    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    events = [msgspec.json.decode(line, type=VideoEvent) for line in lines]
    assert ran.stdout == f"{job.provider_job_id}: {len(events)} events in events.jsonl\n"
    assert events[-1].name == "video.completed"
    assert f"{job.cost.usd}" == "0.1"
    assert re.fullmatch("hmac:[0-9a-f]{32}", job.prompt)


def test_own_callback(run):
    """The function hears of the failed job, the exporter adds up the finished one."""
    ran, jobs = run("own_callback.py")

    assert ran.stdout == "provider_error: possibly $0.4\nto be paid: 40 cents\n"
    assert [(job.state, job.reason) for job in jobs] == [
        (JobState.COMPLETED, None),
        (JobState.FAILED, Reason.PROVIDER_ERROR),
    ]


def test_spend_limit(run, server):
    """The second create is refused, recorded, and never reaches the server."""
    before = len(server.jobs)

    ran, jobs = run("spend_limit.py")

    first, made, refused = ran.stdout.splitlines()
    assert (first, made) == ("one video: $0.8", "video 1: made")
    assert refused.startswith("video 2: create refused before it was sent: its quote of $0.80 on")
    assert [(job.state, job.reason) for job in jobs] == [
        (JobState.COMPLETED, None),
        (JobState.FAILED, Reason.BUDGET),
    ]
    assert len(server.jobs) == before + 1


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_tested(example):
    """No example is longer than 60 lines, and each has a test above."""
    assert len(example.read_text("utf-8").splitlines()) < MOST_LINES
    assert f"test_{example.stem}" in globals()
