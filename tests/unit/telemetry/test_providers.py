"""When OpenTelemetry counts as set up: given or global, real, and not switched off."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from vidobs.telemetry.spans import Tracing

ROOT = Path(__file__).parents[3]


def run(program, **env):
    """Run a program in an interpreter of its own, where global providers harm nobody."""
    path = os.pathsep.join([str(ROOT), *sys.path])
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran


def test_a_given_provider_is_active(sdk):
    """The provider in the argument is the one that gets the spans."""
    assert sdk.tracing.active
    assert sdk.tracing.provider is sdk.provider


def test_the_api_alone_is_not_active(rows, bits):
    """The stand-ins of the API record nothing, so rows are made."""
    assert not rows.active
    assert rows.provider is None
    assert not Tracing(trace.NoOpTracerProvider(), getrandbits=bits).active


def test_an_sdk_that_is_switched_off_is_not_active(bits, monkeypatch):
    """OTEL_SDK_DISABLED is honoured for a provider made before it, and for one made after."""
    before = TracerProvider()
    monkeypatch.setenv("OTEL_SDK_DISABLED", " True ")
    assert not Tracing(before, getrandbits=bits).active
    after = TracerProvider()
    monkeypatch.delenv("OTEL_SDK_DISABLED")
    assert not Tracing(after, getrandbits=bits).active


def test_any_provider_with_the_interface_is_used(bits, create):
    """A provider that has nothing to do with the SDK, such as ddtrace's, is as good."""
    started = []

    class OtherTracer:
        def start_span(self, name, *_args, **_options):
            started.append(name)
            return trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False))

    class OtherProvider:
        def get_tracer(self, *_names):
            return OtherTracer()

    opened = Tracing(OtherProvider(), getrandbits=bits).open(create, start_ns=0)
    assert started == ["generate_content sora-2"]
    assert opened.trace.trace_id == f"{1:032x}"


@pytest.mark.parametrize("context", [trace.INVALID_SPAN_CONTEXT, None])
def test_a_provider_that_hands_out_nothing_gets_a_row(bits, poll, context):
    """A disabled tracer returns the parent or nothing; the job still gets ids of its own."""
    here = trace.SpanContext(7, 8, is_remote=False)

    class Disabled:
        def get_tracer(self, *_names):
            return self

        def start_span(self, *_args, **_options):
            return trace.NonRecordingSpan(context or here)

    with trace.use_span(trace.NonRecordingSpan(here)):
        opened = Tracing(Disabled(), getrandbits=bits).open(poll, start_ns=0, attach=True)
        assert trace.get_current_span().get_span_context() is here
    assert int(opened.trace.trace_id, 16) not in (0, 7)
    assert int(opened.trace.span_id, 16) not in (0, 8)


def test_a_provider_may_come_late():
    """The global provider is looked up each time, because users set it when they like."""
    ran = run(
        """
import random
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from vidobs.telemetry.spans import Tracing
tracing = Tracing(getrandbits=random.getrandbits)
assert not tracing.active
trace.set_tracer_provider(TracerProvider())
assert tracing.active
assert tracing.provider is trace.get_tracer_provider()
"""
    )
    assert ran.stdout == ran.stderr == ""


def test_importing_spans_loads_no_sdk():
    """The hot path needs the API only."""
    run(
        """
import sys
import vidobs.telemetry.spans, vidobs.telemetry.signals, vidobs.telemetry.http
assert not [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "httpx"))]
"""
    )
