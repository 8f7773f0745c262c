"""From options and Datadog's variables to what goes where."""

import pytest

from vidobs import ConfigError
from vidobs_exporters.datadog.choices import settings_of
from vidobs_exporters.datadog.settings import LlmObs, Logs, Mode, Options

KEY = "0123456789abcdef0123456789abcdef"


def chosen(environ=None, **options):
    """Return the settings of an exporter called `datadog`."""
    return settings_of("datadog", Options(**options), environ or {})


def roads(settings):
    """Return where spans, LLM Observability, logs and metrics go, and what has the key with it."""
    return (
        settings.otlp_urls,
        settings.otlp_key,
        settings.llmobs,
        settings.logs_url if settings.logs is Logs.INTAKE else None,
    )


def otlp(url, *signals):
    """Return the URLs of signals."""
    return {signal: f"{url}/v1/{signal}" for signal in signals}


LOCAL = otlp("http://localhost:4318", "traces", "logs", "metrics")
INTAKE = "https://http-intake.logs.datadoghq.com/api/v2/logs"


@pytest.mark.parametrize(
    ("environ", "options", "expected"),
    [
        ({}, {}, (LOCAL, False, LlmObs.OTLP, None)),
        (
            {"DD_AGENT_HOST": "10.0.0.7"},
            {},
            (otlp("http://10.0.0.7:4318", *LOCAL), False, LlmObs.OTLP, None),
        ),
        (
            {"DD_AGENT_HOST": "fd00::7"},
            {"llmobs": False},
            (otlp("http://[fd00::7]:4318", *LOCAL), False, LlmObs.OFF, None),
        ),
        (
            {"DD_API_KEY": KEY},
            {},
            (otlp("https://otlp.datadoghq.com", "metrics"), True, LlmObs.API, INTAKE),
        ),
        (
            {"DD_API_KEY": KEY, "DD_SITE": "us5.datadoghq.com"},
            {"llmobs": "otlp", "logs": "otlp"},
            (otlp("https://otlp.us5.datadoghq.com", *LOCAL), True, LlmObs.OTLP, None),
        ),
        (
            {"DD_API_KEY": KEY, "DD_AGENT_HOST": "agent"},
            {"logs": "off"},
            (otlp("http://agent:4318", "traces", "metrics"), False, LlmObs.API, None),
        ),
        (
            {"DD_API_KEY": KEY},
            {"endpoint": "http://collector:4318/", "logs": "intake"},
            (otlp("http://collector:4318", "traces", "metrics"), False, LlmObs.API, INTAKE),
        ),
        (
            {},
            {"endpoint": "https://proxy.example/dd", "api_key": KEY},
            (otlp("https://proxy.example/dd", "metrics"), True, LlmObs.API, INTAKE),
        ),
        ({}, {"mode": "ddtrace"}, ({}, False, LlmObs.SDK, None)),
        (
            {"DD_API_KEY": KEY, "DD_AGENT_HOST": "agent"},
            {"mode": "ddtrace"},
            ({}, False, LlmObs.SDK, INTAKE),
        ),
        (
            {},
            {"mode": "ddtrace", "endpoint": "http://agent:4318"},
            (otlp("http://agent:4318", "logs", "metrics"), False, LlmObs.SDK, None),
        ),
    ],
)
def test_what_goes_where(environ, options, expected):
    """An endpoint that is named comes first, then the Agent's host, then the key, then this host.

    The key of the environment is not sent to an Agent.
    """
    assert roads(chosen(environ, **options)) == expected


def test_a_site_is_in_every_address():
    """All intakes are those of the site."""
    settings = chosen({"DD_API_KEY": KEY}, site="datadoghq.eu")

    assert settings.otlp_url == "https://otlp.datadoghq.eu"
    assert settings.logs_url == "https://http-intake.logs.datadoghq.eu/api/v2/logs"
    assert settings.llmobs_url == ("https://api.datadoghq.eu/api/intake/llm-obs/v1/trace/spans")


OTEL = "service.name=otel,deployment.environment.name=qa,service.version=3%2E1,junk,=x"


@pytest.mark.parametrize(
    ("environ", "options", "expected"),
    [
        ({}, {}, {"service.name": "vidobs"}),
        ({"OTEL_SERVICE_NAME": "film"}, {}, {"service.name": "film"}),
        ({}, {"service_name": "clips"}, {"service.name": "clips"}),
        ({"DD_SERVICE": "studio"}, {"service_name": "clips"}, {"service.name": "studio"}),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": OTEL},
            {},
            {
                "service.name": "otel",
                "deployment.environment.name": "qa",
                "service.version": "3.1",
            },
        ),
        (
            {
                "OTEL_RESOURCE_ATTRIBUTES": OTEL,
                "OTEL_SERVICE_NAME": "film",
                "DD_SERVICE": "studio",
                "DD_ENV": "prod",
                "DD_VERSION": "4",
            },
            {"version": "5"},
            {
                "service.name": "studio",
                "deployment.environment.name": "prod",
                "service.version": "5",
            },
        ),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=old"},
            {},
            {"service.name": "vidobs", "deployment.environment.name": "old"},
        ),
    ],
)
def test_the_unified_service_tags(environ, options, expected):
    """Options come before Datadog's variables, and those before OpenTelemetry's."""
    assert chosen(environ, **options).names.resource == expected


def test_tags_hold_together():
    """A tag has no comma and no blank, whatever the service is called."""
    settings = chosen({"DD_ENV": "a b,c", "DD_SERVICE": "studio", "DD_SOURCE": "film"})

    assert settings.names.tags == ["env:a_b_c", "service:studio"]
    assert settings.names.source == "film"


def test_ddtrace_keeps_its_own_configuration():
    """Only what is an option replaces what ddtrace was told; its variables it reads itself."""
    usual = chosen({"DD_SERVICE": "studio"}, mode="ddtrace").overrides
    named = chosen({}, mode="ddtrace", service="film", llmobs=True).overrides

    assert usual == (None, None, None, False)
    assert named == ("film", None, None, True)


WRONG = [
    ({"mode": "agent"}, "mode is 'agent'; known: ddtrace, otlp"),
    ({"logs": "all"}, "logs is 'all'; known: intake, off, otlp"),
    ({"llmobs": "yes"}, "llmobs is 'yes'; known: api, off, otlp, sdk"),
    ({"site": "https://app.datadoghq.com"}, "site is 'https://app.datadoghq.com'; give the domain"),
    ({"site": "US5"}, r"such as 'datadoghq.com', 'us5.datadoghq.com' or .* \(DD_SITE\)"),
    ({"service": 7}, "service is 7; give a text"),
    ({"endpoint": "localhost:4318"}, "endpoint is no URL that can be used; give one such as"),
    ({"endpoint": "http://a:4318/v1/traces"}, "endpoint ends with the path of one signal; leave"),
    ({"logs_url": "ftp://a"}, "logs_url is no URL that can be used"),
    ({"timeout_s": 0}, "timeout_s is 0; give seconds, more than 0 and at most 45"),
    ({"timeout_s": "1"}, "timeout_s is '1'; give seconds"),
    ({"timeout_s": True}, "timeout_s is True; give seconds"),
    ({"logs": "intake"}, "logs: intake needs an API key; set DD_API_KEY, or the option api_key"),
    ({"llmobs": "api"}, "llmobs: api needs an API key; set DD_API_KEY, or the option api_key"),
    ({"llmobs": "sdk"}, "llmobs: sdk needs mode: ddtrace"),
    ({"llmobs": "otlp", "traces": False}, "llmobs: otlp needs spans by OTLP"),
    ({"mode": "ddtrace", "llmobs": "otlp"}, "llmobs: otlp needs spans by OTLP"),
    ({"mode": "ddtrace", "logs": "otlp"}, "logs: otlp needs the option endpoint in mode ddtrace"),
    (
        {"traces": False, "metrics": False, "logs": False, "llmobs": False},
        "everything is switched off; remove the exporter instead",
    ),
    ({"mode": "ddtrace", "traces": True}, "traces: true would send spans twice in mode ddtrace"),
]


@pytest.mark.parametrize(("options", "said"), WRONG)
def test_what_cannot_be_is_said(options, said):
    """The error names the exporter, what was given and what to do."""
    with pytest.raises(ConfigError, match=f"exporter 'datadog': .*{said}"):
        chosen(**options)


def test_an_agent_host_that_is_none():
    """The error names the variable."""
    with pytest.raises(ConfigError, match="DD_AGENT_HOST is 'http://agent'; give a host name"):
        chosen({"DD_AGENT_HOST": "http://agent"})


@pytest.mark.parametrize("key", [f"{KEY}\n{KEY}", f"{KEY} x", "schlüssel"])
def test_a_key_that_cannot_be_one_is_not_shown(key):
    """A line break would make a second header of it; the text of the error has no key."""
    with pytest.raises(ConfigError, match="look at DD_API_KEY") as caught:
        chosen(api_key=key)

    assert key.split()[0] not in str(caught.value)


def test_settings_show_no_key():
    """Nothing that is written of them holds the key."""
    settings = chosen({"DD_API_KEY": KEY})

    assert KEY not in repr(settings)
    assert settings.key.reveal() == KEY
    assert settings.mode is Mode.OTLP
