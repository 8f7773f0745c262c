"""Each program of `examples/`, run as a user would: in a folder of its own, against a server."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import msgspec
import pytest

from vidobs.core.events import VideoEvent, spans_of
from vidobs.core.jobs import Job, JobState, Reason
from vidobs.ledger.reader import LedgerReader
from vidobs.testing import Sandbox, assert_one_job

EXAMPLES = Path(__file__).parents[2] / "examples"
MOST_LINES = 60
NO_WARNING = "ignore:The Sora API is scheduled:DeprecationWarning"


@pytest.fixture(scope="module")
def server():
    """Start a fast sandbox for all examples."""
    with Sandbox(time_scale=0.05) as sandbox:
        yield sandbox


@pytest.fixture
def environ(server, tmp_path):
    """Return the variables that point a program at the server, and at a ledger in its folder."""
    return {
        **os.environ,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "any",
        "PYTHONPATH": str(EXAMPLES),
        "PYTHONWARNINGS": NO_WARNING,
        "VIDOBS_LEDGER": "sqlite:///ledger.db",
    }


@pytest.fixture
def ledger(tmp_path):
    """Open the ledger that a program left."""
    readers = []

    def open_it() -> LedgerReader:
        readers.append(LedgerReader(str(tmp_path / "ledger.db")))
        return readers[-1]

    yield open_it
    for reader in readers:
        reader.close()


@pytest.fixture
def run(environ, ledger, tmp_path):
    """Run an example; return what it wrote and the jobs it left in the ledger, oldest first."""

    def run_example(name: str, **more: str) -> tuple[subprocess.CompletedProcess[str], list[Job]]:
        ran = subprocess.run(
            [sys.executable, EXAMPLES / name],
            cwd=tmp_path,
            env={**environ, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran, ledger().jobs()[::-1]

    return run_example


@pytest.fixture
def serve(environ, tmp_path):
    """Run a program that goes on until it is told to end; its output is one stream of lines."""

    @contextmanager
    def start(*command: str, **options: object):
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={**environ, **options.pop("env", {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate()

    return start


def line_with(text: str, process: subprocess.Popen[str]) -> str:
    """Read a process's output up to a line that holds a text; fail when it ends before."""
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return line
    raise AssertionError(f"no line with {text!r}:\n{''.join(seen)}")


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_own_callback(run):
    """The function hears of the failed job, the exporter adds up the finished one."""
    ran, jobs = run("own_callback.py")

    assert ran.stdout == "provider_error: possibly $0.4\nto be paid: 40 cents\n"
    assert [(job.state, job.reason) for job in jobs] == [
        (JobState.COMPLETED, None),
        (JobState.FAILED, Reason.PROVIDER_ERROR),
    ]


@pytest.mark.slow
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


@pytest.mark.slow
def test_budget_guard(run, server):
    """Smaller where the best does not fit, none where nothing does; the limit is never passed."""
    before = len(server.jobs)

    ran, jobs = run("budget_guard.py")

    assert ran.stdout.splitlines() == [
        "A lighthouse: 8 s",
        "  completed: $0.8 settled, possibly $0",
        "Fireworks [[fault:fail]]: 8 s",
        "  failed: $0 released, possibly $0.8",
        "Paper boats: 4 s",
        "  completed: $0.4 settled, possibly $0",
        "A tower clock: waits for the next budget",
        "Masks: waits for the next budget",
    ]
    assert [job.reason for job in jobs].count(Reason.BUDGET) == 5
    assert len(server.jobs) == before + 3


class GpuServer(BaseHTTPRequestHandler):
    """A server of one's own: a job is done at the first poll, and says how long the GPUs took."""

    def answer(self, **fields: object) -> None:
        """Send the job."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        job = {"id": "video_1", "object": "video", "model": "wan2.2-t2v", "created_at": 1, **fields}
        body = json.dumps(job).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Accept."""
        self.answer(status="queued", progress=0)

    def do_GET(self) -> None:
        """Be done."""
        self.answer(status="completed", progress=100, inference_time_s=41.5)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.mark.slow
def test_self_hosted_gpu_price(run):
    """Nothing is known before; afterwards it is the reported time, on four GPUs, at the price."""
    gpus = ThreadingHTTPServer(("127.0.0.1", 0), GpuServer)
    serving = threading.Thread(target=gpus.serve_forever, args=(0.01,))
    serving.start()
    try:
        ran, jobs = run(
            "self_hosted_gpu_price.py", OPENAI_BASE_URL=f"http://127.0.0.1:{gpus.server_port}/v1"
        )
    finally:
        gpus.shutdown()
        serving.join()
        gpus.server_close()

    assert ran.stdout == "quoted: None\n41.5 s on 4 GPUs: $0.1826 by usage\n"
    assert_one_job(jobs, provider="self_hosted", settled_usd="0.1826", cost_basis="usage")


@pytest.mark.slow
def test_fastapi_webhook(serve, environ, ledger, tmp_path):
    """One job and one trace from the request to the file, ended by a signed webhook, unpolled."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.set_inheritable(True)
    fd = listening.fileno()
    command = ("uvicorn", "fastapi_webhook:app", "--fd", str(fd))
    with Sandbox(time_scale=0.05, webhook_url=f"{url}/webhook") as server:
        env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_WEBHOOK_SECRET": server.webhook_secret}
        with serve(*command, env=env, pass_fds=[fd]) as app, listening:
            params = {"prompt": "A tower clock", "user": "ada"}
            made = httpx.post(f"{url}/videos", params=params, timeout=30).json()
            line_with('"POST /webhook HTTP/1.1" 204', app)
            forged = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,Zg=="}
            refused = [
                httpx.post(f"{url}/webhook", json={"type": "video.completed"}, headers=headers)
                for headers in ({}, forged)
            ]

    assert [answer.status_code for answer in refused] == [401, 401]
    job = assert_one_job(ledger(), state="completed", settled_usd="0.40", user="ada")
    events = ledger().events(job.job_id)
    assert job.provider_job_id == made["id"]
    assert job.polls == 1
    assert job.file.size_bytes == (tmp_path / f"{made['id']}.mp4").stat().st_size
    assert {span.trace_id for span in spans_of(events)} == {job.trace.trace_id}
    assert {span.name.partition(" ")[0] for span in spans_of(events)} == {
        *("generate_content", "fetch_response", "download_video", "video_job")
    }


@pytest.mark.slow
def test_worker_poll(serve, run, ledger, tmp_path):
    """The create of one process and the polls of another are one job in one trace."""
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat", "-c", "1")
    with serve("celery", "-A", "worker_poll", "worker", "-l", "INFO", *alone) as worker:
        ran, _ = run("worker_poll.py")
        line_with("succeeded in", worker)

    job = assert_one_job(ledger(), state="completed", settled_usd="0.40", user="ada")
    events = ledger().events(job.job_id)
    assert ran.stdout == f"{job.provider_job_id}\n"
    assert job.polls > 0
    assert not job.adopted
    assert (tmp_path / f"{job.provider_job_id}.mp4").stat().st_size == job.file.size_bytes
    assert {span.trace_id for span in spans_of(events)} == {job.trace.trace_id}


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_tested(example):
    """No example is longer than 60 lines, and each has a test above."""
    assert len(example.read_text("utf-8").splitlines()) < MOST_LINES
    assert f"test_{example.stem}" in globals()
