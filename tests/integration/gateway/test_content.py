"""Files pass through as they are: parts, pictures, names, and never much of one at a time."""

import hashlib

import pytest
from gateway_kit import entry, serving, settings_of

from vidobs.core.jobs import AssetState
from vidobs.testing import Sandbox


@pytest.fixture
def made(gateway):
    """A finished video."""
    with gateway.client() as client:
        return client.videos.create_and_poll(model="my-sora", prompt="a cat", seconds="4").id


def test_a_file_has_a_name_and_a_type(gateway, made):
    """Each variant has its own; `HEAD` says the same without the bytes."""
    with gateway.http() as http:
        for variant, kind, ending in (
            (None, "video/mp4", "mp4"),
            ("video", "video/mp4", "mp4"),
            ("thumbnail", "image/webp", "webp"),
            ("spritesheet", "image/jpeg", "jpg"),
        ):
            params = {"variant": variant} if variant else {}
            got = http.get(f"/v1/videos/{made}/content", params=params)
            assert (got.status_code, got.headers["content-type"]) == (200, kind)
            named = got.headers["content-disposition"]
            assert named.startswith('attachment; filename="video_')
            assert named.endswith(f'.{ending}"')
            assert int(got.headers["content-length"]) == len(got.content)
        head = http.head(f"/v1/videos/{made}/content")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == "video/mp4"


def test_a_part_is_the_part_that_was_asked_for(gateway, made):
    """A range is passed on, and a part is no whole download in the ledger."""
    with gateway.http() as http:
        whole = http.get(f"/v1/videos/{made}/content").content
        part = http.get(f"/v1/videos/{made}/content", headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, whole[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
        beyond = http.get(f"/v1/videos/{made}/content", headers={"Range": "bytes=99999999-"})
        assert beyond.status_code == 416


def test_the_ledger_knows_what_was_fetched(gateway, made):
    """Size and checksum are those of the bytes that the client got."""
    with gateway.http() as http:
        content = http.get(f"/v1/videos/{made}/content").content
    gateway.stop()
    (job,) = gateway.jobs()
    assert job.asset is AssetState.DOWNLOADED
    assert (job.file.size_bytes, job.file.sha256) == (
        len(content),
        hashlib.sha256(content).hexdigest(),
    )


def test_a_file_that_breaks_off_breaks_off_here_too(gateway):
    """The client notices that bytes are missing, and the job is not downloaded."""
    import httpx

    with gateway.client() as client:
        prompt = "a cat [[fault:truncated_download]]"
        made = client.videos.create_and_poll(model="my-sora", prompt=prompt)
    with gateway.http() as http, pytest.raises(httpx.RemoteProtocolError):
        http.get(f"/v1/videos/{made.id}/content")
    gateway.stop()
    (job,) = gateway.jobs()
    assert job.asset is AssetState.AVAILABLE


def test_a_file_that_is_kept_elsewhere_is_fetched_without_the_key(gateway, sandbox):
    """A redirect is followed here; the client sees the file, the other place no key."""
    with gateway.client() as client:
        prompt = "a cat [[fault:stored_elsewhere]]"
        made = client.videos.create_and_poll(model="my-sora", prompt=prompt)
        assert client.videos.download_content(made.id).read()[4:8] == b"ftyp"
    assert "authorization" in sandbox.requests[0].headers


def test_what_is_not_there_yet_is_said_as_the_server_says_it(gateway):
    """The file of a running job is the server's own error, in OpenAI's envelope."""
    with gateway.client() as client, gateway.http() as http:
        made = client.videos.create(model="my-sora", prompt="a cat [[fault:stuck]]")
        told = http.get(f"/v1/videos/{made.id}/content")
        assert told.status_code in (400, 404)
        assert told.json()["error"]["message"]


def test_a_picture_of_the_cloud_is_never_fetched(tmp_path):
    """A server that sends a download on to where credentials are handed out is not followed."""
    from sink_kit import Sink

    with Sink() as sink, Sandbox(time_scale=0.02) as sandbox:
        content = settings_of(
            entry("my-sora", "openai/sora-2", f"{sink.url}/v1"),
            entry("other", "openai/sora-2", sandbox.base_url),
        )
        with serving(tmp_path, content) as gateway, gateway.http() as http:
            video = b'{"id": "video_1", "status": "completed", "object": "video"}'
            sink.answers_next(200, {"content-type": "application/json"}, body=video)
            made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a cat"}).json()
            for place in (
                "http://169.254.169.254/latest/meta-data",
                "file:///etc/passwd",
                "gopher://x",
                "http://[::1/x",
                "https://user:word@127.0.0.1/x",
            ):
                sink.answers_next(302, {"location": place}, body=b"")
                told = http.get(f"/v1/videos/{made['id']}/content")
                assert (told.status_code, told.json()["error"]["code"]) == (
                    502,
                    "upstream_unreachable",
                )


def test_what_nobody_takes_is_not_fetched(tmp_path):
    """A client that leaves in the middle has downloaded nothing, and the server need not go on."""
    from sink_kit import Sink

    size = 64 << 20
    with Sink() as sink:
        content = settings_of(entry("my-sora", "openai/sora-2", f"{sink.url}/v1"))
        with serving(tmp_path, content) as gateway:
            video = b'{"id": "video_1", "status": "completed", "object": "video"}'
            sink.answers_next(200, {"content-type": "application/json"}, body=video)
            with gateway.http() as http:
                made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a cat"}).json()
                sink.answers_next(200, {"content-type": "video/mp4"}, body=bytes(size))
                with http.stream("GET", f"/v1/videos/{made['id']}/content") as got:
                    assert len(next(got.iter_raw())) < size
            gateway.stop()
            (job,) = gateway.jobs()
    assert job.asset is AssetState.AVAILABLE
    assert not job.file.complete
    assert job.file.size_bytes < size
