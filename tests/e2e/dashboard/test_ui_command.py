"""`vidobs ui` and `vidobs demo --ui` from the outside: what they print, serve, and how they end."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from dashboard_kit import past

VIDOBS = Path(sys.executable).with_name("vidobs")
URL = re.compile(rb"http://127\.0\.0\.1:\d+/\?token=[\w-]+")


@contextmanager
def running(*args, cwd, **env):
    """Run a command until the block ends; yields the process with its output as a pipe."""
    environ = {**os.environ, "XDG_CACHE_HOME": str(cwd / "cache"), "COLUMNS": "100", **env}
    process = subprocess.Popen(
        [VIDOBS, *args], cwd=cwd, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def printed(process, pattern):
    """Read lines until one has the pattern; return what fits."""
    said = b""
    for line in process.stdout:
        said += line
        found = pattern.search(line)
        if found:
            return found[0].decode()
    raise AssertionError(said.decode())


def listed(browser, root, count):
    """Ask for the jobs until there are so many: pages follow the ledger a moment behind."""
    until = time.monotonic() + 20
    while True:
        jobs = browser.get(root + "api/jobs").json()["jobs"]
        if len(jobs) >= count or time.monotonic() > until:
            return jobs


def interrupt(process):
    """Press Ctrl-C; return the exit code and what else was said."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    return process.returncode, said.decode()


@pytest.mark.slow
def test_the_printed_address_opens_once(tmp_path):
    """The token lets one browser in and is gone; the next one is printed. Ctrl-C ends in peace."""
    with past(tmp_path / "ledger.db") as made:
        made.days(2, a_day=3)
    env = {"VIDOBS_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}"}

    with running("ui", "--port", "0", "--no-browser", cwd=tmp_path, **env) as process:
        address = printed(process, URL)
        with httpx.Client(trust_env=False, follow_redirects=True) as first:
            opened = first.get(address)
            again = httpx.get(address, trust_env=False)
            another = printed(process, URL)
            jobs = first.get(address.partition("?")[0] + "api/overview")
        code, said = interrupt(process)

    assert (opened.status_code, again.status_code, jobs.status_code) == (200, 401, 200)
    assert "Overview" in opened.text
    assert another != address
    assert (code, "Traceback" in said) == (0, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env", "args", "fix"),
    [
        ({"VIDOBS_LEDGER": "memory:"}, (), "VIDOBS_LEDGER"),
        ({"VIDOBS_UI_TOKEN": "short"}, (), "secrets.token_urlsafe"),
        ({}, ("--host", "203.0.113.9"), "--port"),
    ],
)
def test_what_cannot_be_served_says_why(tmp_path, env, args, fix):
    """A wrong setting is one line that names the way out, and exit code 2."""
    ran = subprocess.run(
        [VIDOBS, "ui", "--no-browser", "--port", "0", *args],
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (ran.returncode, "Traceback" in ran.stderr) == (2, False)
    assert fix in " ".join(ran.stderr.split())


@pytest.mark.slow
def test_the_demo_is_filled_and_open(tmp_path):
    """`vidobs demo --ui` makes its videos while the dashboard is open, and keeps it open."""
    with running("demo", "--ui", cwd=tmp_path) as process:
        address = printed(process, URL)
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=20) as browser:
            assert browser.get(address).status_code == 200
            printed(process, re.compile(rb"open until Ctrl-C"))
            root = address.partition("?")[0]
            jobs = listed(browser, root, 8)
            filmed = [job["job_id"] for job in jobs if job["picture"]]
            video = browser.get(
                f"{root}media/{filmed[0]}/video.mp4", headers={"range": "bytes=0-99"}
            )
        code, said = interrupt(process)

    assert len(jobs) == 8
    assert len(filmed) == 5
    assert (video.status_code, len(video.content)) == (206, 100)
    assert (code, "Traceback" in said) == (0, False)
