"""A process's own metrics over HTTP, as Prometheus and OpenMetrics write them.

The text is written by prometheus_client (the extra `metrics`), which is imported when the first
scrape comes; what it says is in `vidobs.telemetry.exposition`.
"""

from __future__ import annotations

import asyncio
import gzip
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.errors import MissingExtraError
from vidobs.telemetry.exposition import families

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
    from typing import Any, TypeAlias

    from prometheus_client.metrics_core import Metric

    from vidobs.telemetry.exposition import HistogramSample, Sample

    Message: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[Message]]
    Send: TypeAlias = Callable[[Message], Awaitable[None]]
    Headers: TypeAlias = list[tuple[str, str]]
    Samples: TypeAlias = Iterable[Sample | HistogramSample]
    Answer: TypeAlias = tuple[HTTPStatus, Headers, bytes]

_LEAST_PACKED_BYTES = 1024  # below, gzip gains nothing
_READS = ("GET", "HEAD")


class Written(msgspec.Struct, frozen=True):
    """What a scrape is answered with."""

    body: bytes
    content_type: str


def require_client() -> None:
    """Raise `MissingExtraError` where prometheus_client is not installed."""
    if find_spec("prometheus_client") is None:
        raise MissingExtraError("metrics", "the exposition of metrics")


def written(samples: Samples, *, accept: str = "") -> Written:
    """Write samples in the format that a scraper's `Accept` header asks for.

    That is OpenMetrics where it is named, and the text format of Prometheus everywhere else.
    """
    from prometheus_client.exposition import choose_encoder

    encode, content_type = choose_encoder(accept)
    return Written(encode(_Collector(samples)), content_type)


class _Collector:
    """What prometheus_client asks for families."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import Metric

        for family in families(self._samples):
            metric = Metric(family.name, family.description, family.type, family.unit)
            for line in family.lines:
                metric.add_sample(line.name, line.labels, line.value)
            yield metric


class MetricsApp:
    """An ASGI application that answers every GET with the metrics; `wsgi` is its twin for WSGI.

    `read()` is called in a thread for each scrape, and may look into the ledger.
    """

    def __init__(self, read: Callable[[], Samples]) -> None:
        self._read = read

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI says: https://asgi.readthedocs.io/en/latest/specs/."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._respond(scope, send)

    def wsgi(
        self, environ: dict[str, Any], start_response: Callable[[str, Headers], object]
    ) -> list[bytes]:
        """Answer one request, as WSGI says (PEP 3333)."""
        method = environ.get("REQUEST_METHOD", "GET")
        accept = environ.get("HTTP_ACCEPT", "")
        encodings = environ.get("HTTP_ACCEPT_ENCODING", "")
        status, headers, body = self._answer(method, accept, encodings)
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    async def _respond(self, scope: Message, send: Send) -> None:
        asked = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        accept = asked.get("accept", b"").decode("latin-1")
        encodings = asked.get("accept-encoding", b"").decode("latin-1")
        status, headers, body = await asyncio.to_thread(
            self._answer, scope["method"], accept, encodings
        )
        raw = [(name.lower().encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status.value, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, method: str, accept: str, encodings: str) -> Answer:
        if method not in _READS:
            return HTTPStatus.METHOD_NOT_ALLOWED, [("Allow", ", ".join(_READS))], b""
        made = written(self._read(), accept=accept)
        headers = [("Content-Type", made.content_type), ("Vary", "Accept, Accept-Encoding")]
        body = made.body
        if "gzip" in encodings and len(body) >= _LEAST_PACKED_BYTES:
            body = gzip.compress(body, compresslevel=1)
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
        return HTTPStatus.OK, headers, b"" if method == "HEAD" else body


async def _live(receive: Receive, send: Send) -> None:
    """Begin and end with a server of which this is the only application."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
