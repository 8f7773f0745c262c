"""Nothing is sent to one place twice."""

from types import SimpleNamespace

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
)

from vidobs.core.errors import ConfigError
from vidobs.telemetry.doubles import refuse_twice

ALL = ("traces", "metrics", "logs")
BASE = "https://otlp.example/api"
NOBODY = TracerProvider()


def exporter(base, *signals):
    """Return what the check reads of an exporter."""
    urls = {signal: f"{base}/v1/{signal}" for signal in signals or ALL}
    return SimpleNamespace(name="otlp/main", otlp_urls=urls)


@pytest.mark.parametrize(
    ("environ", "base", "signal"),
    [
        ({}, "http://127.0.0.1:4318", "traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, BASE, "traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": f"{BASE}/"}, "https://OTLP.example:443/api", "traces"),
        ({"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{BASE}/v1/logs"}, BASE, "logs"),
    ],
)
def test_what_the_sdk_sends_to_the_same_address_is_refused(environ, base, signal):
    """The error names the exporter, the signal, who sends it too, and the ways out."""
    with pytest.raises(ConfigError) as caught:
        refuse_twice([exporter(base)], signals=ALL, environ=environ, provider=NOBODY)

    assert str(caught.value) == (
        f"exporter 'otlp/main' sends {signal} to where this process sends them already, by "
        "'otel: otlp'; everything would be there twice. Give it another endpoint, leave the signal "
        "out of its 'signals', or switch the other way off"
    )


@pytest.mark.parametrize(
    ("signals", "environ", "one"),
    [
        (ALL, {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, exporter("https://otlp.example")),
        (ALL, {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, exporter("https://other.example/api")),
        (ALL, {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, exporter("https://otlp.example:4318/api")),
        (ALL, {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, SimpleNamespace(name="jsonl")),
        (ALL, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[odd"}, exporter(BASE)),
        (("logs",), {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, exporter(BASE, "traces")),
        ((), {"OTEL_EXPORTER_OTLP_ENDPOINT": BASE}, exporter(BASE)),
    ],
)
def test_anything_else_goes_through(signals, environ, one):
    """Another place, another signal, or nothing that this process sends."""
    refuse_twice([one], signals=signals, environ=environ, provider=NOBODY)


@pytest.fixture
def provider():
    """A tracer provider as users set it up, to the console and by OTLP."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{BASE}/v1/traces")))
    yield made
    made.shutdown()


def test_spans_of_a_provider_of_the_users_are_seen(provider):
    """As far as it is the SDK's; logs and metrics may still be sent there."""
    with pytest.raises(ConfigError, match=r"sends traces .* by its tracer provider;"):
        refuse_twice([exporter(BASE)], provider=provider)

    refuse_twice([exporter(BASE, "logs", "metrics")], provider=provider)


def test_a_provider_that_is_shut_down_sends_nothing(provider):
    """What the process had before is no reason to refuse what it has now."""
    provider.shutdown()

    refuse_twice([exporter(BASE)], provider=provider)
