"""kill -9 under load, with four sinks of which one is well: nothing is lost, and none waits."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from far_sinks import FarSinks

from vidobs.core.events import EventName
from vidobs.ledger.invariants import violations
from vidobs.ledger.reader import LedgerReader

SCRIPT = Path(__file__).parent / "scripts" / "sending.py"
API = Path(__file__).parents[2] / "bench" / "server.py"
SINKS = {"up": "up", "down": "refuse", "slow": "slow", "flapping": "flapping"}
ROUNDS = [
    pytest.param(n, id=f"round{n}") for n in range(int(os.getenv("VIDOBS_KILL9_ROUNDS", "2")))
]
WRITERS = 3
MOST_SAID = 40  # of one writer, before it is killed
SOON = 90


class Stage:
    """The API, the sinks, and the processes between them."""

    def __init__(self, api_port, sinks, folder):
        self.sinks = sinks
        self.ledger = folder / "ledger.db"
        self.said = set()  # by calls that returned
        self._place = {
            "api": f"http://127.0.0.1:{api_port}/v1",
            "ledger": str(self.ledger),
            "sinks": {name: sinks.url(name) for name in SINKS},
        }

    def start(self, what):
        """Start a process."""
        arguments = [sys.executable, SCRIPT, what, json.dumps(self._place)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    def kill_writers(self):
        """Let some processes make videos, and kill each after another number of words."""
        writers = [(self.start("make"), random.randint(1, MOST_SAID)) for _ in range(WRITERS)]
        readers = [threading.Thread(target=self._kill, args=writer) for writer in writers]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(SOON)

    def _kill(self, writer, after):
        for _ in range(after):
            self.said.add(writer.stdout.readline().strip())
        writer.send_signal(signal.SIGKILL)
        self.said.update(line.strip() for line in writer.stdout if line.endswith("\n"))
        writer.stdout.close()
        assert writer.wait(SOON) == -signal.SIGKILL

    def drain(self):
        """Deliver what can be delivered, from a new process; return how many events are left."""
        out, _ = self.start("drain").communicate(timeout=SOON)
        return int(out)

    def events(self):
        """Every event in the ledger, by id."""
        with closing(LedgerReader(str(self.ledger))) as reader:
            jobs = reader.jobs(limit=100_000)
            return {event.id: event for job in jobs for event in reader.events(job.job_id)}


@pytest.fixture
def stage(tmp_path):
    """Four sinks and an API, each side in a process of its own."""
    with ExitStack() as stack:
        sinks = stack.enter_context(FarSinks(*SINKS))
        for name, mode in SINKS.items():
            sinks.set(name, mode)
        api = stack.enter_context(
            subprocess.Popen(
                [sys.executable, API], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        yield Stage(int(api.stdout.readline()), sinks, tmp_path)
        api.stdin.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("round_", ROUNDS)
def test_kill_under_load(stage, round_):
    """Two generations of writers are killed; what their calls returned reaches every sink."""
    for _ in range(2):
        stage.kill_writers()
    stage.drain()
    events = stage.events()
    written = {
        f"{event.name.value.removeprefix('video.')} {event.job.provider_job_id}"
        for event in events.values()
    }
    assert stage.said
    assert stage.said <= written
    # The sinks that are well got everything while the others were as they are.
    for name in ("up", "slow"):
        assert stage.sinks.seen(name).ids.keys() == events.keys()
    assert not stage.sinks.seen("down").ids

    for name in ("down", "flapping"):
        stage.sinks.set(name, "up")
    assert stage.drain() == 0
    after = stage.events()
    assert {event.name for key, event in after.items() if key not in events} <= {EventName.UNKNOWN}
    for name in SINKS:
        assert stage.sinks.seen(name).ids.keys() == after.keys()
    assert violations(str(stage.ledger)) == ()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("round_", ROUNDS)
def test_kill_while_delivering(stage, round_):
    """Whoever is killed between a sink's answer and the note of it is why an event comes twice."""
    stage.kill_writers()
    for name in SINKS:
        stage.sinks.set(name, "slow")
    for _ in range(3):
        seen = stage.sinks.seen("slow").requests
        drain = stage.start("drain")
        while drain.poll() is None and stage.sinks.seen("slow").requests < seen + random.randint(
            1, 9
        ):
            pass
        drain.kill()
        drain.communicate(timeout=SOON)
    assert stage.drain() == 0
    events = stage.events()
    for name in SINKS:
        seen = stage.sinks.seen(name)
        assert seen.ids.keys() == events.keys()  # a second time with the same id, if at all
    assert violations(str(stage.ledger)) == ()
