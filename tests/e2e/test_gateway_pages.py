"""What `vidobs gateway` serves beside its routes: the dashboard behind a key, and metrics."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from vidobs.testing import Sandbox

VIDOBS = Path(sys.executable).with_name("vidobs")
MASTER, VIEWER = "sk-master-0123456789", "sk-viewer-0123456789"
CONFIG = """
model_list:
  - model_name: sora-2
    litellm_params: {{model: openai/sora-2, api_key: sk-behind, api_base: "{base}"}}
general_settings: {{master_key: {master}}}
gateway: {{keys: {{viewer_key: {viewer}}}}}
ledger: "sqlite:///{folder}/ledger.db"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return an empty folder."""
    return tmp_path_factory.mktemp("gateway")


@contextmanager
def running(folder, base):
    """Run the command; yields its address."""
    config = folder / "config.yaml"
    config.write_text(
        CONFIG.format(base=base, master=MASTER, viewer=VIEWER, folder=folder), "utf-8"
    )
    process = subprocess.Popen(
        [VIDOBS, "gateway", "--config", config, "--port", "0"],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.stdout.close()


@pytest.fixture(scope="module")
def gateway(folder):
    """Start a gateway in front of a sandbox, through which one video was made."""
    with Sandbox(time_scale=0.05) as sandbox, running(folder, sandbox.base_url) as url:
        made = httpx.post(
            f"{url}/v1/videos", json={"model": "sora-2", "prompt": "a cat"}, headers=bearer(MASTER)
        )
        assert made.status_code == 200, made.text
        yield url


def bearer(key):
    """Return a header with a key."""
    return {"authorization": f"Bearer {key}"}


def made_key(url):
    """Make a virtual key."""
    answer = httpx.post(f"{url}/key/generate", json={}, headers=bearer(MASTER))
    return answer.raise_for_status().json()["key"]


@pytest.mark.slow
@pytest.mark.parametrize("key", [MASTER, VIEWER])
def test_who_may_see_everything_logs_in(gateway, key):
    """The form takes the master key and the viewer's, and leads to the page that was asked for."""
    with httpx.Client(follow_redirects=True) as browser:
        form = browser.get(f"{gateway}/ui/jobs")
        page = browser.post(
            f"{gateway}/ui/login",
            data={"key": key, "next": "/ui/jobs"},
            headers={"origin": gateway},
        )
        jobs = browser.get(f"{gateway}/ui/api/jobs").json()["jobs"]

    assert (form.status_code, "Log in" in form.text) == (200, True)
    assert page.url.path == "/ui/jobs"
    assert [job["model"] for job in jobs] == ["sora-2"]


@pytest.mark.slow
def test_a_virtual_key_sees_neither_pages_nor_metrics(gateway):
    """A key that makes videos is none for the dashboard; a wrong one is told the same."""
    for key in (made_key(gateway), "sk-wrong"):
        with httpx.Client() as browser:
            tried = browser.post(
                f"{gateway}/ui/login", data={"key": key}, headers={"origin": gateway}
            )
            page = browser.get(f"{gateway}/ui/api/jobs")
        metrics = httpx.get(f"{gateway}/metrics", headers=bearer(key))

        assert tried.status_code in (401, 403)
        assert (page.status_code, metrics.status_code) == (401, 401)


@pytest.mark.slow
def test_metrics_count_from_the_start(gateway):
    """A scraper with a key finds the create that went through."""
    said = httpx.get(f"{gateway}/metrics", headers=bearer(VIEWER)).text

    assert 'vidobs_jobs_total{gen_ai_provider_name="openai"' in said
    assert 'vidobs_event_name="video.submitted"' in said
