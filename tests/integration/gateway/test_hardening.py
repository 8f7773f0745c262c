"""Clients that are slow, large or malicious hurt nobody else."""

import json
import select
import socket
import time
from contextlib import closing

import pytest
from gateway_kit import MASTER, entry, serving, settings_of
from sink_kit import Sink

from vidobs.core.errors import ConfigError
from vidobs.core.jobs import AssetState
from vidobs.gateway.config import GatewayConfig
from vidobs.gateway.server import check_bound

SMALL = {
    "max_json_bytes": 2000, "max_upload_bytes": 5000, "max_header_bytes": 4000,
    "header_timeout_s": 0.3, "body_timeout_s": 0.3,
}  # fmt: skip


@pytest.fixture
def gateway(sandbox, tmp_path):
    """A gateway with low limits."""
    content = settings_of(entry("my-sora", "openai/sora-2", sandbox.base_url), gateway=SMALL)
    with serving(tmp_path, content) as made:
        yield made


def raw(gateway, *pieces):
    """Send pieces as they are; return everything that comes back until the connection closes."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while True:
            try:
                got = connection.recv(65536)
            except ConnectionResetError:
                return answer
            if not got:
                return answer
            answer += got


def test_headers_that_never_end_are_given_up(gateway):
    """A connection without a request, or with half of one, is closed after a time."""
    assert raw(gateway).startswith(b"HTTP/1.1 408")
    assert raw(gateway, b"GET /v1/videos HTTP/1.1\r\nx: 1\r\n").startswith(b"HTTP/1.1 408")


def test_a_body_that_never_comes_is_given_up(gateway):
    """The client is told 408, and the connection ends."""
    head = (
        f"POST /v1/videos HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {MASTER}\r\n"
        "content-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    )
    assert raw(gateway, head.encode()).startswith(b"HTTP/1.1 408")


def test_headers_that_are_too_large_are_refused(gateway):
    """Whether in one or in many, and in the address too."""
    start = b"GET /v1/videos HTTP/1.1\r\n"
    for request in (
        start + b"x: " + b"a" * 10_000 + b"\r\n\r\n",
        start + b"x: a\r\n" * 2000 + b"\r\n",
        b"GET /v1/" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
    ):
        assert raw(gateway, request).startswith(b"HTTP/1.1 431")


def test_bodies_that_are_too_large_are_refused(gateway, sandbox):
    """Announced or not, as JSON or as a form: 413, and nothing is sent."""
    big = "a" * 6000
    with gateway.http() as http:
        body = {"model": "my-sora", "prompt": big}
        assert http.post("/v1/videos", json=body).status_code == 413
        stream = (part for part in [json.dumps(body).encode()])
        headers = {"content-type": "application/json"}
        assert http.post("/v1/videos", content=stream, headers=headers).status_code == 413
        files = {"input_reference": ("a.png", big.encode(), "image/png")}
        told = http.post("/v1/videos", data={"model": "my-sora", "prompt": "a"}, files=files)
        assert told.status_code == 413
        assert told.json()["error"]["code"] == "request_too_large"
    assert sandbox.requests == []
    assert gateway.jobs() == []


def test_what_makes_no_sense_is_the_clients_fault(gateway):
    """400 in OpenAI's envelope, and no job."""
    form = "multipart/form-data; boundary=b"
    with gateway.http() as http:
        for kind, body in (
            ("application/json", b"{"),
            ("application/json", b"[1]"),
            ("application/json", b"\xff"),
            ("application/json", b'{"prompt": 5, "model": "my-sora"}'),
            ("application/json", b'{"model": "my-sora"}'),
            ("multipart/form-data", b"x"),
            (form, b"--b\r\n\r\nno name\r\n--b--\r\n"),
            (form, b'--b\r\nContent-Disposition: form-data; name="p"'),
            ("application/x-www-form-urlencoded", b"a=\xff"),
        ):
            told = http.post("/v1/videos", content=body, headers={"content-type": kind})
            assert told.status_code == 400, (kind, body)
            assert told.json()["error"]["type"] == "invalid_request_error"
    assert gateway.jobs() == []


def test_a_key_that_cannot_be_sent_is_no_other_header(sandbox, tmp_path):
    """One with a line break, say: nothing is sent, and nobody is shown it."""
    behind = entry("my-sora", "openai/sora-2", sandbox.base_url, api_key="sk-1\r\nX-Admin: yes")
    with serving(tmp_path, settings_of(behind)) as gateway, gateway.http() as http:
        told = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a cat"})
    error = told.json()["error"]
    assert (told.status_code, error["code"]) == (502, "upstream_unreachable")
    assert "control characters" in error["message"]
    assert "sk-1" not in told.text
    assert sandbox.requests == []


def test_other_types_and_methods_are_told_what_is_right(gateway):
    """415 for text, 405 with what is allowed, 404 for what there is not."""
    with gateway.http() as http:
        assert (
            http.post(
                "/v1/videos", content=b"a", headers={"content-type": "text/plain"}
            ).status_code
            == 415
        )
        told = http.put("/v1/videos")
        assert (told.status_code, told.headers["allow"]) == (405, "GET, POST")
        assert http.post("/v1/videos/status").status_code == 405
        assert http.get("/v1/chat/completions").status_code == 404
        assert http.get("/v1/videosx").status_code == 404
        assert http.get("/v1/videos/a/b/c").status_code == 404


def test_slow_clients_do_not_slow_others_down(gateway):
    """While some hold half a request each, others are answered."""
    host, port = gateway.url.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"POST /v1/videos HTTP/1.1\r\n")
        with gateway.http() as http:
            start = time.monotonic()
            assert http.get("/v1/models").status_code == 200
            assert time.monotonic() - start < 5
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_stops_reading_a_file_is_given_up(tmp_path):
    """Its connection is cut, and the file is no longer fetched: as if it had left."""
    size = 64 << 20
    with Sink() as sink:
        behind = entry("my-sora", "openai/sora-2", f"{sink.url}/v1")
        content = settings_of(behind, gateway={"write_timeout_s": 0.3})
        with serving(tmp_path, content) as gateway:
            video = b'{"id": "video_1", "status": "completed", "object": "video"}'
            sink.answers_next(200, {"content-type": "application/json"}, body=video)
            with gateway.http() as http:
                made = http.post("/v1/videos", json={"model": "my-sora", "prompt": "a cat"}).json()
            sink.answers_next(200, {"content-type": "video/mp4"}, body=bytes(size))
            host, port = gateway.url.removeprefix("http://").split(":")
            with closing(socket.create_connection((host, int(port)))) as connection:
                ask = f"GET /v1/videos/{made['id']}/content HTTP/1.1\r\nhost: a\r\n"
                connection.sendall(f"{ask}authorization: Bearer {MASTER}\r\n\r\n".encode())
                cut = select.poll()
                cut.register(connection, select.POLLHUP)
                assert cut.poll(30_000)
            gateway.stop()
            (job,) = gateway.jobs()
    assert (job.asset, job.file.complete) == (AssetState.AVAILABLE, False)
    assert job.file.size_bytes < size


def test_without_a_master_key_only_this_machine_is_served():
    """Anybody may come in then, so nobody else may reach it."""
    nobody = GatewayConfig(deployments=())
    check_bound(nobody, "127.0.0.1")
    for host in ("::", "10.0.0.1", ""):
        with pytest.raises(ConfigError, match="master_key"):
            check_bound(nobody, host)
    check_bound(GatewayConfig(deployments=(), master_key="sk-1"), "::")
