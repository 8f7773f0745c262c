"""What a program could not deliver is delivered by another process: `vidobs relay`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sink_kit import Sink

from vidobs.testing import Sandbox

pytestmark = pytest.mark.slow
VIDOBS = Path(sys.executable).with_name("vidobs")
SOON = 30  # seconds until a test gives up on a process
WORK = """
import sys, openai, vidobs
client = vidobs.wrap(openai.OpenAI(base_url=sys.argv[1], api_key="any"))
for number in range(int(sys.argv[2])):
    client.videos.create_and_poll(model="sora-2", prompt="x", seconds="4")
"""


@pytest.fixture
def sink():
    """Listen for webhooks."""
    with Sink() as sink:
        yield sink


@pytest.fixture
def env(tmp_path, sink):
    """Give all processes one ledger and one webhook."""
    settings = tmp_path / "vidobs.yaml"
    settings.write_text(
        f"ledger: sqlite:///{tmp_path}/ledger.db\ncallbacks: [webhook]\n"
        f"exporters:\n  webhook: {{url: '{sink.url}', allow_private: true}}\n"
    )
    ignored = "ignore:The Sora API is scheduled:DeprecationWarning"
    return {**os.environ, "VIDOBS_CONFIG": str(settings), "PYTHONWARNINGS": ignored}


@pytest.fixture(scope="module")
def server():
    """Start a fast sandbox."""
    with Sandbox(time_scale=0.02) as sandbox:
        yield sandbox


@pytest.fixture
def relay(env):
    """Start relays; end those that a test leaves behind."""
    started = []

    def start():
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([VIDOBS, "relay", "--json"], env=env, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def work(server, env, videos=1):
    """Make videos in a process of its own, and let it end."""
    command = [sys.executable, "-c", WORK, server.base_url, str(videos)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True)


def vidobs(env, *args):
    """Run a command; return it."""
    command = [VIDOBS, *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def exporter(env):
    """Return how the webhook stands."""
    (found,) = json.loads(vidobs(env, "exporters", "--json").stdout)
    return found


def events(env):
    """Return the ids of all events, oldest first."""
    lines = vidobs(env, "tail", "--no-follow", "--json").stdout.splitlines()
    return [json.loads(line)["id"] for line in lines]


def arrived(sink):
    """Return the ids that arrived, in order."""
    return [request.json()["id"] for request in sink.requests]


def ended(process, number):
    """Send a signal; return the exit code and how long that took."""
    started = time.monotonic()
    process.send_signal(number)
    process.wait(SOON)
    return process.returncode, time.monotonic() - started


def test_what_waits_is_drained_later(server, env, sink):
    """With the sink down a program ends as ever; everything arrives once it is up."""
    sink.stop()
    work(server, env, videos=2)
    waiting = exporter(env)
    assert waiting["waiting"] == len(events(env)) > 4
    assert "no answer from" in waiting["error"]
    refused = vidobs(env, "relay", "--drain", "--timeout", "1")
    assert (refused.returncode, sink.requests) == (1, [])
    assert "no answer from" in refused.stdout

    sink.start()
    drained = vidobs(env, "relay", "--drain")

    assert drained.returncode == 0, drained.stdout + drained.stderr
    assert drained.stdout.endswith("nothing left\n")
    assert arrived(sink) == events(env)
    assert exporter(env)["waiting"] == 0
    assert vidobs(env, "ledger", "check").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_relay_waits_for_work_and_ends_when_told(server, env, sink, relay, *, number, tmp_path):
    """It waits for the first job, delivers what others record, and exits 0 on a signal."""
    relaying = relay()
    ledger = tmp_path / "ledger.db"
    said = relaying.stderr.readline()
    assert said == f"no ledger at {ledger} yet; waiting for the first job\n"
    assert not ledger.exists()
    other = {**env, "VIDOBS_CONFIG": "", "VIDOBS_LEDGER": f"sqlite:///{ledger}"}
    work(server, other)  # a program that has no webhook
    started = json.loads(relaying.stdout.readline())
    assert (started["change"], started["events"]) == ("started", 0)

    sink.stop()
    work(server, env)  # cannot deliver, and ends
    sink.start()
    sink.wait(exporter(env)["waiting"])
    code, took = ended(relaying, number)

    assert code == 0, relaying.stderr.read()
    assert took < SOON
    assert arrived(sink) == events(env)[-len(sink.requests) :]
    assert exporter(env)["delivered_by"] is None


def test_a_relay_ends_before_there_is_a_ledger(env, relay):
    """A signal is heard while it waits for the first job too."""
    relaying = relay()
    assert "waiting for the first job" in relaying.stderr.readline()

    assert ended(relaying, signal.SIGTERM)[0] == 0


def test_a_relay_whose_receiver_hangs_ends_all_the_same(server, env, sink, relay):
    """What is under way is given up; the next process sends it again."""
    sink.stop()
    work(server, env)
    sink.start()
    sink.hangs()
    relaying = relay()
    sink.wait()

    code, _ = ended(relaying, signal.SIGTERM)

    assert code == 0
    assert exporter(env)["waiting"] == len(events(env))


def test_settings_that_cannot_be_used(env):
    """Exit code 2 before anything is opened, for a service manager to see."""
    ran = vidobs({**env, "VIDOBS_CALLBACKS": "webhok"}, "relay")

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "unknown exporter 'webhok'" in ran.stderr
