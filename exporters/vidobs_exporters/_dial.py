"""The way to a receiver: names are resolved once, addresses checked, and time kept.

`httpx` limits each read and each write. Here a whole request has a deadline, which a server that
sends a byte now and then does not move. What is dialled is an address that was checked: the name
is not looked up a second time, so that a name server cannot answer differently in between.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import httpcore
import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
AddressCheck: TypeAlias = Callable[[str, Sequence[str]], None]

KEEP_S = 4.0  # an idle connection is kept; uvicorn and Node close theirs after 5
PIECE = 16 * 1024  # bytes written between two looks at the deadline

_SAME_IN_HTTPX: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ReadError: httpx.ReadError,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.WriteError: httpx.WriteError,
    httpcore.WriteTimeout: httpx.WriteTimeout,
}


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the order the system would try them.

    Numbers are understood in every form that the system understands. Waits for name servers as
    long as the system is set up to, which no deadline shortens.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Deadline:
    """The moment by which a request must be over. For one thread, one request at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = float("inf")

    def start(self, seconds: float) -> None:
        """Give the next request so much time."""
        self._at = self._clock() + seconds

    def left(self, most: float | None) -> float:
        """Return how long to wait for the next step, `most` at most; 0 when the time is up."""
        left = max(0.0, self._at - self._clock())
        return left if most is None else min(most, left)


class Dialler(httpcore.NetworkBackend):
    """Connects to an address of a host, after all its addresses were checked."""

    def __init__(
        self, deadline: Deadline, *, resolve: Resolve = resolve, check: AddressCheck | None = None
    ) -> None:
        """`check` gets a host and its addresses, and raises if one of them must not be dialled."""
        self._deadline = deadline
        self._resolve = resolve
        self._check = check
        self._tcp = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Try one address after the other.

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: the name is not known, or nobody
                answers.
        """
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port):
            left = self._deadline.left(timeout)
            if not left:
                raise httpcore.ConnectTimeout("timed out")
            try:
                stream = self._tcp.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Timed(stream, self._deadline)
        raise failure

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: an empty or too long label
            raise httpcore.ConnectError(f"{host} is not known here: {error}") from error
        if self._check is not None:
            self._check(host, addresses)
        return addresses


class _Timed(httpcore.NetworkStream):
    """A connection on which nothing is waited for after the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if not left:
            raise httpcore.ReadTimeout("timed out")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            left = self._deadline.left(timeout)
            if not left:
                raise httpcore.WriteTimeout("timed out")
            self._stream.write(buffer[start : start + PIECE], left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout)
        if not left:
            self.close()
            raise httpcore.ConnectTimeout("timed out")
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        return self._stream.get_extra_info(info)


class Transport(httpx.BaseTransport):
    """HTTP/1.1 over connections that a backend opens; one is kept alive.

    Certificates are checked against certifi's authorities, or those that `SSL_CERT_FILE` or
    `SSL_CERT_DIR` name. They are loaded with the first request that needs them.
    """

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend
        self._pools: dict[str, httpcore.ConnectionPool] = {}  # by scheme

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; return the answer with its body unread.

        Raises:
            httpx.TransportError: there is no answer.
        """
        with _told_as_httpx():
            answer = self._pool(request.url.scheme).handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close the connections."""
        while self._pools:
            self._pools.popitem()[1].close()

    def _pool(self, scheme: str) -> httpcore.ConnectionPool:
        if scheme not in self._pools:
            self._pools[scheme] = httpcore.ConnectionPool(
                ssl_context=httpx.create_ssl_context() if scheme == "https" else None,
                max_connections=2,
                max_keepalive_connections=1,
                keepalive_expiry=KEEP_S,
                network_backend=self._backend,
            )
        return self._pools[scheme]


class _Body(httpx.SyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _told_as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _told_as_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(_SAME_IN_HTTPX) as error:
        raise _SAME_IN_HTTPX[type(error)](str(error)) from error
