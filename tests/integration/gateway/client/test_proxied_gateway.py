"""The whole gateway in an environment with a proxy."""

import asyncio

import pytest
from gateway_kit import entry, serving, settings_of
from proxy_kit import proxy
from talk_kit import talking

from vidobs.core.errors import ConfigError
from vidobs.core.jobs import Reason

FAR = "http://videos.example.com/v1"
NOBODY = "127.0.0.1:9"  # the port is closed


def create(gateway):
    """Ask for a video."""
    with gateway.http() as http:
        return http.post("/v1/videos", json={"model": "my-sora", "prompt": "a cat"})


async def test_a_server_behind_a_proxy_makes_a_video(sandbox, tmp_path, monkeypatch):
    """Only the proxy knows where it is."""
    seen = []
    port = int(sandbox.base_url.rpartition(":")[2].partition("/")[0])
    async with talking(proxy(port, seen)) as between:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{between.port}")
        with serving(tmp_path, settings_of(entry("my-sora", "openai/sora-2", FAR))) as gateway:
            made = await asyncio.to_thread(create, gateway)
            await asyncio.to_thread(gateway.stop)

    assert made.status_code == 200
    assert len(sandbox.jobs) == 1
    assert seen[0].startswith(b"POST http://videos.example.com/v1/videos HTTP/1.1\r\n")


def test_where_no_proxy_leads_nothing_was_sent(sandbox, tmp_path, monkeypatch):
    """So another server is asked; and where there is none, the proxy is named, not its password."""
    monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@{NOBODY}")
    far = entry("my-sora", "openai/sora-2", FAR, weight=1_000_000)
    near = entry("my-sora", "openai/sora-2", sandbox.base_url, weight=1)

    with serving(tmp_path, settings_of(far, near)) as gateway:
        made = create(gateway)
        states = sorted((job.state.value, job.reason) for job in gateway.jobs())
    with serving(tmp_path, settings_of(far)) as gateway:
        refused = create(gateway)

    assert made.status_code == 200
    assert states == [("failed", Reason.NOT_SENT), ("queued", None)]
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_unreachable")
    said = refused.json()["error"]["message"]
    assert said.startswith(
        f"no answer from videos.example.com:80 (ProxyError: the proxy {NOBODY} cannot be reached: "
    )
    assert said.endswith("; nothing was sent")
    assert "secret" not in said


def test_a_proxy_that_cannot_be_used_is_refused_at_the_start(tmp_path, monkeypatch):
    """It is not passed by silently: the company's network would not let us."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    content = settings_of(entry("my-sora", "openai/sora-2", FAR))

    with pytest.raises(ConfigError, match="ALL_PROXY is a proxy of socks5://"):
        serving(tmp_path, content).__enter__()
