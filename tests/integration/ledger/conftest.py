"""Real processes on one ledger, and a door in front of the sandbox that can be held shut."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from ledger_kit import Audit

from vidobs.ledger.reader import LedgerReader
from vidobs.testing import Sandbox

SCRIPTS = Path(__file__).parent / "scripts"
KIT = Path(__file__).parents[2] / "kit"
SOON = 60  # seconds until a test gives up on a process
HELD_BYTES = 3000  # of a body that is held in its middle


class Door:
    """Passes requests on to the sandbox; holds the n-th of a kind, before or after its answer.

    A body is held in its middle. Whoever waits behind the door is told nothing when it closes.
    """

    def __init__(self, sandbox):
        self._target = sandbox.base_url
        self._want = None
        self._seen = 0
        self._lock = threading.Lock()
        self.reached = threading.Event()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def base_url(self):
        """Where clients knock."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def hold(self, what, number=1, *, sent=True):
        """Hold the n-th create, poll or download; with `sent` the sandbox has seen it."""
        self._want = (what, number, sent)
        self._seen = 0
        self.reached = threading.Event()

    def let_go(self):
        """Hold nothing any more."""
        self._want = None
        self._released.set()
        self._released = threading.Event()

    def close(self):
        """Stop."""
        self.let_go()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _holds(self, what):
        with self._lock:
            if self._want is None or self._want[0] != what:
                return False
            self._seen += 1
            return self._seen == self._want[1]

    def _pass_on(self, handler, body):
        released = self._released
        what = "create" if handler.command == "POST" else "poll"
        what = "download" if handler.path.endswith("/content") else what
        held = self._holds(what)
        if held and not self._want[2]:
            self.reached.set()
            released.wait()
            return
        kept = {"content-type", "authorization", "idempotency-key"}
        headers = {name: value for name, value in handler.headers.items() if name.lower() in kept}
        answer = httpx.request(
            handler.command,
            self._target + handler.path,
            content=body,
            headers=headers,
            timeout=SOON,
        )
        if held and what != "download":
            self.reached.set()
            released.wait()
            return
        handler.send_response(answer.status_code)
        handler.send_header("content-type", answer.headers["content-type"])
        handler.send_header("content-length", str(len(answer.content)))
        handler.end_headers()
        if held:
            handler.wfile.write(answer.content[:HELD_BYTES])
            handler.wfile.flush()
            self.reached.set()
            released.wait()
            return
        handler.wfile.write(answer.content)

    def _handler(door):  # noqa: N805 - the handler's own `self` is below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.answer(b"")

            def do_POST(self):
                self.answer(self.rfile.read(int(self.headers["content-length"])))

            def answer(self, body):
                try:
                    door._pass_on(self, body)
                except OSError:
                    self.close_connection = True  # the client is dead

            def log_message(self, *_):
                pass

        return Handler


class Stage:
    """A ledger, the processes on it, and the sandbox behind the door."""

    def __init__(self, path, sandbox):
        self.path = path
        self.sandbox = sandbox
        self.door = Door(sandbox)
        self._running = []

    def start(self, script, *args, go=False, **env):
        """Start a script as a process on the ledger; with `go` it can be told to begin."""
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", SCRIPTS / script, *map(str, args)],
            stdin=subprocess.PIPE if go else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "VIDOBS_LEDGER": f"sqlite:///{self.path}",
                "PYTHONPATH": os.pathsep.join((str(KIT), os.environ.get("PYTHONPATH", ""))),
                **env,
            },
        )
        self._running.append(process)
        return process

    def begin(self, processes):
        """Wait until all are ready, then let them go at once."""
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()

    def finish(self, process):
        """Wait for the good end of a process; return what it said."""
        out, err = process.communicate(timeout=SOON)
        assert process.returncode == 0, err
        return out

    def live(self, *video):
        """Run the life of a video, a new one or one there is, to its end."""
        assert self.finish(self.start("life.py", self.door.base_url, *video)) == "completed True"

    def kill(self, what, number=1, *video, sent=True):
        """Run the life of a video, and kill its process in the middle of a call."""
        self.door.hold(what, number, sent=sent)
        process = self.start("life.py", self.door.base_url, *video)
        assert self.door.reached.wait(SOON), process.communicate()[1]
        process.send_signal(signal.SIGKILL)
        assert process.wait(SOON) == -signal.SIGKILL
        self.door.let_go()

    def audit(self):
        """Check the file."""
        return Audit(self.path).check()

    def events(self, job_id):
        """Return the events of a job."""
        with closing(LedgerReader(str(self.path))) as reader:
            return reader.events(job_id)

    def close(self):
        """End everything that still runs."""
        for process in self._running:
            process.kill()
            process.communicate()
        self.door.close()


@pytest.fixture
def stage(tmp_path):
    """Set a stage; jobs are twenty times faster than usual."""
    with Sandbox(time_scale=0.05) as sandbox:
        stage = Stage(tmp_path / "ledger.db", sandbox)
        yield stage
        stage.close()
