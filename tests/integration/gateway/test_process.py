"""The command itself: started, asked, killed, started again."""

import json
import os
import select
import signal
import sys
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from gateway_kit import MASTER, entry, process, settings_of
from sink_kit import Sink

from vidobs.config import load
from vidobs.core.jobs import JobState
from vidobs.runtime import open_reader
from vidobs.testing import Sandbox

HEADERS = {"Authorization": f"Bearer {MASTER}"}


@pytest.fixture
def folder(tmp_path):
    """A folder with a ledger of its own."""
    return tmp_path


def written(folder, content):
    """Write the file; return its name."""
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({**content, "ledger": "sqlite:///ledger.db"}), "utf-8")
    return file.name


def jobs_of(folder):
    """Return the jobs in the folder's ledger."""
    reader = open_reader(load({"ledger": f"sqlite:///{folder / 'ledger.db'}"}, {}).settings)
    try:
        return reader.jobs(limit=10_000)
    finally:
        reader.close()


def create(url, number=0):
    """Ask for a video."""
    body = {"model": "my-sora", "prompt": f"cat {number}", "seconds": "4"}
    headers = {**HEADERS, "Idempotency-Key": f"k{number}"}
    return httpx.post(f"{url}/v1/videos", json=body, headers=headers, timeout=20)


def test_it_serves_drains_and_ends(sandbox, tmp_path):
    """The first line is the address; SIGTERM lets a request end, and the exit code is 0."""
    file = written(tmp_path, settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url)))
    with process(tmp_path, "--config", file) as (running, url):
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/health/ready").json()["status"] == "ok"
        made = create(url).json()
        assert httpx.get(f"{url}/v1/videos/{made['id']}", headers=HEADERS).status_code == 200
        assert httpx.get(f"{url}/v1/videos/{made['id']}").status_code == 401
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    assert len(jobs_of(tmp_path)) == 1


@pytest.mark.parametrize("relay", ["process", "thread"])
def test_what_it_recorded_is_delivered_before_it_ends(sandbox, tmp_path, relay):
    """By the process of the exporters, or by a thread where that is asked for."""
    content = settings_of(
        entry("my-sora", "openai/sora-2", sandbox.base_url), gateway={"relay": relay}
    )
    jsonl = {"callbacks": ["jsonl"], "exporters": {"jsonl": {"path": "events.jsonl"}}}
    file = written(tmp_path, {**content, **jsonl})
    with process(tmp_path, "--config", file) as (running, url):
        assert create(url).status_code == 200
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    assert "video.submitted" in (tmp_path / "events.jsonl").read_text("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the children of a process")
def test_a_kill_ends_the_process_of_the_exporters_too(sandbox, tmp_path):
    """It sees that it is alone."""
    with ExitStack() as stack:
        running = stack.enter_context(delivering(sandbox, tmp_path, "process"))
        [exporters] = children(running.pid)
        ended = os.pidfd_open(exporters)
        stack.callback(os.close, ended)
        running.kill()
        assert select.select([ended], [], [], 20)[0]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the children of a process")
def test_exporters_may_be_threads_of_the_gateway(sandbox, tmp_path):
    """Where that is asked for, there is no other process."""
    with delivering(sandbox, tmp_path, "thread") as running:
        assert children(running.pid) == []


@contextmanager
def delivering(sandbox, folder, relay):
    """Run a gateway until an event of it has arrived somewhere."""
    content = settings_of(
        entry("my-sora", "openai/sora-2", sandbox.base_url),
        gateway={"relay": relay},
        callbacks=["webhook"],
        exporters={"webhook": {"allow_http": True, "allow_private": True}},
    )
    with Sink() as sink:
        environ = {"VIDOBS_WEBHOOK_URL": sink.url}
        arguments = "--config", written(folder, content)
        with process(folder, *arguments, environ=environ) as (running, url):
            create(url)
            sink.wait()
            yield running


def children(pid):
    """Return the processes that a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(one) for task in tasks for one in (task / "children").read_text("ascii").split()]


@pytest.mark.slow
def test_a_kill_under_load_loses_and_doubles_nothing(tmp_path):
    """After kill -9 each key has one video at the server, and the ledger knows every one."""
    with Sandbox(time_scale=0.5) as sandbox:
        file = written(tmp_path, settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url)))
        done = {}
        with process(tmp_path, "--config", file) as (running, url):
            threads = [
                threading.Thread(target=_load, args=(url, range(first, 200, 8), done))
                for first in range(8)
            ]
            for thread in threads:
                thread.start()
            while len(done) < 20:
                assert running.poll() is None
                httpx.get(f"{url}/health/live")
            os.kill(running.pid, signal.SIGKILL)
            for thread in threads:
                thread.join(30)
        with process(tmp_path, "--config", file) as (running, url):
            for number, its_id in done.items():
                again = create(url, number)
                assert again.json()["id"] == its_id
                assert again.headers["idempotency-replayed"] == "true"
            _settle(url, done.values())
            running.send_signal(signal.SIGTERM)
            running.wait(20)
        jobs = jobs_of(tmp_path)
        known = {job.provider_job_id for job in jobs if job.provider_job_id}
        made = {job.id for job in sandbox.jobs}
        lost = made - known
        unknown = [job for job in jobs if job.state is JobState.UNKNOWN]
        assert len(lost) <= len(unknown)  # what was under way is known to be of unknown outcome
        assert len(made) == len(sandbox.jobs)
        assert known <= made
        settled = [job for job in jobs if job.state is JobState.COMPLETED]
        assert {str(job.cost.usd) for job in settled} == {"0.4"}


def _load(url, numbers, done):
    for number in numbers:
        try:
            made = create(url, number)
        except httpx.HTTPError:
            return
        if made.status_code == 200:
            done[number] = made.json()["id"]


def _settle(url, ids):
    """Ask until every video has ended."""
    with httpx.Client(base_url=url, headers=HEADERS, timeout=20) as http:
        waiting = set(ids)
        for _ in range(10_000):
            waiting -= {
                one
                for one in waiting
                if http.get(f"/v1/videos/{one}").json()["status"] == "completed"
            }
            if not waiting:
                return
    raise AssertionError(waiting)


@pytest.mark.slow
def test_a_model_without_a_file(sandbox, tmp_path):
    """`--model azure/sora-2` needs the two variables, and nothing else."""
    environ = {
        "AZURE_OPENAI_API_KEY": "k",
        "AZURE_OPENAI_API_BASE": sandbox.azure_url,
        "VIDOBS_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}",
    }
    with process(tmp_path, "--model", "azure/sora-2", environ=environ) as (_, url):
        body = {"model": "azure-sora-2", "prompt": "a cat", "seconds": "8"}
        made = httpx.post(f"{url}/videos/generations", json=body, timeout=20)
        assert (made.status_code, made.json()["status"]) == (200, "queued")


@pytest.mark.slow
def test_what_cannot_be_used_is_said_in_one_line(tmp_path):
    """A key of ours that is misspelt: the line, what is known, and what was meant."""
    file = written(tmp_path, settings_of(entry("a", "openai/sora-2", "http://127.0.0.1:9/v1")))
    content = yaml.safe_load((tmp_path / file).read_text("utf-8"))
    content["gateway"] = {"rooting": "weighted"}
    (tmp_path / file).write_text(json.dumps(content), "utf-8")
    with process(tmp_path, "--config", file) as (running, first_line):
        assert running.wait(20) == 2
        assert first_line == ""


@pytest.mark.slow
def test_no_file_and_no_model_is_an_error(tmp_path):
    """Nothing is guessed."""
    with process(tmp_path) as (running, _):
        assert running.wait(20) == 2
