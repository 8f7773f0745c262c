"""Downloads that a server sends on to another place: which are fetched, and what goes along."""

import asyncio
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from front_kit import certificate
from sink_kit import Sink

import vidobs
from vidobs.dialects.variants import OPENAI
from vidobs.exceptions import APIConnectionError
from vidobs.sdk.client import _downloads as downloads
from vidobs.sdk.client._addresses import within_reach
from vidobs.sdk.client._elsewhere import Place
from vidobs.sdk.client._server import Server
from vidobs.sdk.client._steps import run, run_async
from vidobs.sdk.client._wire import AsyncWire, SyncWire

KEY = "sk-canary-0123456789"
PLACES = [
    "http://169.254.169.254/latest/meta-data", "http://[fd00:ec2::254]/", "http://2852039166/",
    "http://[::ffff:a9fe:a9fe]/", "http://0xa9fea9fe/", "http://0.0.0.0/", "http://224.0.0.1/",
    "http://user:pw@127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1",
    "javascript:alert(1)", "data:video/mp4;base64,AAAA",
    "http://127.1@8.8.8.8/", "http://169.254.169.254./", "http://169.16689662/",
]  # fmt: skip
FILE = b"\0\0\0\x18ftypisom" + bytes(100)


@pytest.fixture
def home():
    """The server with the video, which sends on."""
    with Sink() as server:
        yield server


@pytest.fixture
def store():
    """The place with the file."""
    with Sink() as server:
        server.answers(200, {"Content-Type": "video/mp4"}, body=FILE)
        yield server


class _File(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """A server over TLS whose certificate is for files.example, and trusted; its port."""
    pem = certificate("files.example", tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with ThreadingHTTPServer(("127.0.0.1", 0), _File) as server:
        server.handle_error = lambda *_: None
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(params=["sync", "async"])
def fetch(request):
    """Download through a wire whose names are looked up in a table; no two lookups are alike."""

    def call(base_url, names):
        table = {name: iter(addresses) for name, addresses in names.items()}
        server = Server(base_url=base_url, variant=OPENAI, provider="openai", key=KEY)

        def resolve(host, _port):
            return next(table[host])

        async def resolve_async(host, _port):
            return next(table[host])

        wanted = downloads.to_memory("video_1", variant=None)
        if request.param == "sync":
            wire = SyncWire(server, None, max_retries=0, resolve=resolve)
            try:
                return run(wanted, wire).data
            finally:
                wire.close()

        async def awaiting():
            wire = AsyncWire(server, None, max_retries=0, resolve=resolve_async)
            try:
                return (await run_async(wanted, wire)).data
            finally:
                await wire.close()

        return asyncio.run(awaiting())

    return call


def test_a_file_on_another_host_comes_without_the_key(make_api, seen, home, store):
    """Its name is looked up and its address dialled; the host it is asked for is its name."""
    place = f"http://localhost:{store.port}/file?sig=canary"
    home.redirects(place, 302)
    api = make_api(f"{home.url}/v1")

    assert api(lambda videos: videos.download("video_1")).data == FILE

    [asked] = store.requests
    assert (asked.path, asked.headers["host"]) == ("/file?sig=canary", f"localhost:{store.port}")
    assert KEY not in str(asked.headers)
    assert "authorization" not in asked.headers


def test_a_place_that_sends_on_again_is_the_one_that_was_named(make_api, seen, home, store):
    """A relative address is on the host of the name, not on the number that was dialled."""
    home.redirects(f"http://localhost:{store.port}/first", 302)
    store.answers_next(302, {"Location": "/second"})
    api = make_api(f"{home.url}/v1")

    assert api(lambda videos: videos.download("video_1")).data == FILE

    assert [request.path for request in store.requests] == ["/first", "/second"]
    assert store.requests[1].headers["host"] == f"localhost:{store.port}"


def test_a_place_that_no_file_is_fetched_from(make_api, seen, home):
    """However it is written; it is not asked for a second time, and the text does not name it."""
    api = make_api(f"{home.url}/v1")
    for place in PLACES:
        home.redirects(place, 302)
        with pytest.raises(APIConnectionError, match="not fetched from") as caught:
            api(lambda videos: videos.download("video_1"))
        assert place not in str(caught.value)

    assert len(home.requests) == len(PLACES)


def test_a_download_that_is_sent_in_circles_ends(make_api, seen, home):
    """After a few turns."""
    home.redirects(f"{home.url}/round", 302)
    api = make_api(f"{home.url}/v1", max_retries=0)

    with pytest.raises(APIConnectionError, match="more than 5 redirects"):
        api(lambda videos: videos.download("video_1"))


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"], []],
    ids=["private", "loopback", "one of two", "metadata", "none"],
)
def test_a_name_that_leads_into_a_private_network(fetch, seen, home, store, addresses):
    """The server has a public address, so what is inside is none of its business."""
    home.redirects(f"http://files.example:{store.port}/file", 302)

    with pytest.raises(APIConnectionError, match="not fetched from"):
        fetch(f"{home.url}/v1", {"files.example": [addresses], "127.0.0.1": [["8.8.8.8"]]})

    assert not store.requests


def test_a_name_is_looked_up_once(fetch, seen, home, store):
    """What was looked at is what is dialled, whatever the name server says the next time."""
    home.redirects(f"http://files.example:{store.port}/file", 302)
    names = {"files.example": [["127.0.0.1"], ["10.0.0.1"]], "127.0.0.1": [["127.0.0.1"]]}

    assert fetch(f"{home.url}/v1", names) == FILE

    assert store.requests[0].headers["host"] == f"files.example:{store.port}"


@pytest.mark.slow
def test_a_certificate_is_that_of_the_name(fetch, seen, home, trusted):
    """The address is dialled, and whoever answers must be who was named."""
    here = [["127.0.0.1"]] * 20

    home.redirects(f"https://files.example:{trusted}/file", 302)
    assert fetch(f"{home.url}/v1", {"files.example": here, "127.0.0.1": here}) == FILE
    home.redirects(f"https://other.example:{trusted}/file", 302)
    with pytest.raises(APIConnectionError, match="ConnectError"):
        fetch(f"{home.url}/v1", {"other.example": here, "127.0.0.1": here})


def test_a_client_of_the_users_looks_names_up_by_itself(seen, home, store):
    """It may be a proxy that does; what is written as a private address is refused all the same."""
    home.redirects(f"http://localhost:{store.port}/file", 302)
    with httpx.Client(headers={"x-mine": "1"}) as http:
        client = vidobs.Client(base_url=f"{home.url}/v1", api_key=KEY, http_client=http)
        assert client.videos.download("video_1").data == FILE
        home.redirects("http://169.254.169.254/", 302)
        with pytest.raises(APIConnectionError):
            client.videos.download("video_1")

    assert store.requests[0].headers["x-mine"] == "1"
    assert "authorization" not in store.requests[0].headers


def test_a_proxy_of_the_environment_looks_names_up(monkeypatch):
    """Unless the host is one that goes without."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    place = Place(
        httpx.URL("https://files.example/"), ours=False, headers={}, timeout=httpx.Timeout(1)
    )
    assert place.proxied is False
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert place.proxied is True
    monkeypatch.setenv("NO_PROXY", "files.example")
    assert place.proxied is False


@pytest.mark.parametrize(
    ("addresses", "home", "reached"),
    [
        (["8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"], ["8.8.4.4"], True),
        (["10.0.0.1"], ["192.168.1.1"], True),
        (["100.64.0.1"], ["10.0.0.1"], True),
        (["10.0.0.1"], ["127.0.0.1"], True),
        (["::1"], ["127.0.0.1"], True),
        (["127.0.0.1"], ["10.0.0.1"], False),
        (["10.0.0.1"], ["8.8.8.8"], False),
        (["8.8.8.8", "10.0.0.1"], ["8.8.8.8"], False),
        (["169.254.169.254"], ["127.0.0.1"], False),
        (["fe80::1%eth0"], ["fe80::2"], False),
        (["64:ff9b::7f00:1"], ["127.0.0.1"], False),
        ([], ["8.8.8.8"], False),
    ],
)
def test_what_a_server_may_send_to(addresses, home, reached):
    """Public places always; those inside only from inside; this machine only from itself."""
    assert within_reach(addresses, home) is reached
