"""What our client sends, byte for byte: prepared once, and still what each call asks for."""

import hashlib
import json

import httpx
import pytest
from sink_kit import Sink

import vidobs
from vidobs import Extras
from vidobs.testing import Sandbox, isolated

VIDEO = {"id": "video_1", "object": "video", "status": "queued"}


@pytest.fixture
def sink():
    """A server that answers every request with a video."""
    with Sink() as server:
        server.answers(200, body=json.dumps(VIDEO).encode())
        yield server


def test_a_create_is_what_httpx_would_send(make_api, seen, sink):
    """The body as it writes JSON; the headers of any client."""
    api = make_api(f"{sink.url}/v1")
    api(lambda videos: videos.create(prompt="ä <cat>", model="sora-2", seconds=4, fps=24.0))

    [sent] = sink.requests
    fields = {"model": "sora-2", "prompt": "ä <cat>", "seconds": "4", "fps": 24.0}
    by_httpx = httpx.Request("POST", f"{sink.url}/v1/videos", json=fields)
    assert sent.body == by_httpx.content
    assert sent.headers["content-type"] == by_httpx.headers["content-type"]
    assert sent.headers["content-length"] == str(len(sent.body))
    assert sent.headers["host"] == sink.url.removeprefix("http://")
    assert {"accept-encoding", "idempotency-key", "authorization"} <= sent.headers.keys()


def test_what_one_call_adds_stays_with_it(make_api, seen, sink):
    """Its headers come before ours, however they are written; the next call has none of it."""
    api = make_api(f"{sink.url}/v1", headers={"x-team": "film"}, query={"api-version": "v1"})
    more = Extras(
        headers={"AUTHORIZATION": "Bearer other", "X-Team": "sound"},
        query={"trial": 1, "left": None},
        timeout=httpx.Timeout(30),
    )
    api(lambda videos: videos.retrieve("video_1", extras=more))
    api(lambda videos: videos.retrieve("video_1"))

    first, second = sink.requests
    assert first.path == "/v1/videos/video_1?api-version=v1&trial=1"
    assert (first.headers["authorization"], first.headers["x-team"]) == ("Bearer other", "sound")
    assert second.path == "/v1/videos/video_1?api-version=v1"
    assert (second.headers["authorization"][:10], second.headers["x-team"]) == (
        "Bearer sk-",
        "film",
    )


def test_a_cookie_of_the_server_comes_back(make_api, seen, sink):
    """Some balance their load by it."""
    sink.answers_next(200, {"Set-Cookie": "route=b"}, body=json.dumps(VIDEO).encode())
    api = make_api(f"{sink.url}/v1")
    for _ in range(2):
        api(lambda videos: videos.retrieve("video_1"))

    assert [request.headers.get("cookie") for request in sink.requests] == [None, "route=b"]


def test_a_token_is_asked_for_each_time(make_api, seen, sink):
    """It may be another one by then."""
    tokens = iter(["first", "second"])
    api = make_api(f"{sink.url}/v1", api_key=lambda: next(tokens))
    for _ in range(2):
        api(lambda videos: videos.retrieve("video_1"))

    sent = [request.headers["authorization"] for request in sink.requests]
    assert sent == ["Bearer first", "Bearer second"]


def test_a_client_of_the_users_adds_what_it_has(seen, sink):
    """Headers, parameters and cookies; what we say of the call comes before its own."""
    with httpx.Client(
        headers={"x-mine": "1", "authorization": "mine"}, params={"p": "1"}, cookies={"c": "2"}
    ) as http:
        client = vidobs.Client(base_url=f"{sink.url}/v1", api_key="sk-any", http_client=http)
        client.videos.retrieve("video_1")
        client.close()
        assert not http.is_closed

    [sent] = sink.requests
    assert sent.path == "/v1/videos/video_1?p=1"
    assert (sent.headers["x-mine"], sent.headers["cookie"]) == ("1", "c=2")
    assert sent.headers["authorization"] == "Bearer sk-any"


@pytest.mark.parametrize("disabled", [False, True])
def test_a_checksum_is_that_of_the_bytes(disabled, tmp_path):
    """Made by whoever watches them, by us where nobody does, and anew after a part of before."""
    with (
        isolated(disabled=disabled),
        Sandbox(time_scale=0.01) as sandbox,
        vidobs.Client(base_url=sandbox.base_url, api_key="any") as client,
    ):
        made = client.videos.create(prompt="a cat", model="sora-2")
        client.videos.wait(made.id, poll_interval=0.01)
        held = client.videos.download(made.id)
        kept = client.videos.download(made.id, file=tmp_path / "cat.mp4")
        (tmp_path / "dog.mp4.part").write_bytes(held.data[:1000])
        resumed = client.videos.download(made.id, file=tmp_path / "dog.mp4")

    digest = hashlib.sha256(held.data).hexdigest()
    assert {held.sha256, kept.sha256, resumed.sha256} == {digest}
    assert (tmp_path / "dog.mp4").read_bytes() == held.data
