"""HTTP spans of real clients against a real server: one per request, clean, and harmless."""

import asyncio
import contextvars
import os
import random
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import (
    AsyncOpenTelemetryTransport,
    HTTPX2ClientInstrumentor,
    HTTPXClientInstrumentor,
    SyncOpenTelemetryTransport,
)
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from vidobs._guard import Guard
from vidobs.core.calls import Operation, VideoCall
from vidobs.telemetry.http import instrument, suppressed, uninstrument
from vidobs.telemetry.spans import Tracing

httpx2 = pytest.importorskip("httpx2")

ROOT = Path(__file__).parents[2]
CREATE = VideoCall(Operation.CREATE, "openai", "openai_videos", "sora-2")
CANARIES = ("AIzaCANARY", "sigCANARY", "userCANARY", "passCANARY", "fragCANARY")
SECRET_QUERY = "?key=AIzaCANARY&X-Amz-Signature=sigCANARY#fragCANARY"


@pytest.fixture(scope="module")
def server():
    """A server that answers every path, 404 under /missing and a redirect at /moved."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            status = {"/missing": 404, "/moved": 302}.get(self.path.partition("?")[0], 200)
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/there" + SECRET_QUERY)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_args):
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


class Client:
    """A client of either package, sync or async, behind one face."""

    def __init__(self, package, kind, **options):
        self.package = package
        self.is_async = kind == "async"
        cls = package.AsyncClient if self.is_async else package.Client
        self.inner = cls(trust_env=False, **options)
        self._loop = asyncio.Runner() if self.is_async else None

    def get(self, url):
        """Send one request and return its answer."""
        if self._loop is None:
            return self.inner.get(url)
        return self._loop.run(self._get(url), context=contextvars.copy_context())

    async def _get(self, url):
        return await self.inner.get(url)

    def close(self):
        """Give everything back."""
        if self._loop is None:
            self.inner.close()
        else:
            self._loop.run(self.inner.aclose())
            self._loop.close()


@pytest.fixture(params=["httpx-sync", "httpx-async", "httpx2-sync", "httpx2-async"])
def family(request):
    """The package and the kind of client, and the instrumentor that goes with them."""
    name, kind = request.param.split("-")
    return SimpleNamespace(
        package=httpx if name == "httpx" else httpx2,
        kind=kind,
        instrumentor=HTTPXClientInstrumentor() if name == "httpx" else HTTPX2ClientInstrumentor(),
    )


@pytest.fixture
def client(family):
    """One client of each family."""
    made = Client(family.package, family.kind)
    yield made
    made.close()


@pytest.fixture
def otel():
    """A real SDK, tracing through it, a guard, and the spans that arrive."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return SimpleNamespace(
        provider=provider,
        tracing=Tracing(provider, getrandbits=random.Random(7).getrandbits),
        guard=Guard(),
        spans=exporter.get_finished_spans,
    )


def put_on(client, otel, mode="all"):
    """Instrument a client as the runtime does."""
    return instrument(client.inner, otel.tracing, mode, guard=otel.guard)


def test_one_span_per_request_under_the_call(client, otel, server):
    """A request of a create is a CLIENT span under the create span, in its trace."""
    assert put_on(client, otel)
    call = otel.tracing.open(CREATE, start_ns=1, attach=True)
    assert client.get(f"http://{server}/v1/videos").status_code == 200
    call.finish(2)
    request, create = otel.spans()
    assert (request.name, request.kind) == ("GET", SpanKind.CLIENT)
    assert request.parent == create.context
    assert request.attributes["http.url"] == f"http://{server}/v1/videos"
    assert request.attributes["http.method"] == "GET"
    assert request.attributes["http.status_code"] == 200
    assert request.instrumentation_scope.name == "opentelemetry.instrumentation.httpx"
    assert not otel.guard.trips
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_no_secret_of_a_url_is_in_a_span(client, otel, server):
    """User, password, query and fragment are cut, in every hop, before a processor sees them."""
    started = []

    class Early(SpanProcessor):
        def on_start(self, span, parent_context=None):  # noqa: ARG002 - the SDK's signature
            started.append(span.to_json())

    otel.provider.add_span_processor(Early())
    client.inner.follow_redirects = True
    put_on(client, otel)
    client.get(f"http://userCANARY:passCANARY@{server}/moved{SECRET_QUERY}")
    urls = [span.attributes["http.url"] for span in otel.spans()]
    assert urls == [f"http://{server}/moved", f"http://{server}/there"]
    everything = "".join([*started, *(span.to_json() for span in otel.spans())])
    assert not [secret for secret in CANARIES if secret in everything]


def test_an_error_status_is_an_error(client, otel, server):
    """The instrumentation's own judgement of answers stays as it is."""
    put_on(client, otel)
    client.get(f"http://{server}/missing")
    (span,) = otel.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["http.status_code"] == 404


def test_an_exception_keeps_its_text_to_itself(family, otel):
    """The caller gets its own exception; the span gets the type and no text, no trace, no event."""
    mine = RuntimeError("failed with key AIzaCANARY")

    def broken(_request):
        raise mine

    client = Client(family.package, family.kind, transport=family.package.MockTransport(broken))
    put_on(client, otel)
    with pytest.raises(RuntimeError) as caught:
        client.get("http://host/v1/videos")
    client.close()
    assert caught.value is mine
    (span,) = otel.spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert span.attributes["error.type"] == "RuntimeError"
    assert span.events == ()
    assert "AIzaCANARY" not in span.to_json()
    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize("method", ["on_start", "on_end"])
def test_a_processor_that_raises_does_not_reach_the_caller(
    method, *, client, otel, server, guard_trips
):
    """The request goes through, the context is left as it was, and the fault is counted."""

    def broken(*_args, **_options):
        raise RuntimeError("a processor of the user's is broken")

    otel.provider.add_span_processor(type("Broken", (SpanProcessor,), {method: broken})())
    put_on(client, otel)
    assert client.get(f"http://{server}/").status_code == 200
    assert sum(otel.guard.trips.values()) == 1
    guard_trips.expected = {f"http span {method.removeprefix('on_')}: RuntimeError"}
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_twice_is_once(client, otel, server):
    """Two wraps of clients that share one inner client give one span."""
    assert put_on(client, otel)
    assert put_on(client, otel)
    client.get(f"http://{server}/")
    assert len(otel.spans()) == 1


def test_off_is_off(client, otel, server):
    """With the mode `off` nothing is put on the client."""
    assert not put_on(client, otel, "off")
    client.get(f"http://{server}/")
    assert otel.spans() == ()


def test_without_a_provider_nothing_is_put_on(client, server):
    """Spans that nobody receives are not made; a later try may succeed."""
    tracing = Tracing(getrandbits=random.Random(7).getrandbits)
    assert not instrument(client.inner, tracing, "all", guard=Guard())
    assert "handle_request" not in vars(client.inner._transport)
    assert client.get(f"http://{server}/").status_code == 200


def test_taken_off_is_off(client, otel, server):
    """After `uninstrument` there are no spans, and the client can be instrumented again."""
    put_on(client, otel)
    uninstrument(client.inner)
    uninstrument(client.inner)
    client.get(f"http://{server}/")
    assert otel.spans() == ()
    assert put_on(client, otel)
    client.get(f"http://{server}/")
    assert len(otel.spans()) == 1


def test_nothing_under_suppression(client, otel, server):
    """Polls that change nothing, and what exporters send, have no spans."""
    put_on(client, otel)
    with suppressed():
        client.get(f"http://{server}/")
    assert otel.spans() == ()
    client.get(f"http://{server}/")
    assert len(otel.spans()) == 1


def test_not_beside_global_instrumentation(family, otel, server):
    """A user who instruments httpx globally keeps that, and gets one span."""
    family.instrumentor.instrument(tracer_provider=otel.provider, skip_dep_check=True)
    try:
        client = Client(family.package, family.kind)
        assert not put_on(client, otel)
        client.get(f"http://{server}/")
        client.close()
    finally:
        family.instrumentor.uninstrument()
    assert len(otel.spans()) == 1


def test_global_instrumentation_that_comes_later_doubles_nothing(client, family, otel, server):
    """The class is patched after our client was: its requests still have one span."""
    assert put_on(client, otel)
    family.instrumentor.instrument(tracer_provider=otel.provider, skip_dep_check=True)
    try:
        client.get(f"http://{server}/")
    finally:
        family.instrumentor.uninstrument()
    assert len(otel.spans()) == 1


def test_not_on_a_client_the_user_instrumented(client, family, otel, server):
    """Nor is the user's instrumentation taken off."""
    family.instrumentor.instrument_client(client.inner, tracer_provider=otel.provider)
    assert not put_on(client, otel)
    uninstrument(client.inner)
    client.get(f"http://{server}/")
    assert len(otel.spans()) == 1


def test_not_over_a_transport_that_makes_spans(otel, server):
    """OpenTelemetry's transports make their own."""
    inner = httpx.HTTPTransport()
    wrapped = SyncOpenTelemetryTransport(inner, tracer_provider=otel.provider)
    with httpx.Client(transport=wrapped, trust_env=False) as client:
        assert not instrument(client, otel.tracing, "all", guard=otel.guard)
        client.get(f"http://{server}/")
    assert len(otel.spans()) == 1
    wrapped = AsyncOpenTelemetryTransport(httpx.AsyncHTTPTransport())
    client = httpx.AsyncClient(transport=wrapped)
    assert not instrument(client, otel.tracing, "all", guard=otel.guard)


def test_not_twice_over_a_shared_transport(family, otel, server):
    """Two clients on one transport give one span per request."""
    first = Client(family.package, family.kind)
    second = Client(family.package, family.kind, transport=first.inner._transport)
    assert put_on(first, otel)
    assert not put_on(second, otel)
    second.get(f"http://{server}/")
    second.close()
    first.close()
    assert len(otel.spans()) == 1


def test_not_when_ddtrace_patched_the_package(client, family, otel, monkeypatch):
    """A module that ddtrace patched carries a mark: here put on by hand."""
    monkeypatch.setattr(family.package, "_datadog_patch", True, raising=False)
    assert not put_on(client, otel)


def test_not_beside_the_real_ddtrace():
    """Its patch of httpx makes a span per request already; without it ours are put on."""
    pytest.importorskip("ddtrace")
    program = """
import random
import ddtrace, httpx
from opentelemetry.sdk.trace import TracerProvider
from vidobs._guard import Guard
from vidobs.telemetry.http import instrument
from vidobs.telemetry.spans import Tracing
tracing = Tracing(TracerProvider(), getrandbits=random.getrandbits)
ddtrace.patch(httpx=True)
assert not instrument(httpx.Client(), tracing, "all", guard=Guard())
from ddtrace.contrib.internal.httpx.patch import unpatch
unpatch()
assert instrument(httpx.Client(), tracing, "all", guard=Guard())
"""
    quiet = {
        "DD_TRACE_ENABLED": "false",
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_CRASHTRACKING_ENABLED": "false",
    }
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **quiet, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_subclass_is_known_by_its_base(otel, server):
    """SDKs subclass the client; that is still httpx."""

    class Wrapper(httpx.Client):
        pass

    with Wrapper(trust_env=False) as client:
        assert instrument(client, otel.tracing, "creates", guard=otel.guard)
        client.get(f"http://{server}/")
    assert len(otel.spans()) == 1


def test_what_is_no_client_is_left_alone(otel):
    """Something else than httpx or httpx2 cannot be instrumented, and does not fail."""
    assert not instrument(object(), otel.tracing, "all", guard=otel.guard)
    uninstrument(object())


def test_captured_headers_never_hold_credentials(otel, server, monkeypatch):
    """Even where the user has headers captured, those with keys are left out."""
    monkeypatch.setenv(
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST", "authorization,api-key,x-mine"
    )
    headers = {"Authorization": "Bearer sigCANARY", "api-key": "sigCANARY", "x-mine": "kept"}
    with httpx.Client(headers=headers, trust_env=False) as client:
        instrument(client, otel.tracing, "all", guard=otel.guard)
        client.get(f"http://{server}/")
    (span,) = otel.spans()
    assert span.attributes["http.request.header.x_mine"] == ("kept",)
    assert "sigCANARY" not in span.to_json()
