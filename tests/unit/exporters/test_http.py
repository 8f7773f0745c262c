"""The connection of exporters to their receivers: limits, errors, and what is never said."""

import gzip
import logging
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink_kit import Sink

from vidobs import ExportError, __version__
from vidobs_exporters._answers import Answer, retry_after_s
from vidobs_exporters._http import MOST_ANSWER_BYTES, Http, gzipped, origin

ROOT = Path(__file__).parents[3]
SHORT_S = 0.2
HOST = "hooks.example.com"
CERTIFICATE = ROOT / "tests" / "fixtures" / f"{HOST}.pem"  # for that host, valid until 2126
SECRET = "canary-key-2c91"


@pytest.fixture
def sink():
    """A server that takes everything."""
    with Sink() as one:
        yield one


@pytest.fixture
def connect():
    """Build connections; they are closed at the end."""
    made = []

    def build(**options):
        made.append(Http("sink", **options))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def http(connect):
    """A connection with the usual limits."""
    return connect()


@contextmanager
def speaking(talk):
    """Listen on a port; `talk` gets each connection, in a thread. Yields the URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        assert not thread.is_alive()


def failing(http, url, **request):
    """Return the error that sending raises."""
    with pytest.raises(ExportError) as caught:
        http.deliver("POST", url, **request)
    return caught.value


# -- what is sent ----------------------------------------------------------------------------------


def test_a_request_is_sent_as_given(http, sink):
    """Method, path, query, headers and body arrive, with little beside them."""
    sink.answers(202, {"X-Request-Id": "r1"}, body=b'{"ok":true}')

    answer = http.send(
        "PUT", f"{sink.url}/a/b?c=d%20e", content=b"\x00body", headers={"X-Api-Key": "k"}
    )

    [request] = sink.requests
    assert (request.method, request.path, request.raw) == ("PUT", "/a/b?c=d%20e", b"\x00body")
    assert request.headers == {
        "host": f"127.0.0.1:{sink.port}",
        "user-agent": f"vidobs/{__version__}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "x-api-key": "k",
        "content-length": "5",
    }
    assert (answer.status, answer.body, answer.whole) == (202, b'{"ok":true}', True)
    assert answer.headers["x-request-id"] == "r1"
    assert answer.ok


def test_headers_given_replace_the_usual_ones(http, sink):
    """In whatever case they are written."""
    http.send("POST", sink.url, headers={"User-Agent": "mine", "ACCEPT": "text/plain"})

    [request] = sink.requests
    assert request.headers["user-agent"] == "mine"
    assert request.headers["accept"] == "text/plain"


def test_a_name_and_password_in_the_url_are_sent_as_a_header(http, sink):
    """As browsers and curl do; a header that is given goes before."""
    url = sink.url.replace("//", "//ada:pa%20ss@")

    http.send("POST", url)
    http.send("POST", url, headers={"Authorization": "Bearer k"})

    assert [one.headers["authorization"] for one in sink.requests] == [
        "Basic YWRhOnBhIHNz",
        "Bearer k",
    ]


def test_a_connection_is_kept(connect, sink):
    """Requests one after the other need one connection, whatever the answers are."""
    asked = []

    def resolve(host, port):
        asked.append((host, port))
        return [host]

    http = connect(resolve=resolve)
    for status in (200, 503, 404, 302, 200):
        sink.answers_next(status, body=b"some text")
        http.send("POST", sink.url, content=b"{}")

    assert asked == [("127.0.0.1", sink.port)]
    assert len(sink.requests) == 5


def test_a_connection_that_the_server_closed_is_made_anew(http, sink):
    """A server that was restarted in between costs no event."""
    http.send("POST", sink.url)
    sink.stop()
    sink.start()

    assert http.send("POST", sink.url).ok


def test_a_closed_one_can_be_used_again(http, sink):
    """Closing gives the connection back, no more."""
    http.send("POST", sink.url)
    http.close()
    http.close()

    assert http.send("POST", sink.url).ok


def test_nothing_of_the_environment_is_used(connect, sink, monkeypatch, tmp_path):
    """Neither proxies nor a netrc: they are for other programs of the user's."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password secret\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    connect().send("POST", sink.url)

    assert "authorization" not in sink.requests[0].headers


def test_cookies_are_not_kept(http, sink):
    """What a receiver sets comes back to nobody."""
    sink.answers(200, {"Set-Cookie": "session=1; Path=/"})

    http.send("POST", sink.url)
    http.send("POST", sink.url)

    assert "cookie" not in sink.requests[1].headers


def test_a_redirect_is_not_followed(http, sink):
    """The place it leads to hears nothing; the error says what to do."""
    with Sink() as elsewhere:
        sink.redirects(f"{elsewhere.url}/?{SECRET}")
        error = failing(http, sink.url, content=b"{}")

    assert elsewhere.requests == []
    assert str(error) == (
        f"exporter 'sink': {sink.url} answered 307; redirects are not followed, set the final URL"
    )
    assert error.retryable is None


def test_nothing_is_logged(http, sink, caplog):
    """URLs and headers may hold keys, and an export is no news."""
    caplog.set_level(logging.DEBUG)

    http.send("POST", f"{sink.url}/{SECRET}", headers={"authorization": SECRET})
    sink.stop()
    failing(http, f"{sink.url}/{SECRET}", headers={"authorization": SECRET})

    assert SECRET not in caplog.text
    assert [one for one in caplog.records if one.levelno > logging.DEBUG] == []


def test_equal_bodies_are_compressed_to_equal_bytes(http, sink):
    """A batch that is sent again is the same on the wire."""
    body = b'{"name":"video.completed"}' * 40

    http.send("POST", sink.url, content=gzipped(body), headers={"content-encoding": "gzip"})

    [request] = sink.requests
    assert gzipped(body) == gzipped(body) == request.raw
    assert gzip.decompress(request.raw) == request.body == body
    assert len(request.raw) < len(body) / 5


# -- how long is waited ----------------------------------------------------------------------------


def test_a_server_that_hangs_is_given_up(connect, sink):
    """There is no answer within the time."""
    sink.hangs()

    error = failing(connect(timeout_s=SHORT_S), sink.url)

    assert str(error) == f"exporter 'sink': no answer from {sink.url}: ReadTimeout: timed out"
    assert error.retryable is True


def test_an_answer_that_drips_has_its_status(connect, sink):
    """A body that would take for ever is cut off at the deadline; its status counts."""
    sink.drips(200)
    http = connect(timeout_s=0.5)

    answer = http.send("POST", sink.url)
    sink.drips(503)
    error = failing(http, sink.url)

    assert (answer.ok, answer.whole) == (True, False)
    assert re.fullmatch(rb"\.+", answer.body)
    assert error.retryable is True


def test_headers_that_drip_are_no_answer(connect):
    """A byte now and then does not move the deadline."""
    done = threading.Event()

    def drip(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not done.wait(0.01):
            try:
                connection.sendall(b".")
            except OSError:
                return

    with speaking(drip) as url:
        error = failing(connect(timeout_s=SHORT_S), url)
        done.set()

    assert str(error).endswith("ReadTimeout: timed out")
    assert error.retryable is True


def test_a_server_that_does_not_read_is_given_up(connect):
    """A body that nobody takes does not wait beyond the deadline either."""
    done = threading.Event()

    with speaking(lambda _: done.wait(30)) as url:
        error = failing(connect(timeout_s=SHORT_S), url, content=bytes(32 * 1024 * 1024))
        done.set()

    assert str(error).endswith("WriteTimeout: timed out")
    assert error.retryable is True


def test_a_server_that_starts_no_tls_is_given_up(connect):
    """The deadline holds for the handshake, too."""
    done = threading.Event()

    with speaking(lambda _: done.wait(30)) as url:
        error = failing(connect(timeout_s=SHORT_S), url.replace("http:", "https:"))
        done.set()

    assert "ConnectTimeout: " in str(error)
    assert error.retryable is True


def test_a_long_answer_is_cut(http, sink):
    """No more is read than an exporter could want."""
    sink.answers(200, body=b"x" * (MOST_ANSWER_BYTES + 1))

    answer = http.send("POST", sink.url)

    assert (answer.ok, answer.whole) == (True, False)
    assert answer.body == b"x" * MOST_ANSWER_BYTES
    assert http.send("POST", sink.url).ok


def test_an_answer_that_breaks_off_has_its_status(http, sink):
    """Who said 200 has it, and does not get it again."""
    sink.breaks_off(200)

    answer = http.send("POST", sink.url)

    assert (answer.status, answer.body, answer.whole) == (200, b"the first part", False)


# -- no answer -------------------------------------------------------------------------------------


def test_a_connection_that_is_refused_can_be_retried(http, sink):
    """The text says why, and names scheme, host and port only."""
    sink.stop()

    error = failing(http, f"{sink.url}/{SECRET}")

    refused = os.strerror(111) if sys.platform == "linux" else "refused"
    assert str(error).startswith(f"exporter 'sink': no answer from {sink.url}: ConnectError: ")
    assert refused in str(error)
    assert SECRET not in str(error)
    assert error.retryable is True
    assert isinstance(error.__cause__, httpx.ConnectError)


def test_a_connection_that_is_dropped_can_be_retried(http, sink):
    """Nobody knows whether the request arrived; the same ids make that harmless."""
    sink.drops()

    error = failing(http, sink.url)

    assert "RemoteProtocolError: Server disconnected" in str(error)
    assert error.retryable is True


@pytest.mark.parametrize("trouble", [socket.gaierror(-2, "Name or service not known"), None])
def test_a_name_that_is_not_known_can_be_retried(connect, trouble):
    """Name servers may be out of reach for a while, and so may the host's addresses."""

    def resolve(_host, _port):
        if trouble:
            raise trouble
        return []

    error = failing(connect(resolve=resolve), f"https://{HOST}/x")

    assert f"no answer from https://{HOST}: ConnectError: {HOST} " in str(error)
    assert error.retryable is True


def test_a_name_that_cannot_be_one_is_no_crash(http):
    """The system's own resolver refuses a name with an empty label."""
    error = failing(http, "https://.example.com/")

    assert "no answer from https://.example.com: ConnectError" in str(error)


def test_every_address_of_a_host_is_tried(connect, sink):
    """The first that answers is taken: 127.0.0.2 is this machine too, but nobody listens there."""
    tried = ["127.0.0.2", "127.0.0.1"]

    answer = connect(resolve=lambda *_: tried).send("POST", f"http://{HOST}:{sink.port}/")

    assert answer.ok
    assert sink.requests[0].headers["host"] == f"{HOST}:{sink.port}"


def test_the_deadline_holds_for_all_addresses_together(connect):
    """A host with very many addresses is not tried for ever."""
    asked = []

    class Slow(list):
        def __iter__(self):
            while True:
                asked.append(1)
                yield "127.0.0.2"

    error = failing(connect(timeout_s=SHORT_S, resolve=lambda *_: Slow()), "http://127.0.0.2:9/")

    assert str(error).endswith("ConnectTimeout: timed out")
    assert len(asked) > 1


def test_addresses_are_checked_before_one_is_dialled(connect, sink):
    """All of them, with the host they were found for; nothing is sent when one is refused."""
    seen = []

    def check(host, addresses):
        seen.append((host, list(addresses)))
        if len(addresses) > 1:
            raise ExportError("not there", retryable=None)

    answers = [["127.0.0.1"], ["127.0.0.1", "10.0.0.1"]]
    http = connect(check=check, resolve=lambda *_: answers[len(seen)])
    url = f"http://{HOST}:{sink.port}"

    assert http.send("POST", url, headers={"connection": "close"}).ok
    assert str(failing(http, url)) == "not there"
    assert seen == [(HOST, answers[0]), (HOST, answers[1])]
    assert len(sink.requests) == 1


@pytest.mark.parametrize(
    ("url", "headers", "why"),
    [
        ("http://127.0.0.1:x/" + SECRET, {}, "its URL cannot be used"),
        ("ftp://127.0.0.1/" + SECRET, {}, "its URL cannot be used"),
        ("/" + SECRET, {}, "its URL cannot be used"),
        ("http://127.0.0.1/", {"x-key": SECRET + "\n"}, "a header holds what HTTP does not allow"),
        ("http://127.0.0.1/", {"x-key": SECRET + "\u20ac"}, "a header holds what HTTP does not"),
        ("http://127.0.0.1/", {"x key": SECRET}, "a header holds what HTTP does not allow"),
    ],
)
def test_what_cannot_be_sent_is_said_without_its_secrets(connect, sink, url, headers, why):
    """A line break behind a key is common; neither the error nor its cause repeats the key."""
    url = url.replace("127.0.0.1/", f"127.0.0.1:{sink.port}/")

    error = failing(connect(), url, headers=headers)

    assert str(error).startswith(f"exporter 'sink': the request cannot be sent: {why}")
    assert SECRET not in str(error)
    assert error.__cause__ is None
    assert error.retryable is None
    assert sink.requests == []


# -- TLS -------------------------------------------------------------------------------------------


@contextmanager
def speaking_tls(names):
    """Listen for TLS with the certificate of `HOST`; keep the names that clients ask for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def talk(connection):
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                secure.recv(65536)
                secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        except OSError:
            return

    with speaking(talk) as url:
        yield int(url.rpartition(":")[2])


def test_the_certificate_is_that_of_the_host(connect, monkeypatch):
    """An address is dialled, but the name is asked for and checked; for another it is refused."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    names = []
    with speaking_tls(names) as port:
        http = connect(resolve=lambda *_: ["127.0.0.1"])
        answer = http.send("POST", f"https://{HOST}:{port}/")
        error = failing(http, f"https://other.example.com:{port}/")

    assert answer.status == 204
    assert names == [HOST, "other.example.com"]
    assert "certificate is not valid for 'other.example.com'" in str(error)
    assert error.retryable is True


def test_a_certificate_of_nobody_is_refused(connect, monkeypatch):
    """Without the variable only the authorities that everybody trusts count."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with speaking_tls([]) as port:
        error = failing(connect(resolve=lambda *_: ["127.0.0.1"]), f"https://{HOST}:{port}/")

    assert "CERTIFICATE_VERIFY_FAILED" in str(error)
    assert error.retryable is True


# -- what answers mean -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retryable", "statuses"),
    [
        (True, (408, 425, 429, 500, 502, 503, 504, 507, 599)),
        (None, (300, 301, 304, 307, 401, 402, 403, 404, 405, 407, 409, 423, 501, 505)),
        (False, (400, 406, 410, 411, 412, 413, 414, 415, 418, 422, 426, 428, 431, 451)),
    ],
)
def test_a_status_says_whether_to_try_again(http, sink, retryable, statuses):
    """An outage is waited for, a refusal is final, the rest may be either."""
    for status in statuses:
        sink.answers_next(status, {"Retry-After": "3600"})

        error = failing(http, sink.url)

        assert error.retryable is retryable, status
        assert error.retry_after_s == (3600 if retryable else None), status


def test_an_error_quotes_the_answer(http, sink):
    """In one short line, without what was a secret of the request's."""
    body = f'{{"error":\n "no {SECRET}, no {SECRET}-in-the-path, no sk-abcdefghijklmnopqrstuvwx"}}'
    sink.answers(401, body=body.encode() + b" " + b"!" * 1000)

    error = failing(
        http, f"{sink.url}/hook/{SECRET}-in-the-path?x=1", headers={"x-api-key": SECRET}
    )

    assert str(error).startswith(
        f"exporter 'sink': {sink.url} answered 401: "
        '{"error":\\n "no [secret], no [secret], no [secret]"} !!!'
    )
    assert str(error).endswith("!…; check its key")
    assert len(str(error)) < 320


def test_an_answer_shows_its_status_only():
    """Bodies and requests stay out of tracebacks."""
    request = httpx.Request("POST", f"https://{HOST}/{SECRET}")

    assert repr(Answer(200, httpx.Headers({"x": SECRET}), SECRET.encode(), True, request)) == (
        "Answer(200)"
    )


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-3", 0.0),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 12:00:30", 30.0),
        ("Fri, 20 Nov 2026 13:00:30 +0100", 30.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
    ],
)
def test_the_wait_that_a_receiver_asks_for(given, seconds):
    """Seconds or a date; what is neither asks for nothing."""
    noon = 1_795_176_000.0  # 2026-11-20T12:00:00Z

    assert retry_after_s({"retry-after": given}, noon) == seconds


@given(st.text())
def test_no_wait_is_odd(given):
    """Whatever stands there, it is a wait or none."""
    seconds = retry_after_s({"retry-after": given}, 0.0)

    assert seconds is None or 0 <= seconds < float("inf")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:secret@hooks.example.com/secret?secret#secret", "https://hooks.example.com"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
        ("http://[::1/x", "its URL"),
    ],
)
def test_the_origin_holds_no_secret(url, shown):
    """Only what is needed to recognise a receiver is shown."""
    assert origin(url) == shown


# -- a fork ----------------------------------------------------------------------------------------

FORKING = """
import os, sys
from vidobs_exporters._http import Http

url = sys.argv[1]
http = Http("sink")
http.send("POST", url + "/parent/1")
child = os.fork()
if child == 0:
    http.send("POST", url + "/child/1")
    http.send("POST", url + "/child/2")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
http.send("POST", url + "/parent/2")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_has_a_connection_of_its_own():
    """Two processes that write into one connection would mix up their requests."""
    seen = []

    def serve(connection):
        connection.settimeout(10)
        with connection:
            seen.append(list(requests_of(connection)))

    with speaking_to_many(serve) as url:
        subprocess.run([sys.executable, "-c", FORKING, url], check=True, timeout=60)

    assert sorted(seen) == [["/child/1", "/child/2"], ["/parent/1", "/parent/2"]]


def requests_of(connection):
    """Answer the requests of one connection; yield the path of each."""
    with closing(connection.makefile("rb")) as lines:
        while head := lines.readline():
            while lines.readline().strip():
                pass
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            yield head.split()[1].decode()


@contextmanager
def speaking_to_many(talk):
    """As `speaking`, with a thread for each connection; waits for them at the end."""
    threads = []

    def in_a_thread(connection):
        threads.append(threading.Thread(target=talk, args=(connection.dup(),)))
        threads[-1].start()

    with speaking(in_a_thread) as url:
        yield url
    for thread in threads:
        thread.join(10)
