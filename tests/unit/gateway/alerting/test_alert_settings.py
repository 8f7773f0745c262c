"""How alerting is written down: LiteLLM's list, and our section."""

import pytest

from vidobs.core.errors import ConfigError
from vidobs.gateway.alerting.engine import AlertKind
from vidobs.gateway.alerting.payloads import Datadog, Slack, Webhook
from vidobs.gateway.alerting.settings import AlertSettings, read_alerts

SECRET = "whsec_" + "a2V5" * 8


def read(section=None, environ=None, **general):
    """Read settings."""
    given = {name: (value, "config.yaml:2") for name, value in general.items()}
    return read_alerts(given, section, "config.yaml:9", environ or {})


def test_the_seeds_configuration():
    """`alerting: ["datadog"]` with a key is all that is needed."""
    found = read(alerting=["datadog"], datadog_api_key="dd-key")

    assert found.channels == (Datadog(api_key="dd-key", url="https://api.datadoghq.com"),)
    assert found.kinds == frozenset(AlertKind)


def test_every_channel():
    """From the environment, as LiteLLM reads it, or from our section."""
    environ = {
        "DD_API_KEY": "k", "DD_SITE": "datadoghq.eu", "SLACK_WEBHOOK_URL": "https://slack.test/x",
        "WEBHOOK_URL": "https://hook.test/",
    }  # fmt: skip
    found = read(environ=environ, alerting=["slack", "datadog", "webhook", "slack"])
    assert found.channels == (
        Slack(url="https://slack.test/x"),
        Datadog(api_key="k", url="https://api.datadoghq.eu"),
        Webhook(url="https://hook.test/"),
    )

    own = read({"webhook": {"url": "https://a.test/", "secret": SECRET},
                "datadog": {"api_key": "k", "tags": ["env:prod"]}})  # fmt: skip
    assert own.channels == (
        Datadog(api_key="k", url="https://api.datadoghq.com", tags=("env:prod",)),
        Webhook(url="https://a.test/", keys=(b"key" * 8,)),
    )


def test_without_a_channel_there_are_no_alerts():
    """Nothing is set up unasked."""
    assert read() == AlertSettings(manners=read().manners)
    assert read().channels == ()


def test_types_in_our_words_and_in_litellms():
    """What is not asked for is not told; what vidobs has not is said once."""
    assert read({"types": ["stuck", "expiring"]}).kinds == {"stuck", "expiring"}
    found = read(alert_types=["budget_alerts", "llm_too_slow", "daily_reports"])
    assert found.kinds == {"budget_warning", "budget_exceeded", "slow_provider"}
    assert found.warnings == ("config.yaml:2: alert_types that vidobs has not: daily_reports",)


def test_a_channel_that_vidobs_has_not_is_one_warning():
    """The others work all the same."""
    found = read(alerting=["email", "slack"], slack_webhook_url="https://slack.test/x")

    assert [channel.name for channel in found.channels] == ["slack"]
    assert found.warnings == (
        "config.yaml:2: alerting has no email here; it has datadog, slack, webhook",
    )


def test_thresholds():
    """Every number of the section is read."""
    found = read({"failure_ratio": 0.5, "failure_jobs": 3, "window_s": 60, "slow_times": 3,
                  "quiet_s": 1, "per_minute": 5, "exporter_after_s": 9})  # fmt: skip

    assert (found.thresholds.failure_ratio, found.thresholds.failure_jobs) == (0.5, 3)
    assert (found.thresholds.window_s, found.thresholds.slow_times) == (60.0, 3.0)
    assert (found.manners.quiet_s, found.manners.per_minute) == (1.0, 5)
    assert found.manners.after_s == {"exporter_down": 9.0}


@pytest.mark.parametrize(
    ("section", "general", "problem"),
    [
        ([], {}, "must be a mapping"),
        ({"failure_ration": 1}, {}, "did you mean 'failure_ratio'?"),
        ({"failure_ratio": 2}, {}, "more than 0, at most 1"),
        ({"failure_jobs": 0}, {}, "a whole number"),
        ({"types": ["stuk"]}, {}, "did you mean 'stuck'?"),
        ({}, {"alerting": {"a": 1}}, "alerting must be a list"),
        ({}, {"alerting": ["datadog"]}, "set general_settings.datadog_api_key"),
        ({}, {"alerting": "slack"}, "set SLACK_WEBHOOK_URL"),
        ({}, {"alerting": ["webhook"]}, "gateway.alerts.webhook.url"),
        ({"slack": {"url": "hooks.slack.test/T0/SECRETPART"}}, {}, "must begin with https://"),
        ({"webhook": {"url": "https://a.test/", "secret": "SECRETPART"}}, {}, "a secret is"),
        ({"datadog": {"api_key": "k", "tags": "env:prod"}}, {}, "tags must be a list"),
    ],
)
def test_what_cannot_be_used_is_refused(section, general, problem):
    """With the place, and without repeating a secret."""
    with pytest.raises(ConfigError) as caught:
        read(section, **general)

    assert str(caught.value).startswith("config.yaml:")
    assert problem in str(caught.value)
    assert "SECRETPART" not in str(caught.value)


def test_channels_do_not_show_their_secrets():
    """In a traceback or a log there is neither key nor URL."""
    shown = repr(
        (Datadog(api_key="CANARY", url="https://api.test"), Slack(url="https://CANARY/"),
         Webhook(url="https://CANARY/", keys=(b"CANARY",)))
    )  # fmt: skip
    assert "CANARY" not in shown
