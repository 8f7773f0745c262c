"""The pytest plugin by the name of its entry point, in projects of its own.

Plugins of others, which pytest would load as well, are left out: they are slow, and not ours.
"""

import os
import subprocess
import sys

import pytest

INI = """
[pytest]
addopts = -p no:cacheprovider -p vidobs --strict-markers
filterwarnings =
    error
    ignore:The Sora API is scheduled:DeprecationWarning
"""
LOOPS = "asyncio_default_fixture_loop_scope=function"
VIDEO = 'model="sora-2", prompt="A clock", seconds="4", size="720x1280"'


@pytest.fixture
def project(tmp_path):
    """Write a file of tests and run pytest on it; return how it ended."""

    def run(code: str, *arguments: str, conftest: str = "") -> subprocess.CompletedProcess[str]:
        (tmp_path / "pytest.ini").write_text(INI, "utf-8")
        (tmp_path / "conftest.py").write_text(conftest, "utf-8")
        (tmp_path / "test_it.py").write_text(code.replace("VIDEO", VIDEO), "utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def outcome(ran: subprocess.CompletedProcess[str]) -> str:
    """Return the last line without the time; all of the output where that is no success."""
    last = ran.stdout.strip().rpartition("\n")[2].strip("= ").rpartition(" in ")[0]
    return last if ran.returncode == 0 else ran.stdout + ran.stderr


def test_loading_it_loads_nothing():
    """Beside pytest it brings the face of vidobs only, and no thread."""
    code = (
        "import sys, threading, pytest; before = set(sys.modules); "
        "import vidobs.testing.pytest_plugin; "
        "print(*sorted(set(sys.modules) - before - sys.stdlib_module_names), "
        "threading.active_count())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.split() == [
        *("vidobs", "vidobs.testing", "vidobs.testing.pytest_plugin", "1"),
    ]


def test_a_project_that_does_not_use_it_is_left_alone(project):
    """Pytest finds the plugin; nothing heavy is there, and own fixtures come before its own."""
    ran = project("""
import sys

import pytest

@pytest.fixture
def sandbox():
    return "a sandbox of the project's own"

def test_nothing(sandbox, request):
    assert request.config.pluginmanager.has_plugin("vidobs")
    assert sandbox.startswith("a sandbox")
    heavy = {"apsw", "av", "httpx", "msgspec", "openai", "opentelemetry", "starlette", "structlog"}
    assert heavy & set(sys.modules) == set()
""")

    assert outcome(ran) == "1 passed"


@pytest.mark.slow
def test_the_fixtures(project, tmp_path):
    """A wrapped client against a server of its own, observed in isolation, with its events."""
    ran = project(
        """
import openai, pytest, vidobs
from vidobs.testing import assert_one_job

@pytest.mark.parametrize("time", [1, 2])
def test_one_job(openai_client, sandbox, vidobs_events, isolated_vidobs, time):
    video = openai_client.videos.create_and_poll(VIDEO)
    assert vidobs_events.names[-1] == "video.completed"
    assert_one_job(vidobs_events, state="completed", settled_usd="0.40")
    assert_one_job(isolated_vidobs, state="completed", settled_usd="0.40")
    assert [job.id for job in sandbox.jobs] == [video.id]

@pytest.mark.vidobs_sandbox(faults=["fail:1"], time_scale=0.01)
def test_a_fault(openai_client, vidobs_events):
    openai_client.videos.create_and_poll(VIDEO)
    assert_one_job(vidobs_events, state="failed", reason="provider_error", settled_usd=None)

async def test_async(sandbox, vidobs_events):
    async with openai.AsyncOpenAI(base_url=sandbox.base_url, api_key="any") as client:
        await vidobs.wrap(client).videos.create_and_poll(VIDEO)
    assert_one_job(vidobs_events, state="completed")
""",
        *("-p", "asyncio", "-o", "asyncio_mode=auto", "-o", LOOPS),
    )

    assert outcome(ran) == "4 passed"
    assert not list(tmp_path.rglob("*.db"))


@pytest.mark.slow
def test_workers_of_xdist_do_not_meet(project):
    """Eight tests on two workers at once: each sees its own server and its own job."""
    ran = project(
        """
import pytest
from vidobs.testing import assert_one_job

@pytest.mark.parametrize("number", range(8))
def test_one_job(openai_client, vidobs_events, sandbox, number):
    openai_client.videos.create_and_poll(VIDEO)
    assert_one_job(vidobs_events, state="completed")
    assert len(sandbox.jobs) == 1
""",
        *("-p", "xdist", "-n", "2"),
    )

    assert outcome(ran) == "8 passed"


@pytest.mark.slow
def test_a_failure_shows_the_events(project):
    """What pytest prints is enough to see what happened."""
    ran = project("""
def test_wrong(openai_client, vidobs_events):
    openai_client.videos.create(VIDEO)
    assert len(vidobs_events) == 2
""")

    assert ran.returncode == 1
    assert "<1 events>" in ran.stdout
    assert "video.submitted" in ran.stdout


@pytest.mark.slow
def test_without_the_sdk_the_fix_is_named(project):
    """Where openai is not installed, `openai_client` says what to install."""
    ran = project(
        "def test_it(openai_client): pass", conftest="import sys; sys.modules['openai'] = None\n"
    )

    assert ran.returncode == 1
    assert "the fixture openai_client needs packages that are not installed" in ran.stdout
    assert "pip install 'vidobs[openai]'" in ran.stdout
