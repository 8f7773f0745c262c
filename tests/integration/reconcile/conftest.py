"""A server, a vidobs of its own, and a reconciliation that does not pause between requests."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from asking_kit import a_client

from vidobs import runtime
from vidobs.exceptions import APIError
from vidobs.sdk.reconcile._reconciler import Reconciler, Scope
from vidobs.testing import FrozenClock, Sandbox, isolated

KEY = "sk-reconcile-test-0123456789"
ASKED = {"model": "sora-2", "seconds": 4, "size": "160x96"}


@pytest.fixture
def clock():
    """The time of the server and of vidobs."""
    return FrozenClock()


@pytest.fixture
def sandbox(clock, monkeypatch):
    """Start a server; the environment has its key."""
    with Sandbox(clock=clock) as server:
        point_at(server.base_url, monkeypatch)
        yield server


@pytest.fixture
def seen(clock, tmp_path):
    """What vidobs records, in a file."""
    with isolated(clock=clock, ledger=f"sqlite:///{tmp_path}/ledger.db") as found:
        yield found


@pytest.fixture
def create(sandbox, seen, clock):
    """Make jobs, a second apart, as a program does that then forgets them."""

    def make(prompt="a cat"):
        clock.advance(1)
        with a_client(max_retries=0) as client:
            try:
                return client.videos.create(prompt=prompt, **ASKED).id
            except APIError:
                return None

    return make


@pytest.fixture
def reconcile():
    """Reconcile; `how` is a method of the reconciler."""

    def run(how="everything", **scope):
        reconciler = Reconciler(runtime.current(), Scope(**scope), sleep=lambda _: None)
        try:
            return getattr(reconciler, how)()
        finally:
            reconciler.close()

    return run


def point_at(base_url, monkeypatch):
    """Let the environment name a server."""
    monkeypatch.setenv("OPENAI_BASE_URL", base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


class Scripted:
    """A server that answers by a table: "GET /videos/x" to a status, a body and headers."""

    def __init__(self):
        self.answers = {}
        self.requests = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        """Stop; twice is once."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(scripted):  # noqa: N805 - the handler's own `self` is below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path, _, query = self.path.removeprefix("/v1").partition("?")
                scripted.requests.append((f"{self.command} {path}", query, dict(self.headers)))
                missing = (404, {"error": {"message": "no such video"}}, {})
                status, body, headers = scripted.answers.get(f"{self.command} {path}", missing)
                raw = json.dumps(body(query) if callable(body) else body).encode()
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(raw))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(raw)

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def log_message(self, *args):
                """Say nothing."""

        return Handler


@pytest.fixture
def scripted(monkeypatch):
    """Start a server that answers as it is told; the environment has its key."""
    server = Scripted()
    point_at(server.base_url, monkeypatch)
    yield server
    server.close()
