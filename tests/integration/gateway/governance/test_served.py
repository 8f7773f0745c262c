import time
from contextlib import contextmanager

import httpx
import openai
import pytest
import yaml
from gateway_kit import MASTER, entry, process, settings_of
from typer.testing import CliRunner

from vidobs.cli.app import app


@contextmanager
def served(sandbox, folder):
    """Run `vidobs gateway` in front of a sandbox; yields a client of admins and the address."""
    content = settings_of(entry("sora", "openai/sora-2", sandbox.base_url))
    content["ledger"] = f"sqlite:///{folder / 'ledger.db'}"
    (folder / "config.yaml").write_text(yaml.safe_dump(content), "utf-8")
    with process(folder, "--config", "config.yaml") as (_, url):
        headers = {"Authorization": f"Bearer {MASTER}"}
        with httpx.Client(base_url=url, headers=headers, timeout=20) as admin:
            yield admin, url


def until(condition):
    """Wait until something holds; each look is a request."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline


def test_a_key_made_over_http_makes_videos_within_its_budget(sandbox, tmp_path):
    """The whole way: make a key, make videos with it until its budget refuses, read the spend."""
    with served(sandbox, tmp_path) as (admin, url):
        made = admin.post("/key/generate", json={"max_budget": 1.7, "models": ["sora"]}).json()
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=made["key"], max_retries=0)
        jobs = [client.videos.create(model="sora", prompt="p", seconds="8") for _ in range(2)]
        with pytest.raises(openai.BadRequestError) as refused:
            client.videos.create(model="sora", prompt="p", seconds="8")
        assert refused.value.code == "budget_exceeded"
        other = admin.post("/key/generate", json={}).json()
        stranger = openai.OpenAI(base_url=f"{url}/v1", api_key=other["key"], max_retries=0)
        with pytest.raises(openai.NotFoundError):
            stranger.videos.retrieve(jobs[0].id)
        for job in jobs:
            until(lambda job=job: client.videos.retrieve(job.id).status == "completed")
        asked = {"api_key": made["key"], "status": "completed"}
        until(lambda: admin.get("/spend/logs", params=asked).json()["total"] == 2)
        info = admin.get("/key/info", params={"key": made["key"]}).json()["info"]
        assert (info["spend"], info["reserved"], info["running_jobs"]) == (1.6, 0, 0)


def test_the_command_line_blocks_a_key_of_a_running_gateway(sandbox, tmp_path):
    """Another process changes the file, and the gateway refuses the key."""
    with served(sandbox, tmp_path) as (admin, url):
        key = admin.post("/key/generate", json={"key_alias": "films"}).json()["key"]
        with httpx.Client(base_url=url, headers={"api-key": key}) as http:
            assert http.get("/v1/models").status_code == 200
            environ = {"VIDOBS_LEDGER": f"sqlite:///{tmp_path / 'ledger.db'}"}
            fresh = admin.post("/key/films/regenerate").json()["key"]
            assert http.get("/v1/models").status_code == 401
            http.headers["api-key"] = fresh
            assert http.get("/v1/models").status_code == 200
            blocked = CliRunner().invoke(app, ["keys", "block", "films"], env=environ)
            assert blocked.exit_code == 0, blocked.output
            deadline = time.monotonic() + 10
            while (answer := http.get("/v1/models")).status_code == 200:
                assert time.monotonic() < deadline
            assert answer.status_code == 401
            assert answer.json()["error"]["code"] == "key_blocked"
