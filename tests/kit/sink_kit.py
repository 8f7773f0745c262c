"""A real HTTP server that stands in for what exporters send to, and misbehaves when told to.

    with Sink() as sink:
        sink.answers(503, {"Retry-After": "7"})     # from now on
        sink.answers_next(202, body=b"{}")          # the next request only, before the above
        ... an exporter sends to sink.url ...
        [request] = sink.requests
        request.method, request.path, request.headers["x-api-key"], request.json()

Answers other than plain ones: `sink.hangs()`, `sink.drips()`, `sink.breaks_off()`,
`sink.drops()`, `sink.redirects()`. After `sink.stop()` connections are refused, until
`sink.start()` listens on the same port again.
"""

import gzip
import json
import socket
import threading
import zlib
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

PATIENCE_S = 10.0  # for which `wait` waits; a test that runs into it fails
DRIP_S = 0.02  # between two bytes of an answer that drips


class Request(NamedTuple):
    """What arrived. Names of headers are in lower case; `body` is decompressed."""

    method: str
    path: str  # with the query
    headers: dict[str, str]
    body: bytes
    raw: bytes  # as it was on the wire

    def json(self):
        """Read the body as JSON."""
        return json.loads(self.body)


class Reply(NamedTuple):
    """What to answer, and how."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    how: str = "whole"  # or `hang`, `drip`, `break off`, `drop`


class Sink:
    """Listens on a port of its own on the loopback, from entering to leaving the `with` block."""

    def __init__(self):
        self.requests = []
        self._usual = Reply()
        self._next = deque()
        self._arrived = threading.Condition()
        self._port = 0
        self._server = None
        self._thread = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        """Scheme, host and port; no slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self):
        """The port, which stays the same."""
        return self._port

    # -- what to answer ----------------------------------------------------------------------------

    def answers(self, status=200, headers=None, *, body=b""):
        """Answer so from now on."""
        self._usual = _reply(status, headers, body)

    def answers_next(self, status=200, headers=None, *, body=b""):
        """Answer so once; may be called for several requests ahead."""
        self._next.append(_reply(status, headers, body))

    def hangs(self):
        """Read requests and never answer, until the sink stops."""
        self._usual = Reply(how="hang")

    def drips(self, status=200):
        """Begin an answer that comes byte by byte, and never ends."""
        self._usual = Reply(status, how="drip")

    def breaks_off(self, status=200):
        """Announce a body, send a part of it, and close the connection."""
        self._usual = Reply(status, how="break off")

    def drops(self):
        """Read requests, and close the connection without an answer."""
        self._usual = Reply(how="drop")

    def redirects(self, location, status=307):
        """Send clients somewhere else."""
        self._usual = _reply(status, {"Location": location}, b"")

    # -- what arrived ------------------------------------------------------------------------------

    def wait(self, count=1):
        """Wait until so many requests have arrived; return all."""
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE_S)
            assert enough, f"{len(self.requests)} requests arrived, {count} were waited for"
            return list(self.requests)

    def forget(self):
        """Forget the requests so far; return them."""
        with self._arrived:
            seen, self.requests = self.requests, []
            return seen

    # -- up and down -------------------------------------------------------------------------------

    def start(self):
        """Listen, on the port of last time if there was one."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.sink = self
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def stop(self):
        """Close the port and every connection; whoever connects is refused."""
        if self._server is None:
            return
        self._server.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join(PATIENCE_S)
        self._server = None

    def took(self, request):
        """Note a request; return what to answer."""
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
            return self._next.popleft() if self._next else self._usual


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, *args):
        super().__init__(*args)
        self.stopped = threading.Event()
        self.open = set()

    def get_request(self):
        connection, address = super().get_request()
        self.open.add(connection)
        return connection, address

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self):
        """Close what is still connected: a keep-alive connection would outlive the port."""
        for connection in list(self.open):
            with suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """Say nothing: clients give up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self):
        """Take any method."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
        elif self.parse_request():
            self._reply(self.server.sink.took(self._request()))

    def _request(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = _DECODE.get(headers.get("content-encoding"), bytes)(raw)
        return Request(self.command, self.path, headers, body, raw)

    def _reply(self, reply):
        if reply.how == "whole":
            self._head(reply, len(reply.body))
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            return
        self.close_connection = True
        if reply.how == "hang":
            self.server.stopped.wait()
        elif reply.how == "break off":
            self._head(reply, 1000)
            self.wfile.write(b"the first part")
        elif reply.how == "drip":
            self._head(reply, 1_000_000)
            while not self.server.stopped.wait(DRIP_S):
                self.wfile.write(b".")

    def _head(self, reply, length):
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


_DECODE = {"gzip": gzip.decompress, "deflate": zlib.decompress}


def _reply(status, headers, body):
    return Reply(status, tuple((headers or {}).items()), body)
