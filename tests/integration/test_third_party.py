"""An exporter of somebody else's package, installed and switched on by its name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sink_kit import Sink

from vidobs.testing import Sandbox

PACKAGE = Path(__file__).parents[2] / "examples" / "third_party_exporter"
MOST_LINES = 40
PROGRAM = """\
import openai
import vidobs

client = vidobs.wrap(openai.OpenAI())
client.videos.create_and_poll(model="sora-2", prompt="A tower clock", seconds="4")
print(vidobs.flush(30))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the package and install it into a folder, without a network."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--target", folder, PACKAGE], check=True)
    return folder


@pytest.mark.slow
def test_it_is_found_and_delivers(installed, tmp_path):
    """One line in a file is enough; what it could not deliver at first comes later."""
    with Sandbox(time_scale=0.05) as server, Sink() as phone:
        phone.answers_next(503)
        (tmp_path / "vidobs.yaml").write_text(
            f"callbacks: [ntfy]\n"
            f"exporters: {{ntfy: {{url: '{phone.url}/topic', events: 'video.completed'}}}}\n"
        )
        ran = subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PROGRAM],
            cwd=tmp_path,
            env={
                **os.environ,
                "OPENAI_BASE_URL": server.base_url,
                "OPENAI_API_KEY": "any",
                "PYTHONPATH": str(installed),
                "VIDOBS_LEDGER": "sqlite:///ledger.db",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == "0\n"
    refused, taken = phone.requests
    assert (taken.path, taken.body) == ("/topic", refused.body)
    assert b"video.completed" in taken.body
    assert b"$0.40 settled" in taken.body


def test_it_is_short():
    """An exporter is a class of two methods, in less than 40 lines."""
    [module] = PACKAGE.glob("*.py")

    assert len(module.read_text(encoding="utf-8").splitlines()) < MOST_LINES
