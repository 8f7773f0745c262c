"""`vidobs.webhooks.app()`: served as a program serves it, and told by the sandbox itself."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import openai
import pytest
import uvicorn
from asking_kit import a_client
from ledger_kit import Audit
from starlette.applications import Starlette
from starlette.routing import Mount

import vidobs
from vidobs import webhooks
from vidobs.core.jobs import JobState
from vidobs.testing import Sandbox, isolated

SOON = 60
SCRIPT = Path(__file__).parent / "scripts" / "taking.py"


@contextmanager
def serving(app):
    """Serve an ASGI application on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def url():
    """Serve the application, mounted in another one."""
    with serving(Starlette(routes=[Mount("/hooks", app=webhooks.app())])) as base:
        yield f"{base}/hooks/openai"


@pytest.fixture
def told(url, monkeypatch):
    """A server that tells the application when a job ends; the environment has its key."""
    secret = os.environ["OPENAI_WEBHOOK_SECRET"]
    with Sandbox(time_scale=0.01, webhook_url=url, webhook_secret=secret) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-webhooks-0123456789")
        yield server


@pytest.mark.parametrize("prompt", ["a cat", "a cat [[fault:fail]]"])
def test_a_job_ends_without_a_poll(prompt, told, seen):
    """A wrapped client creates it, its server tells of the end, and that is all."""
    client = vidobs.wrap(openai.OpenAI())
    client.videos.create(prompt=prompt, model="sora-2", seconds="4", size="160x96")

    end = seen.events.wait_for("video.failed" if "fail" in prompt else "video.completed")

    (job,) = seen.jobs
    assert job.state.terminal
    assert end.trace_id == job.trace.trace_id
    assert [one.method for one in told.requests] == ["POST", "GET"]
    assert seen.events.names[0] == "video.submitted"
    assert len(seen.events.names) == 2


@pytest.mark.slow
def test_many_jobs_at_once(told, seen):
    """Each ends once, whatever the order."""
    with a_client() as client:
        for number in range(20):
            client.videos.create(prompt=f"{number}", model="sora-2", seconds=4, size="160x96")

    seen.events.wait_for("video.completed", count=20)

    assert {job.state for job in seen.jobs} == {JobState.COMPLETED}
    assert len(seen.events.named("video.completed")) == 20


def test_what_it_answers(url, sign, seen):
    """The status, and nothing else: neither why nor a body."""
    headers, body = sign({"type": "video.completed", "data": {"id": "video_1"}})
    forged = {**headers, "Webhook-Id": "evt_9"}
    twice = [*headers.items(), ("Webhook-Signature", "v1,AAAA")]
    huge = b" " * ((1 << 20) + 1)

    def pieces():
        for _ in range(20):
            yield b" " * (1 << 16)

    with httpx.Client() as http:
        answers = {
            "forged": http.post(url, headers=forged, content=body),
            "twice": http.post(url, headers=twice, content=body),
            "bare": http.post(url, content=body, headers={"content-type": "application/json"}),
            "text": http.post(url, headers={**headers, "Content-Type": "text/plain"}, content=body),
            "huge": http.post(url, headers=headers, content=huge),
            "endless": http.post(url, headers=headers, content=pieces()),
            "read": http.get(url),
        }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "forged": 401,
        "twice": 401,
        "bare": 401,
        "text": 415,
        "huge": 413,
        "endless": 413,
        "read": 405,
    }
    assert {answer.content for answer in answers.values()} == {b""}
    assert answers["read"].headers["allow"] == "POST"
    assert seen.events.names == []


def test_a_body_that_does_not_come(url, sign, seen):
    """A sender that goes away in the middle is not answered, and nothing is done."""
    headers, body = sign({"type": "video.completed", "data": {"id": "video_1"}})
    host, port = url.removeprefix("http://").partition("/")[0].split(":")
    lines = [f"POST /hooks/x HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("".join([*lines, "\r\n"]).encode() + body[:10])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""
    assert seen.events.names == []


def test_a_web_socket_is_refused():
    """It is told so, and nothing hangs."""
    said = []

    async def connect():
        async def send(message):
            said.append(message)

        await webhooks.app()({"type": "websocket"}, None, send)

    asyncio.run(connect())

    assert said == [{"type": "websocket.close", "code": 1000}]


def test_it_is_made_with_care(monkeypatch):
    """Without a secret there is no application."""
    with pytest.raises(vidobs.ConfigError, match="unknown way"):
        webhooks.app(unknown="drop")
    monkeypatch.delenv("OPENAI_WEBHOOK_SECRET")
    with pytest.raises(vidobs.ConfigError, match="set OPENAI_WEBHOOK_SECRET"):
        webhooks.app()


class Provider(ThreadingHTTPServer):
    """Answers a poll once two of them are here, so that both have read that the job runs."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.both = threading.Barrier(2)
        self.drips = None  # until this is set a poll gets a byte each second
        self.polls = 0
        self.base_url = f"http://127.0.0.1:{self.server_port}/v1"


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.polls += 1
        if self.server.drips is not None:
            self._drip()
            return
        self.server.both.wait(SOON)
        self._say("completed")

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self._say("queued")

    def _drip(self):
        self.send_response(200)
        self.send_header("content-length", "1000")
        self.end_headers()
        while not self.server.drips.wait(1.0):
            self.wfile.write(b" ")

    def _say(self, status):
        raw = json.dumps({"id": "v1", "status": status, "model": "sora-2"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args):
        """Say nothing."""


@pytest.mark.slow
def test_two_processes_take_the_same_webhook_at_once(sign, tmp_path):
    """Both ask, both answer that all is well, and the job ends once."""
    ledger = tmp_path / "ledger.db"
    with Provider() as provider:
        serving_thread = threading.Thread(target=provider.serve_forever, args=(0.01,))
        serving_thread.start()
        with (
            isolated(ledger=f"sqlite:///{ledger}"),
            a_client(base_url=provider.base_url, api_key="k") as client,
        ):
            client.videos.create(prompt="a cat", model="sora-2", seconds=4)
        headers, body = sign({"type": "video.completed", "data": {"id": "v1"}})
        environ = {
            **os.environ,
            "VIDOBS_LEDGER": f"sqlite:///{ledger}",
            "OPENAI_BASE_URL": provider.base_url,
            "OPENAI_API_KEY": "k",
        }
        command = [sys.executable, SCRIPT, json.dumps(headers), body.decode()]
        both = [
            subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [one.communicate(timeout=SOON)[0] for one in both]
        third = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        provider.shutdown()
        serving_thread.join()

    assert said == ["204 closed\n"] * 2
    assert third.stdout == "204 duplicate\n"
    assert provider.polls == 2
    audit = Audit(ledger).check()
    assert (audit.terminal_events, audit.settlements) == (1, 1)


@pytest.mark.slow
def test_it_answers_whatever_the_provider_does(url, sign, seen, monkeypatch):
    """One that sends a byte now and then keeps nobody: 503, and let it be sent again."""
    enough = threading.Event()
    with Provider() as provider:
        serving_thread = threading.Thread(target=provider.serve_forever, args=(0.01,))
        serving_thread.start()
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        with a_client() as client:
            client.videos.create(prompt="a cat", model="sora-2", seconds=4)
        provider.drips = enough
        headers, body = sign({"type": "video.completed", "data": {"id": "v1"}})

        answer = httpx.post(url, headers=headers, content=body, timeout=SOON)

        enough.set()
        provider.shutdown()
        serving_thread.join()
    assert answer.status_code == 503
    assert seen.jobs[0].state is JobState.QUEUED
