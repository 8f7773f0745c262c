"""What becomes of events when processes die, end too early or fork."""

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import apsw
import pytest

SCRIPT = Path(__file__).parent / "scripts" / "engine.py"
KIT = Path(__file__).parents[2] / "kit"
SOON = 30  # seconds until a test gives up on a process
BATCH = 64


class Stage:
    """A ledger, the file that a sink writes to, and processes that have both."""

    def __init__(self, folder):
        self._ledger = folder / "ledger.db"
        self._out = folder / "out.txt"
        self._running = []

    def start(self, what):
        """Start a process."""
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", SCRIPT, what, self._ledger, self._out],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(KIT)},
        )
        self._running.append(process)
        return process

    def finish(self, what):
        """Let a process run to its end; return what it said on both channels."""
        process = self.start(what)
        out, err = process.communicate(timeout=SOON)
        assert process.returncode == 0, err
        return out, err

    @property
    def arrived(self):
        """How often each event arrived."""
        lines = self._out.read_text("ascii").splitlines() if self._out.exists() else []
        return Counter(line.split()[1] for line in lines)

    @property
    def recorded(self):
        """The ids of all events, in their order."""
        with closing(apsw.Connection(str(self._ledger))) as connection:
            return [one for (one,) in connection.execute("SELECT id FROM event ORDER BY seq")]

    def close(self):
        """End what still runs."""
        for process in self._running:
            process.kill()
            process.communicate()


@pytest.fixture
def stage(tmp_path):
    """An empty ledger."""
    one = Stage(tmp_path)
    yield one
    one.close()


@pytest.mark.skipif(os.name == "nt", reason="there nobody can ask whether a process runs")
def test_the_lease_of_a_killed_process_is_free_at_once(stage):
    """Another one delivers everything, and does not wait for the half minute of a lease."""
    process = stage.start("hang")
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGKILL)
    assert process.wait(SOON) == -signal.SIGKILL

    out, _ = stage.finish("deliver")  # it gives up after 15 seconds

    assert out == "0\n"
    assert stage.arrived == Counter(stage.recorded)
    assert len(stage.arrived) == 15


@pytest.mark.slow
def test_a_process_that_ends_does_not_wait_for_its_sink(stage):
    """Ten thousand events wait for a sink that needs over a minute: the next process sends them."""
    _, err = stage.finish("leave")
    before = stage.arrived
    assert len(before) < len(stage.recorded) == 10_002
    assert "events were not delivered before the process ended" in err

    out, _ = stage.finish("deliver")

    assert out == "0\n"
    assert set(stage.arrived) == set(stage.recorded)
    again = {one: times for one, times in stage.arrived.items() if times > 1}
    assert len(again) <= BATCH  # what was on its way when the process ended
    assert set(again.values()) <= {2}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_forks_in_the_middle_of_deliveries(stage):
    """Parent and children record and deliver side by side; each event arrives once."""
    out, _ = stage.finish("fork")

    assert out == "0\n"
    assert stage.arrived == Counter(stage.recorded)
    assert len(stage.arrived) == 3 * (100 + 6 * 20)
