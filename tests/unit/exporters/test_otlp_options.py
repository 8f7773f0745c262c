"""What the exporter otlp makes of its options and of the environment."""

import re

import pytest

from vidobs import ConfigError, __version__
from vidobs_exporters.otlp import OtlpExporter
from vidobs_exporters.otlp.options import Options
from vidobs_exporters.otlp.signals import Signal

URL = "https://otlp.example"
OTEL = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/",
    "OTEL_EXPORTER_OTLP_HEADERS": "a=1",
}
OURS = {"VIDOBS_OTLP_ENDPOINT": URL, "VIDOBS_OTLP_HEADERS": "x-key=s%20e=c, x-team = film"}


def receiver(environ, endpoint=None, headers=None):
    """Return endpoint and headers."""
    found = Options("otlp", environ).receiver(endpoint, headers)
    return found.endpoint, dict(found.headers)


@pytest.mark.parametrize(
    ("environ", "given", "expected"),
    [
        ({}, (f"{URL}/api/",), (f"{URL}/api", {})),
        (OURS, (), (URL, {"x-key": "s e=c", "x-team": "film"})),
        (OURS | OTEL, (), (URL, {"x-key": "s e=c", "x-team": "film"})),
        (OTEL, (), ("http://collector:4318", {})),
        (OTEL, (None, "a=1,b=2"), ("http://collector:4318", {"a": "1", "b": "2"})),
        (OURS | OTEL, ("http://other",), ("http://other", {})),
        (OURS, (None, {"c": "3"}), (URL, {"c": "3"})),
        (OURS, ("http://other", {"c": "3"}), ("http://other", {"c": "3"})),
    ],
)
def test_where_to_send_and_with_which_keys(environ, given, expected):
    """Keys of the environment go to the endpoint of the environment; those of the SDK nowhere."""
    assert receiver(environ, *given) == expected


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "no endpoint; set VIDOBS_OTLP_ENDPOINT, or 'endpoint' under 'exporters: otlp:'"),
        (
            OTEL | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT is for gRPC, as OTEL_EXPORTER_OTLP_PROTOCOL says, and "
                "this exporter speaks OTLP over HTTP; set VIDOBS_OTLP_ENDPOINT, often to the same "
                "host and port 4318"
            ),
        ),
        (
            {"VIDOBS_OTLP_ENDPOINT": "collector:4318"},
            (
                "VIDOBS_OTLP_ENDPOINT is no URL that can be used; write it like "
                "'http://localhost:4318', and put keys into headers"
            ),
        ),
        (
            {"VIDOBS_OTLP_ENDPOINT": f"{URL}/v1/traces"},
            "VIDOBS_OTLP_ENDPOINT ends with the path of one signal; leave '/v1/...' out",
        ),
        (
            OURS | {"VIDOBS_OTLP_HEADERS": "just-text"},
            "VIDOBS_OTLP_HEADERS are no headers; give names and values, or 'name=value,name=value'",
        ),
    ],
)
def test_an_environment_that_cannot_be_used_is_refused(environ, message):
    """The error names the variable, and the way out."""
    with pytest.raises(ConfigError, match=f"^exporter 'otlp': {re.escape(message)}$"):
        receiver(environ)


def test_a_grpc_variable_of_the_sdk_does_not_disturb_ours():
    """It is about the endpoint of the SDK."""
    assert receiver(OURS | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})[0] == URL


SECRET = "canary-7d21"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"endpoint": 7}, "endpoint is no URL"),
        ({"endpoint": ""}, "endpoint is no URL"),
        ({"endpoint": f"https://user:{SECRET}@otlp.example"}, "endpoint is no URL"),
        ({"endpoint": f"https://otlp.example?key={SECRET}"}, "endpoint is no URL"),
        ({"endpoint": "https://otlp.example:x"}, "endpoint is no URL"),
        ({"endpoint": f"{URL}/v1/logs/"}, "endpoint ends with the path of one signal"),
        ({"headers": [SECRET]}, "headers are no headers"),
        ({"headers": {"x y": SECRET}}, "headers: 'x y' is no name of a header"),
        (
            {"headers": {"Content-Type": SECRET}},
            "headers: Content-Type is set by vidobs",
        ),
        (
            {"headers": {"x": f"{SECRET}\r\nevil: 1"}},
            "headers: the value of x cannot stand in a header",
        ),
        ({"headers": {"x": 7}}, "headers: the value of x cannot stand in a header"),
        ({"signals": []}, "signals is []; give some of: traces, logs, metrics"),
        ({"signals": 7}, "signals is 7; give some of: traces, logs, metrics"),
        ({"signals": ["spans"]}, "unknown signal 'spans'; known: traces, logs, metrics"),
        ({"compression": "zstd"}, "compression is 'zstd'; known: gzip, none"),
        ({"timeout_s": "1"}, "timeout_s is '1'; give seconds"),
        ({"timeout_s": True}, "timeout_s is True; give seconds"),
        ({"timeout_s": 0}, "timeout_s is 0; give seconds, more than 0 and at most 60"),
        ({"timeout_s": 61}, "timeout_s is 61; give seconds, more than 0 and at most 60"),
        ({"resource": ["a"]}, "resource is no mapping; give names and values"),
        ({"resource": {"a": None}}, "resource: 'a' is neither text, nor a number, nor a boolean"),
        ({"service_name": ""}, "service_name is ''; give text"),
        (
            {"dialect": "phoenix"},
            "unknown dialect 'phoenix'; known: genai, langfuse",
        ),
        (
            {"temporality": "cumulative"},
            "temporality is 'cumulative', but only 'delta' can",
        ),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(options, message):
    """At the start, by name, and without quoting what may be secret."""
    with pytest.raises(ConfigError, match=f"^exporter 'otlp/x': {re.escape(message)}") as caught:
        OtlpExporter("otlp/x", **{"endpoint": URL, **options})

    assert SECRET not in str(caught.value)


SDK = {
    "telemetry.sdk.name": "vidobs",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.version": __version__,
}
ENVIRON = {
    "OTEL_RESOURCE_ATTRIBUTES": "service.name=clips,team=film%20crew,odd",
    "VIDOBS_SERVICE_NAME": "ours",
}


@pytest.mark.parametrize(
    ("environ", "given", "expected"),
    [
        ({}, (None, None), {"service.name": "unknown_service"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": ENVIRON["OTEL_RESOURCE_ATTRIBUTES"]},
            (None, None),
            {"service.name": "clips", "team": "film crew"},
        ),
        (ENVIRON, (None, None), {"service.name": "ours", "team": "film crew"}),
        (
            ENVIRON | {"OTEL_SERVICE_NAME": "otel"},
            (None, None),
            {"service.name": "otel", "team": "film crew"},
        ),
        (
            ENVIRON,
            ({"service.name": "told", "team": 7, "beta": True}, None),
            {"service.name": "told", "team": 7, "beta": True},
        ),
        (
            ENVIRON,
            ({"service.name": "told"}, "named"),
            {"service.name": "named", "team": "film crew"},
        ),
    ],
)
def test_what_the_data_is_of(environ, given, expected):
    """As the SDK reads the environment; what is given to the exporter comes before it."""
    assert Options("otlp", environ).resource(*given) == SDK | expected


def test_signals_are_sent_in_one_order():
    """Metrics go last, in whatever order they were named."""
    options = Options("otlp", {})
    assert options.signals(["metrics", "logs", "traces"], ()) == tuple(Signal)
    assert tuple(Signal)[-1] is Signal.METRICS


def test_a_receiver_shows_nothing():
    """Both of its parts may hold a secret."""
    found = Options("otlp", OURS).receiver(None, None)
    assert repr(found) == f"{found}" == "Receiver(...)"
