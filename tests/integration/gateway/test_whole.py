"""The command with all its parts: keys, budgets, guardrails, webhooks to clients."""

import httpx
import yaml
from gateway_kit import MASTER, entry, process, settings_of
from sink_kit import Sink


def test_one_process_has_all_parts(sandbox, tmp_path):
    """A key is made, pays, is guarded and told; the master sees everything."""
    content = settings_of(
        entry("my-sora", "openai/sora-2", sandbox.base_url),
        gateway={
            "guardrails": [{"name": "words", "type": "denylist", "words": ["forbidden"]}],
            "webhooks": {"allow_private": True, "allow_http": True},
        },
    )
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({**content, "ledger": "sqlite:///ledger.db"}), "utf-8"
    )
    with (
        process(tmp_path, "--config", "config.yaml") as (_, url),
        Sink() as sink,
        httpx.Client(base_url=url, timeout=20) as http,
    ):
        master = {"Authorization": f"Bearer {MASTER}"}
        key = http.post("/key/generate", json={"max_budget": 0.5}, headers=master).json()["key"]
        own = {"Authorization": f"Bearer {key}"}
        hook = {"url": f"{sink.url}/hook", "events": ["video.completed"]}
        assert http.post("/v1/webhook_endpoints", json=hook, headers=own).status_code == 200
        body = {"model": "my-sora", "prompt": "a cat", "seconds": "4"}
        made = http.post("/v1/videos", json=body, headers=own)
        assert made.status_code == 200
        refused = http.post("/v1/videos", json=body, headers=own)
        assert refused.status_code == 400
        assert refused.json()["error"]["code"] == "budget_exceeded"
        blocked = http.post(
            "/v1/videos", json={**body, "prompt": "a forbidden cat"}, headers=master
        )
        assert blocked.json()["error"]["code"] == "content_policy_violation"
        request = sink.wait(1)[0]
        assert request.json()["data"]["id"] == made.json()["id"]
        assert http.get(f"/v1/videos/{made.json()['id']}", headers=master).status_code == 200
        assert len(sandbox.jobs) == 1
