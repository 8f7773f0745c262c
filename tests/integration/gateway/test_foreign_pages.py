"""A gateway without a master key: programs on this machine use it, and web pages do not."""

import pytest
from gateway_kit import entry, serving, settings_of, whole

FORM = {"model": "my-sora", "prompt": "a cat", "seconds": "4"}


@pytest.fixture
def open_gateway(sandbox, tmp_path):
    """A gateway that asks for no key."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url), master_key=None)
    with serving(tmp_path, content) as made:
        yield made


def test_programs_need_no_key(open_gateway):
    """The official client with any key, and plain HTTP under each name of this machine."""
    port = open_gateway.url.rpartition(":")[2]

    assert open_gateway.client(key="none").videos.create(model="my-sora", prompt="a cat").id
    with open_gateway.http(None) as http:
        for name in ("localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]", "0.0.0.0"):  # noqa: S104
            assert http.get("/v1/models", headers={"host": f"{name}:{port}"}).status_code == 200
            assert http.get("/v1/models", headers={"host": name}).status_code == 200


@pytest.mark.parametrize(
    "page",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "[::1"},
        {"host": "[fd00::1]"},
        {"host": ""},
    ],
)
def test_no_page_has_videos_made_or_reads_any(open_gateway, page):
    """A form needs no permission to be sent, and costs money; nothing reaches the provider."""
    with open_gateway.http(None) as http:
        made = http.post("/v1/videos", files={name: (None, value) for name, value in FORM.items()},
                         headers=page)  # fmt: skip
        read = http.get("/v1/videos", headers=page)

    assert (made.status_code, read.status_code) == (403, 403)
    assert made.json()["error"]["code"] == "foreign_request"
    assert "master_key" in made.json()["error"]["message"]
    assert open_gateway.jobs() == []


def test_with_a_key_pages_are_no_danger(gateway):
    """Whoever has the key may have a page and a name of their own."""
    headers = {"origin": "https://studio.example", "host": "gateway.example"}
    with gateway.http() as http:
        assert http.get("/v1/videos", headers=headers).status_code == 200


def test_no_page_has_webhooks_sent_to_it(sandbox, tmp_path):
    """A page may send any text without asking first; it is not taken for a wish for webhooks."""
    wish = {"content": b'{"url": "http://127.0.0.1:9/"}', "headers": {"content-type": "text/plain"}}
    page = {**wish["headers"], "origin": "https://evil.example"}
    with whole(sandbox, tmp_path, master_key=None) as http:
        refused = http.post("/v1/webhook_endpoints", content=wish["content"], headers=page)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_request")
        assert http.get("/v1/webhook_endpoints").json()["data"] == []
        assert http.post("/v1/webhook_endpoints", **wish).status_code == 200
