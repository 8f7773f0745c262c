"""A provider's webhook ends the wait for a video."""

import time

import pytest
from gateway_kit import entry, serving, settings_of

from vidobs.core.standard_webhooks import key_of, secret_of, signed_headers
from vidobs.gateway.routes.provider_events import signed
from vidobs.testing import Sandbox

SECRET = secret_of(b"s" * 32)
PATH = "/webhooks/provider"


def test_a_webhook_settles_a_video_at_once(tmp_path):
    """The server wants to be asked every ten seconds, and its webhook comes first."""
    with Sandbox(time_scale=1000, webhook_url="http://127.0.0.1:9/", webhook_secret=SECRET) as slow:
        one = entry("my-sora", "openai/sora-2", slow.base_url, webhook_secret=SECRET)
        with serving(tmp_path, settings_of(one)) as gateway, gateway.http() as http:
            body = {"model": "my-sora", "prompt": "a cat"}
            assert http.post("/v1/videos", json=body).status_code == 200
            path = f"/v1/videos/{slow.jobs[0].id}"

            def polls():
                return sum(each.path == path for each in slow.requests)

            gateway.until(lambda: polls() >= 1)  # the first look; the next is in half a minute
            event = b'{"type": "video.completed", "data": {"id": "%s"}}' % slow.jobs[0].id.encode()
            headers = signed_headers([key_of(SECRET)], "evt_1", int(time.time()), event)
            told = http.post(PATH, content=event, headers=headers)
            assert (told.status_code, told.json()) == (200, {"received": True})
            gateway.until(lambda: polls() >= 2)


def test_what_nobody_known_has_signed_is_refused(gateway):
    """Without a secret there is no key, and so no signature that holds."""
    event = b'{"type": "video.completed", "data": {"id": "a"}}'
    headers = signed_headers([b"x" * 32], "evt_1", int(time.time()), event)
    with gateway.http(None) as http:
        for given in (headers, {}):
            told = http.post(PATH, content=event, headers=given)
            assert (told.status_code, told.json()["error"]["code"]) == (400, "invalid_signature")
        assert http.post(PATH, content=b"x" * 100_000, headers=headers).status_code == 413


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"webhook-id": "evt_2"}, False),
        ({"webhook-timestamp": "1001"}, False),
        ({"webhook-signature": "v2,AAAA"}, False),
        ({"webhook-signature": "v1,!!"}, False),
        ({"webhook-signature": ""}, False),
        ({"webhook-timestamp": "now"}, False),
    ],
)
def test_every_part_is_signed(change, holds):
    """Id, time and body count; what is older than five minutes does not."""
    key = b"s" * 32
    headers = {**signed_headers([b"o" * 32, key], "evt_1", 1000, b"{}"), **change}
    raw = {name.encode(): value.encode() for name, value in headers.items()}
    assert signed(raw, b"{}", key, now_s=1200) is holds
    assert not signed(raw, b"{ }", key, now_s=1200)
    assert not signed(raw, b"{}", key, now_s=1301)
    assert not signed(raw, b"{}", b"t" * 32, now_s=1200)
