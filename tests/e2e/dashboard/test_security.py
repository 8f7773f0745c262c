"""The dashboard as an attacker finds it: over real HTTP, byte for byte where that matters."""

import socket
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from http.client import HTTPResponse

import httpx
import pytest
from boards_markup import Markup
from boards_site import Site

from vidobs.dashboard.access import HEADERS
from vidobs.dashboard.live import MOST_STREAMS

ADDRESSES = ("/", "/jobs", "/costs", "/failures", "/exporters")
OTHERS = (
    *("/api/jobs", "/api/openapi.json", "/api/live", "/metrics", "/theme", "/nothing"),
    *("/static/style.css", "/media/x/video.mp4"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A dashboard over jobs whose every text is markup, and a session."""
    with Site.open(tmp_path_factory.mktemp("security"), now=datetime.now(UTC)) as made:
        yield made


def raw(site, request):
    """Send bytes as they are; return the status, the headers, and the body."""
    host, port = site.root.removeprefix("http://").split(":")
    with closing(socket.create_connection((host, int(port)), timeout=10)) as connection:
        connection.sendall(request.replace(b"HOST", f"{host}:{port}".encode()))
        answer = HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.headers, answer.read()


@contextmanager
def stranger(site):
    """Somebody without a session."""
    with httpx.Client(base_url=site.root) as client:
        yield client


def test_nothing_is_open_without_a_session(site):
    """Neither pages nor data, files, the stream, nor what is not there."""
    with stranger(site) as client:
        for path in (*ADDRESSES, *OTHERS, "/?token=wrong"):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert "set-cookie" not in answer.headers
        assert client.post("/exporters/replay/letters").status_code == 401


def test_a_token_works_once_over_http(site):
    """The address that was printed is worth nothing after its first use, to nobody."""
    address = site.server.url
    with stranger(site) as first, stranger(site) as second:
        assert first.get(address).status_code == 303
        assert second.get(address).status_code == 401
        assert first.get("/jobs").status_code == 200
    assert site.server.url != address


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.nip.example", "evil.example:80", ""])
def test_a_wrong_host_sees_nothing_even_with_the_session(site, host):
    """DNS rebinding: the browser sends the name that it believes to speak to."""
    answer = site.client.get("/", headers={"host": host})

    assert answer.status_code == 403
    assert "<h1" not in answer.text


def test_requests_from_other_sites_are_refused(site):
    """By their Origin, and by what browsers say of where they come from."""
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
    ):
        for path in (*ADDRESSES, "/api/live", "/static/style.css", "/metrics"):
            answer = site.client.get(path, headers=headers)
            assert answer.status_code == 403, (path, headers)
            assert "access-control-allow-origin" not in answer.headers
        assert site.client.post("/exporters/replay/letters", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/static/../app.py",
            "/static/..%2fapp.py",
            "/static/%2e%2e/app.py",
            "/static/..\\app.py",
        ),
        *(
            "/static/%2e%2e%2f%2e%2e%2fpyproject.toml",
            "/static//etc/passwd",
            "/static/%2fetc%2fpasswd",
        ),
        *(
            "/static/....//app.py",
            "/static/..%252fapp.py",
            "/static/%c0%ae%c0%ae/app.py",
            "/static/",
        ),
        *("/static/vendor", "/static/style.css%00.png", "/static/" + "a/" * 2000, "/static/~root"),
        *("/media/../../etc/passwd/video.mp4", "/media/..%2f..%2fetc%2fpasswd/poster.jpg"),
        *("/media/job_" + "0" * 32 + "/..%2f..%2fledger.db", "/media/%00/video.mp4"),
        *("/media/job_" + "0" * 32 + "%0a/video.mp4", "/media//video.mp4", "/../../../etc/passwd"),
        *("//evil.example/%2e%2e", "/jobs/../../etc/passwd", "/jobs/..%2f..%2fetc%2fpasswd"),
    ],
)
def test_no_path_leads_out(site, path):
    """As it is and encoded, once and twice: there is nothing there, and nothing breaks."""
    request = f"GET {path} HTTP/1.1\r\nHost: HOST\r\nCookie: {site.cookie}\r\n\r\n"
    status, headers, body = raw(site, request.encode())

    assert status in (400, 404, 307)
    for secret in (b"root:", b"from __future__", b"[project]", b"SQLite format"):
        assert secret not in body
    if status == 307:
        assert headers["location"].startswith(f"{site.root}/")


def test_every_answer_has_the_headers(site):
    """Pages, data, files, the stream, what is refused, moved, missing or not allowed."""
    answers = [
        *(
            site.client.get(path)
            for path in (*ADDRESSES, "/api/jobs", "/api/openapi.json", "/metrics")
        ),
        site.client.get("/static/style.css"),
        site.client.get("/static/none.css"),
        site.client.get("/nothing"),
        site.client.get("/jobs?before=x"),
        site.client.get("/media/job_" + "0" * 32 + "/video.mp4"),
        site.client.get("/theme?to=dark&back=//evil.example"),
        site.client.post("/jobs"),
        site.client.get("/", headers={"host": "evil.example"}),
        site.client.head("/jobs"),
        httpx.get(site.root),
    ]
    with site.client.stream("GET", "/api/live") as stream:
        answers.append(stream)

    for answer in answers:
        got = {name: answer.headers.get(name) for name in HEADERS}
        assert got == HEADERS, answer.request.url
        assert "server" not in answer.headers
        assert "no-" in answer.headers["cache-control"] or answer.status_code == 206
    policy = HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_cookies_are_out_of_reach(site):
    """Of scripts and of other sites; the wish for a colour is, too."""
    for address, name in ((site.server.url, "vidobs_session"), ("/theme?to=dark", "vidobs_theme")):
        with httpx.Client(base_url=site.root, cookies=site.client.cookies) as client:
            said = client.get(address).headers["set-cookie"].lower()
        assert said.startswith(name)
        assert "samesite=strict" in said
        assert "httponly" in said
        assert "domain" not in said


def test_methods(site):
    """HEAD is GET without its body; what nobody serves is not allowed, and changes nothing."""
    got, head = site.client.get("/jobs"), site.client.head("/jobs")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "PROPFIND", "BREW"):
        for path in (
            "/",
            "/jobs",
            "/api/jobs",
            "/api/openapi.json",
            "/static/style.css",
            "/metrics",
        ):
            assert site.client.request(method, path).status_code == 405, (method, path)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n",
        b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: HOST\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HOST\r\nOrigin: http://[\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HOST\r\nCookie: " + b"a=b; " * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: HOST\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    ],
)
def test_broken_requests_are_refused_and_not_served(site, request_):
    """None is a fault of the server, and the next visitor is served as before."""
    assert raw(site, request_)[0] in (400, 401, 403)
    assert site.client.get("/jobs").status_code == 200


def test_there_are_never_too_many_streams(site):
    """One more is told so; the pages go on, and a stream that ends makes room."""
    room = httpx.Limits(max_connections=MOST_STREAMS + 9)
    with httpx.Client(base_url=site.root, cookies=site.client.cookies, limits=room) as client:
        with ExitStack() as stack:
            read = [
                stack.enter_context(client.stream("GET", "/api/live")).iter_raw()
                for _ in range(MOST_STREAMS)
            ]
            assert {next(one)[:6] for one in read} == {b"retry:"}
            assert client.get("/api/live").status_code == 503
            assert client.get("/jobs").status_code == 200
        site.wait_for(lambda: _opens(client))


def _opens(client):
    with client.stream("GET", "/api/live") as answer:
        return answer.status_code == 200


@pytest.mark.parametrize("version", ["x", "-1", "9" * 5000, "9" * 18, "%00", ""])
def test_a_stream_of_a_strange_version_begins_now(site, version):
    """Whatever a page believes to know."""
    with site.client.stream("GET", f"/api/live?version={version}") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert next(answer.iter_raw()).startswith(b"retry:")


def test_markup_in_a_job_is_text_on_every_page(site):
    """In a prompt, a tag, a user, a model, a provider, a code, an error, and what is asked for."""
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    asked = ("/jobs?q=", "/failures?provider=", "/exporters?exporter=", "/costs?by=", "/jobs/")
    pages = [*site.pages, *(f"{address}{hostile}" for address in asked)]

    for path in pages:
        answer = site.client.get(path)
        found = Markup(answer.text)
        names = {name for name, _ in found.elements}
        assert not names & {"marquee", "blink", "font", "center", "iframe", "base"}, path
        for name, given in found.elements:
            assert not [key for key in given if key.startswith("on") or key == "style"], path
            assert name != "script" or given.get("src") or given == {"type": "application/json"}
            assert name != "img" or given["src"].startswith("/media/")
            assert not str(given.get("href", "")).lower().startswith(("javascript:", "data:"))
    assert "<script>alert('model')</script>" in Markup(site.client.get(site.pages[-1]).text).text
