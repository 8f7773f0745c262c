"""The SDK set up for a newcomer, in interpreters of their own, because providers are global."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vidobs.core.errors import ConfigError
from vidobs.telemetry.setup import set_up

ROOT = Path(__file__).parents[3]
MAKE_ALL = """
from opentelemetry import _logs, metrics, trace
handle = set_up({kind!r}, service_name="films")
assert handle.signals == ("traces", "metrics", "logs"), handle.signals
trace.get_tracer("t").start_span("a span").end()
metrics.get_meter("t").create_counter("a_counter").add(1)
_logs.get_logger("t").emit(_logs.LogRecord(body="a record", event_name="an.event"))
assert handle.flush(10)
assert handle.shutdown(10)
assert handle.shutdown(10)
assert handle.signals == ()
"""


def run(program, **env):
    """Run a program that has `set_up`; return what it printed."""
    ran = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"from vidobs.telemetry.setup import set_up\n{program}",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


@pytest.fixture
def collector():
    """A server that takes OTLP over HTTP and keeps the paths it was asked for."""
    paths = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            paths.append((self.path, self.headers.get("x-canary")))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_args):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_console_is_stderr():
    """All three signals are printed, and stdout stays the program's own."""
    ran = run(MAKE_ALL.format(kind="console"))
    assert ran.stdout == ""
    for part in ("a span", "a_counter", "an.event", '"service.name": "films"'):
        assert part in ran.stderr


def test_otlp_follows_the_standard_variables(collector):
    """Endpoint and headers come from OTEL_* and nowhere else."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    endpoint, paths = collector
    run(
        MAKE_ALL.format(kind="otlp"),
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_EXPORTER_OTLP_HEADERS="x-canary=1",
    )
    assert {("/v1/traces", "1"), ("/v1/metrics", "1"), ("/v1/logs", "1")} == set(paths)


def test_what_is_set_up_already_stays():
    """A provider of the user's is never replaced."""
    run(
        """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
mine = TracerProvider()
trace.set_tracer_provider(mine)
handle = set_up("console", service_name="films")
assert handle.signals == ("metrics", "logs")
assert trace.get_tracer_provider() is mine
handle.shutdown(10)
"""
    )


def test_a_signal_can_be_left_out():
    """OTEL_METRICS_EXPORTER=none and its siblings are honoured, in any case."""
    run(
        'assert set_up("console").signals == ("traces",)',
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER=" None ",
    )


def test_a_disabled_sdk_is_not_set_up():
    """With OTEL_SDK_DISABLED nothing is made, and the handle has nothing to do."""
    run(
        """
from opentelemetry import trace
handle = set_up("console")
assert handle.signals == ()
assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
assert handle.flush(0.1) and handle.shutdown(0.1)
""",
        OTEL_SDK_DISABLED="true",
    )


def test_the_variable_for_the_service_name_wins():
    """OTEL_SERVICE_NAME is the deployment's word."""
    run(
        """
from opentelemetry import trace
handle = set_up("console", service_name="films")
assert trace.get_tracer_provider().resource.attributes["service.name"] == "deployed"
handle.shutdown(10)
""",
        OTEL_SERVICE_NAME="deployed",
    )


def test_a_backend_that_hangs_does_not_hold_the_program():
    """The SDK would go on for ten seconds; `flush` and `shutdown` say in time that they failed."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    run(
        """
import socket, threading
from opentelemetry import trace
listener = socket.create_server(("127.0.0.1", 0))
import os
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
handle = set_up("otlp")
trace.get_tracer("t").start_span("a span").end()
assert not handle.flush(0.2)
assert not handle.shutdown(0.2)
""",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )


def test_an_unknown_kind_is_refused():
    """The message names what there is."""
    with pytest.raises(ConfigError, match=r"unknown otel setting 'consol'.*did you mean 'console'"):
        set_up("consol")


def test_a_protocol_we_do_not_speak_is_refused():
    """Better than sending protobuf over HTTP to a port that speaks gRPC."""
    with pytest.raises(ConfigError, match=r"'grpc'.*http/protobuf only"):
        set_up("otlp", environ={"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_a_missing_exporter_names_its_extra():
    """Without the OTLP package the error is the install command."""
    run(
        """
import sys
sys.modules["opentelemetry.exporter.otlp.proto.http"] = None
from vidobs.core.errors import MissingExtraError
try:
    set_up("otlp")
except MissingExtraError as error:
    assert "pip install 'vidobs[otlp]'" in str(error), error
else:
    raise AssertionError("nothing was raised")
"""
    )
