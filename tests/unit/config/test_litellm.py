"""A configuration file of LiteLLM's proxy, read by vidobs."""

import pytest

from vidobs import EventName
from vidobs.config import load, shown
from vidobs.config.litellm import translated
from vidobs.config.litellm_names import FAILURES, NO_FAILURES, ONLY_FAILURES
from vidobs.config.yaml_file import Document
from vidobs.core.errors import ConfigError
from vidobs.delivery.options import READERS
from vidobs.delivery.registry import installed

KEYS = {"LANGFUSE_PUBLIC_KEY": "pk-lf-1", "LANGFUSE_SECRET_KEY": "sk-lf-2"}


def test_litellm_callbacks_are_understood(write_yaml):
    """LiteLLM's three lists become callbacks, behind our own, and their lines are known."""
    write_yaml("""
        callbacks: [console]
        litellm_settings:
          callbacks: datadog
          success_callback: ["langsmith", "console"]
          failure_callback: ["langsmith"]
          langfuse_secret: os.environ/NOT_SET
        model_list:
          - {litellm_params: {api_key: os.environ/NOT_SET}}
        general_settings: {master_key: os.environ/NOT_SET}
    """)

    loaded = load({}, {})

    assert loaded.settings.callbacks == ("console", "datadog", "langsmith")
    assert loaded.provenance["callbacks"] == (
        "vidobs.yaml:2 + vidobs.yaml:4 (litellm_settings.callbacks)"
        " + vidobs.yaml:5 (litellm_settings.success_callback)"
        " + vidobs.yaml:6 (litellm_settings.failure_callback)"
    )
    assert loaded.warnings == (
        (
            "vidobs.yaml: left alone, as they are LiteLLM's: model_list, general_settings; of its "
            "settings vidobs reads litellm_settings.callbacks, success_callback, failure_callback"
        ),
    )


def test_litellm_callbacks_alone(write_yaml):
    """A LiteLLM file works without a word of ours in it, and the environment still beats it."""
    write_yaml("litellm_settings:\n  callbacks: [datadog]\n")

    assert load({}, {}).settings.callbacks == ("datadog",)
    assert load({}, {}).settings.exporters == {}
    assert load({}, {"VIDOBS_CALLBACKS": "console"}).settings.callbacks == ("console",)


def test_litellm_settings_of_the_wrong_shape(write_yaml):
    """What cannot be LiteLLM's settings is said at its line."""
    write_yaml("litellm_settings: [datadog]\n")

    with pytest.raises(ConfigError, match=r"^vidobs.yaml:1: litellm_settings must be a mapping$"):
        load({}, {})


def test_the_lists_say_which_events(write_yaml):
    """Successes, failures, or all where a name stands in both or in `callbacks`."""
    write_yaml("""
        litellm_settings:
          callbacks: [console]
          success_callback: [datadog, langsmith, console]
          failure_callback: [helicone, langsmith]
    """)

    exporters = load({}, {}).settings.exporters

    assert exporters == {
        "datadog": {"events": NO_FAILURES},
        "helicone": {"events": ONLY_FAILURES},
    }


def test_every_event_is_a_success_or_a_failure():
    """Two exporters, one in each list, get every event once between them."""
    successes, failures = (READERS["events"](p, None) for p in (NO_FAILURES, ONLY_FAILURES))

    assert failures == set(FAILURES)
    assert successes | failures == set(EventName)
    assert not successes & failures
    assert {EventName.SUBMITTED, EventName.COMPLETED, EventName.CANCELLED} <= successes


def test_own_options_win(write_yaml):
    """What is said under `exporters` is meant, and what is not comes from LiteLLM's list."""
    write_yaml("""
        exporters:
          datadog: {site: datadoghq.eu}
          langsmith: {events: "video.*"}
        litellm_settings: {success_callback: [datadog, langsmith]}
    """)

    loaded = load({"exporters": {"datadog": {"env": "prod"}}}, {})

    assert loaded.settings.exporters == {
        "datadog": {"env": "prod", "events": NO_FAILURES},
        "langsmith": {"events": "video.*"},
    }


def test_without_the_lists_there_is_no_filter(write_yaml):
    """When something better says what is switched on, the lists mean nothing."""
    write_yaml("litellm_settings: {success_callback: [datadog]}\n")

    assert load({}, {"VIDOBS_CALLBACKS": "datadog"}).settings.exporters == {}
    assert load({"callbacks": ["datadog"]}, {}).settings.exporters == {}


@pytest.mark.parametrize(
    ("name", "environ", "exporter_id", "options"),
    [
        ("otel", {}, "otlp", {}),
        (
            "otel",
            {"OTEL_ENDPOINT": "https://api.hny.example/v1/traces/", "OTEL_HEADERS": "x-team=1"},
            "otlp",
            {"endpoint": "https://api.hny.example", "headers": "x-team=1"},
        ),
        (
            "langfuse",
            KEYS,
            "otlp/langfuse",
            {
                "dialect": "langfuse",
                "endpoint": "https://cloud.langfuse.com/api/public/otel",
                "headers": {"Authorization": "Basic cGstbGYtMTpzay1sZi0y"},
            },
        ),
        (
            "langfuse_otel",
            {**KEYS, "LANGFUSE_HOST": "langfuse.example/"},
            "otlp/langfuse",
            {
                "dialect": "langfuse",
                "endpoint": "https://langfuse.example/api/public/otel",
                "headers": {"Authorization": "Basic cGstbGYtMTpzay1sZi0y"},
            },
        ),
        (
            "generic_api",
            {"GENERIC_LOGGER_ENDPOINT": "https://h/log", "GENERIC_LOGGER_HEADERS": "a=1, b = 2=3"},
            "webhook/generic_api",
            {"url": "https://h/log", "headers": {"a": "1", "b": "2=3"}},
        ),
        ("datadog_llm_observability", {}, "datadog", {"llmobs": True}),
        ("datadog_metrics", {}, "datadog", {}),
        ("langsmith", {}, "langsmith", {}),
        ("langsmith", {"LANGSMITH_SAMPLING_RATE": "0.5"}, "langsmith", {"sample": "0.5"}),
    ],
)
def test_names_that_are_called_otherwise_here(write_yaml, name, environ, exporter_id, options):
    """Each becomes the exporter of ours that does it, set up by the variables LiteLLM reads."""
    write_yaml(f"litellm_settings: {{callbacks: [{name}]}}\n")

    loaded = load({}, environ)

    assert loaded.settings.callbacks == (exporter_id,)
    assert loaded.settings.exporters.get(exporter_id, {}) == options
    assert loaded.warnings == ()
    assert "sk-lf" not in repr(shown(loaded))


def test_two_names_for_one_exporter(write_yaml):
    """It is switched on once, with what both of them ask for."""
    write_yaml("""
        litellm_settings:
          success_callback: [datadog]
          failure_callback: [datadog_llm_observability]
    """)

    settings = load({}, {}).settings

    assert settings.callbacks == ("datadog",)
    assert settings.exporters == {"datadog": {"llmobs": True}}


@pytest.mark.parametrize(
    ("name", "variable"),
    [("langfuse", "LANGFUSE_PUBLIC_KEY"), ("generic_api", "GENERIC_LOGGER_ENDPOINT")],
)
def test_a_variable_of_litellm_that_is_missing(write_yaml, name, variable):
    """The error names the line, the name and the variable."""
    write_yaml(f"litellm_settings:\n  success_callback: [{name}]\n")

    with pytest.raises(ConfigError) as caught:
        load({}, {})

    assert str(caught.value) == (
        f"vidobs.yaml:2: litellm_settings.success_callback: {name} needs the environment variable "
        f"{variable}, which is not set"
    )


def test_own_options_replace_missing_variables(write_yaml):
    """Whoever sets the exporter up in our terms needs none of LiteLLM's variables."""
    write_yaml("""
        exporters: {webhook/generic_api: {url: "https://h"}}
        litellm_settings: {callbacks: [generic_api]}
    """)

    assert load({}, {}).settings.exporters == {"webhook/generic_api": {"url": "https://h"}}


def test_names_without_an_exporter_are_left_out(write_yaml):
    """One warning names them all, and what there is; the others work."""
    write_yaml("""
        litellm_settings:
          callbacks: [console, s3, my_callbacks.handler]
          failure_callback: [slack, s3]
    """)

    loaded = load({}, {})

    assert loaded.settings.callbacks == ("console",)
    assert loaded.warnings == (
        (
            "vidobs.yaml:3: left out, for vidobs has no exporter of that name: s3, "
            f"my_callbacks.handler, slack; it has {', '.join(sorted(installed()))}, and 'otlp' "
            "reaches whatever takes OpenTelemetry; functions are given in Python: "
            "vidobs.configure(callbacks=[...])"
        ),
    )


def test_a_misspelt_name_is_no_name_of_litellm(write_yaml):
    """It is kept, for the registry to refuse it with what was meant."""
    write_yaml("litellm_settings: {callbacks: [datdog]}\n")

    assert load({}, {}).settings.callbacks == ("datdog",)


def test_what_somebody_brings_is_used():
    """A package with an exporter of LiteLLM's name wins over what we would make of it."""
    document = Document("f", {"litellm_settings": {"callbacks": ["otel", "s3", "s3/backup"]}})

    found = translated(document, {}, installed=["otel", "s3"])

    assert found.callbacks == ("otel", "s3", "s3/backup")
    assert found.presets == {}
    assert found.warnings == ()
