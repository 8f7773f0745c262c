"""What is measured: the bare client, vidobs in three set-ups, and what others offer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT = "a cat on a skateboard, steady"
MODEL = "sora-2"


@dataclass(frozen=True)
class Calls:
    """The calls of a contender, sync or returning awaitables, and how to wait for the rest."""

    create: Callable[[str], Any]
    poll: Callable[[str], Any]
    download: Callable[[str], Any]
    flush: Callable[[], object]
    check: Callable[[], None] = lambda: None  # raises when it did not observe what it should


@dataclass(frozen=True)
class Place:
    """Where a contender runs."""

    base_url: str
    sink_url: str
    folder: str
    is_async: bool


def bare(at: Place) -> Calls:
    """The openai client, and nothing else."""
    return of_client(client(at), _nothing)


def vidobs_plain(at: Place) -> Calls:
    """Wrap the client, without an OpenTelemetry SDK."""
    return _vidobs(at)


def vidobs_sdk(at: Place) -> Calls:
    """Wrap the client with a `TracerProvider` of the user's, without HTTP spans."""
    os.environ["VIDOBS_HTTP_SPANS"] = "off"
    return _vidobs(at, set_up_sdk())


def vidobs_http(at: Place) -> Calls:
    """Wrap the client with a `TracerProvider` of the user's and HTTP spans of creates."""
    return _vidobs(at, set_up_sdk())


def otel_httpx(at: Place) -> Calls:
    """OpenTelemetry's HTTPX2 instrumentation alone."""
    from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor

    provider = set_up_sdk()
    plain = client(at)
    HTTPX2ClientInstrumentor.instrument_client(plain._client)
    return of_client(plain, provider.force_flush, spans_seen(provider))


def client(at: Place) -> Any:
    """Return an openai client of the kind that is asked for."""
    import openai

    kind = openai.AsyncOpenAI if at.is_async else openai.OpenAI
    return kind(api_key="sk-bench", base_url=at.base_url)


def of_client(
    client: Any, flush: Callable[[], object], check: Callable[[], None] = lambda: None
) -> Calls:
    """Return the calls of an openai client."""
    videos = client.videos

    def create(prompt: str) -> Any:
        return videos.create(model=MODEL, prompt=prompt, seconds="4", size="720x1280")

    return Calls(create, videos.retrieve, videos.download_content, flush, check)


def set_up_sdk() -> Any:
    """Make an SDK's provider the global one: batches, and an exporter that drops them."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SpanExporter,
        SpanExportResult,
    )

    class Dropping(SpanExporter):
        count = 0

        def export(self, spans: Any) -> Any:
            self.count += len(spans)
            return SpanExportResult.SUCCESS

    provider = TracerProvider(shutdown_on_exit=False)
    provider.dropped = Dropping()
    provider.add_span_processor(BatchSpanProcessor(provider.dropped))
    trace.set_tracer_provider(provider)
    return provider


def _vidobs(at: Place, provider: Any = None) -> Calls:
    flush, check = watched(at, provider)
    import vidobs

    return of_client(vidobs.wrap(client(at)), flush, check)


def watched(at: Place, provider: Any = None) -> tuple[Callable[[], None], Callable[[], None]]:
    """Give vidobs a ledger on disk; return how to wait for it, and a check that it saw jobs."""
    os.environ["VIDOBS_LEDGER"] = f"sqlite:///{at.folder}/ledger.db"
    import vidobs
    from vidobs import runtime

    spans = spans_seen(provider) if provider is not None else _nothing

    def flush() -> None:
        if left := vidobs.flush(30):
            raise RuntimeError(f"{left} writes or events are left")
        if provider is not None:
            provider.force_flush()

    def check() -> None:
        running = runtime.current()
        assert running is not None
        if running.guard.trips:
            raise RuntimeError(f"vidobs failed inside: {dict(running.guard.trips)}")
        if not runtime.open_reader(running.settings).info().jobs:
            raise RuntimeError("vidobs saw no job")
        spans()

    return flush, check


def spans_seen(provider: Any) -> Callable[[], None]:
    """Return a check that spans reached the exporter."""

    def check() -> None:
        if not provider.dropped.count:
            raise RuntimeError("no span reached the exporter")

    return check


def _nothing() -> None:
    pass


HERE: dict[str, Callable[[Place], Calls]] = {
    "openai": bare,
    "vidobs": vidobs_plain,
    "vidobs + provider": vidobs_sdk,
    "vidobs + provider + HTTP spans": vidobs_http,
    "OpenTelemetry httpx": otel_httpx,
}
