"""`vidobs reconcile` as processes: several at once, one that is killed, one that is told to end."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from asking_kit import a_client
from ledger_kit import Audit

from vidobs.core.jobs import JobState
from vidobs.ledger.invariants import violations
from vidobs.testing import Sandbox, isolated

SOON = 60  # seconds until a test gives up on a process
PROGRAM = Path(sys.executable).with_name("vidobs")
JOBS = 12


class Place:
    """A ledger, and processes that reconcile it."""

    def __init__(self, folder, base_url):
        self.path = str(folder / "ledger.db")
        self.base_url = base_url
        self.started = []

    def make(self, *prompts):
        """Make jobs as a program does that then ends."""
        with (
            isolated(ledger=f"sqlite:///{self.path}"),
            a_client(base_url=self.base_url, api_key="k") as client,
        ):
            for prompt in prompts:
                client.videos.create(prompt=prompt, model="sora-2", seconds=4, size="160x96")

    def start(self, *options):
        """Start `vidobs reconcile`."""
        environ = {
            **os.environ,
            "VIDOBS_LEDGER": f"sqlite:///{self.path}",
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_API_KEY": "k",
        }
        process = subprocess.Popen(
            [PROGRAM, "reconcile", *options],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def close(self):
        """End what still runs."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def place(tmp_path):
    """Have processes on a ledger of its own; in the end it must be sound."""
    opened = []

    def at(base_url):
        opened.append(Place(tmp_path, base_url))
        return opened[0]

    yield at
    for one in opened:
        one.close()
        assert violations(one.path) == ()
        Audit(one.path).check()


@pytest.mark.slow
def test_several_share_the_work(place):
    """Each job is asked about once, and settled once."""
    with Sandbox(time_scale=0.01) as sandbox:
        here = place(sandbox.base_url)
        here.make(*(f"{number}" for number in range(JOBS)))
        processes = [here.start("--json") for _ in range(3)]
        reports = [json.loads(one.communicate(timeout=SOON)[0]) for one in processes]

        assert [one.returncode for one in processes] == [0, 0, 0]
        polls = Counter(one.path for one in sandbox.requests if one.method == "GET")
        del polls["/v1/videos"]
        assert set(polls.values()) == {1}
        assert len(polls) == JOBS
    audit = Audit(here.path)
    assert (audit.terminal_events, audit.settlements) == (JOBS, JOBS)
    assert max(report["settled"] for report in reports) > 0


@pytest.mark.slow
def test_one_that_is_killed_leaves_nothing_behind(place, scripted):
    """Another one takes over what it had claimed, at once and not when the lease runs out."""
    video = {"id": "v1", "status": "completed", "model": "sora-2"}
    scripted.answers["POST /videos"] = (200, {**video, "status": "queued"}, {})
    scripted.answers["GET /videos"] = (200, {"object": "list", "data": []}, {})
    here = place(scripted.base_url)
    here.make("a cat")
    reached, held = threading.Event(), threading.Event()

    def hold(_query):
        reached.set()
        held.wait(SOON)
        return video

    scripted.answers["GET /videos/v1"] = (200, hold, {})
    victim = here.start()
    assert reached.wait(SOON)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    held.set()
    scripted.answers["GET /videos/v1"] = (200, video, {})

    other = here.start()
    said, _ = other.communicate(timeout=SOON)

    assert other.returncode == 0, said
    assert said.splitlines()[-1] == "1 settled"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_watch_ends_when_it_is_told_to(number, place):
    """It follows a job to its end, prints a line for each change, and ends with exit code 0."""
    with Sandbox(time_scale=0.5) as sandbox:
        here = place(sandbox.base_url)
        here.make("a cat", "a dog [[fault:stuck]]")
        watch = here.start("--watch", "--json", "--interval", "1s")
        lines = []
        for line in watch.stdout:
            lines.append(json.loads(line))
            if lines[-1]["outcome"] == "settled":
                break
        watch.send_signal(number)
        _, errors = watch.communicate(timeout=SOON)

    assert (watch.returncode, errors) == (0, "")
    assert {line["kind"] for line in lines} == {"job"}
    assert lines[-1]["job"]["state"] == JobState.COMPLETED
    (settled,) = [row for row in Audit(here.path).rows if row.job.state.terminal]
    assert settled.job.job_id == lines[-1]["job"]["job_id"]
