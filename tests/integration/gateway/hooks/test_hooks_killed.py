"""A gateway that is killed forgets no webhook."""

import signal

import httpx
import pytest
import yaml
from gateway_kit import MASTER, entry, process, settings_of
from sink_kit import Sink

from vidobs.testing import Sandbox


@pytest.mark.slow
def test_a_killed_gateway_tells_after_its_start(tmp_path):
    """The video ended, the receiver was away, the process died without a word: it is told."""
    with Sandbox(time_scale=0.02) as sandbox, Sink() as sink:
        content = settings_of(
            entry("my-sora", "openai/sora-2", sandbox.base_url),
            gateway={"webhooks": {"allow_private": True}},
        )
        (tmp_path / "config.yaml").write_text(
            yaml.safe_dump({**content, "ledger": "sqlite:///ledger.db"}), "utf-8"
        )
        headers = {"Authorization": f"Bearer {MASTER}"}
        sink.stop()
        with process(tmp_path, "--config", "config.yaml") as (running, url):
            with httpx.Client(base_url=url, headers=headers, timeout=20) as http:
                hook = {"url": f"http://127.0.0.1:{sink.port}/hook"}
                assert http.post("/v1/webhook_endpoints", json=hook).status_code == 200
                body = {"model": "my-sora", "prompt": "a cat", "seconds": "4"}
                video = http.post("/v1/videos", json=body).json()["id"]
                while http.get(f"/v1/videos/{video}").json()["status"] != "completed":
                    pass
            running.send_signal(signal.SIGKILL)
            running.wait(10)
        sink.start()
        with process(tmp_path, "--config", "config.yaml") as (_, url):
            [request] = sink.wait(1)

    assert request.json()["data"]["id"] == video
