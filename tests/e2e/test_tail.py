"""`vidobs tail` from the outside: one process watches what another one does."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vidobs.testing import Sandbox

VIDOBS = Path(sys.executable).with_name("vidobs")
WORK = """
import sys, openai, vidobs
client = vidobs.wrap(openai.OpenAI(base_url=sys.argv[1], api_key="any"))
with vidobs.context(user="ada", tags={"team": "film"}):
    video = client.videos.create_and_poll(model="sora-2", prompt="x", seconds="4")
vidobs.flush()
"""


@pytest.fixture
def env(tmp_path):
    """Give all processes one ledger."""
    ignored = "ignore:The Sora API is scheduled:DeprecationWarning"
    ledger = f"sqlite:///{tmp_path / 'ledger.db'}"
    return {**os.environ, "VIDOBS_LEDGER": ledger, "PYTHONWARNINGS": ignored}


@pytest.fixture
def tail(env):
    """Start tails; end those that a test leaves behind."""
    started = []

    def start(*args, **more):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen([VIDOBS, "tail", *args], env=env, **{**pipes, **more}))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def server():
    """Start a fast sandbox."""
    with Sandbox(time_scale=0.05) as sandbox:
        yield sandbox


def work(server, env):
    """Make one video in a process of its own."""
    subprocess.run([sys.executable, "-c", WORK, server.base_url], env=env, check=True)


def test_a_tail_waits_for_the_first_job_and_ends_with_ctrl_c(server, env, tail, tmp_path):
    """It says that it waits, shows another process's job as it happens, and exits 0 on Ctrl-C."""
    watching = tail("--json", "--tag", "team=film")
    waiting = f"no ledger at {tmp_path / 'ledger.db'} yet; waiting for the first job\n"
    assert watching.stderr.readline() == waiting

    work(server, env)
    names = []
    while "video.completed" not in names:
        names.append(json.loads(watching.stdout.readline())["name"])
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate()

    assert names[0] == "video.submitted"
    assert (watching.returncode, out, err) == (0, "", "")


def test_a_reader_that_has_seen_enough_ends_the_tail(server, env, tail):
    """When the pipe is closed the tail ends quietly, even if nothing more happens."""
    work(server, env)
    watching = tail("--since", "1h")
    assert "video.submitted" in watching.stdout.readline()

    watching.stdout.close()
    said = watching.stderr.read()

    assert (watching.wait(), said) == (0, "")


def test_a_tail_never_writes(server, env, tail, tmp_path):
    """What was watched is the same file afterwards, byte for byte."""
    work(server, env)
    ledger = tmp_path / "ledger.db"
    before = ledger.read_bytes()

    out, err = tail("--no-follow").communicate()

    assert out.count("video.completed") == 1
    assert err == ""
    assert ledger.read_bytes() == before
