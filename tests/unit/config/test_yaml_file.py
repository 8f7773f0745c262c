"""The format of the file: variables, merge keys, plain keys, and LiteLLM's sections."""

from pathlib import Path

import pytest

from vidobs.config import load
from vidobs.core.errors import ConfigError


def test_variables_are_filled_in(write_yaml):
    """`${env:NAME}` stands anywhere in a text, `os.environ/NAME` is the whole of it."""
    write_yaml("""
        exporters:
          webhook/audit:
            url: "https://${env:HOST}/${env:PATH_}"
            secret: os.environ/SECRET
            events: ["${env:HOST}.*"]
    """)

    loaded = load({}, {"HOST": "h", "PATH_": "p", "SECRET": "s ${env:HOST}"})

    assert loaded.settings.exporters["webhook/audit"] == {
        "url": "https://h/p",
        "secret": "s ${env:HOST}",
        "events": ["h.*"],
    }


def test_values_keep_their_types(write_yaml):
    """Options reach an exporter with the types YAML gives them."""
    write_yaml("exporters: {jsonl: {a: 1, b: 1.5, c: true, d: null, e: '1', f: [1, {g: 2}]}}")

    assert load({}, {}).settings.exporters["jsonl"] == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "1",
        "f": [1, {"g": 2}],
    }


def test_a_number_from_a_variable_is_a_number(write_yaml):
    """A variable is text, and settings that want a number or a yes read it."""
    write_yaml("same_trace_s: '${env:AGE}'\ndisabled: '${env:OFF}'\n")

    settings = load({}, {"AGE": "90", "OFF": "no"}).settings

    assert settings.same_trace_s == 90.0
    assert settings.disabled is False


def test_merge_keys_and_aliases(write_yaml):
    """Anchors, aliases and `<<` work; a key of one's own beats a merged one."""
    write_yaml("""
        exporters:
          webhook/a: &base {url: https://a, timeout_s: 5}
          webhook/b: {<<: *base, url: https://b}
          webhook/c: *base
    """)

    exporters = load({}, {}).settings.exporters

    assert exporters["webhook/b"] == {"url": "https://b", "timeout_s": 5}
    assert exporters["webhook/c"] == {"url": "https://a", "timeout_s": 5}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeffotel: none\n"])
def test_files_that_say_nothing(write_yaml, text):
    """An empty file is a valid one, and a byte order mark does no harm."""
    write_yaml(text)

    assert load({}, {}).settings.callbacks == ()


def test_exporter_without_options(write_yaml):
    """An exporter that needs only its usual variables may stand there bare."""
    write_yaml("exporters:\n  datadog:\n")

    assert load({}, {}).settings.exporters == {"datadog": {}}


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
    write_yaml("litellm_settings:\n  success_callback: [datadog]\n")

    assert load({}, {}).settings.callbacks == ("datadog",)
    assert load({}, {"VIDOBS_CALLBACKS": "console"}).settings.callbacks == ("console",)


def test_litellm_settings_of_the_wrong_shape(write_yaml):
    """What cannot be LiteLLM's settings is said at its line."""
    write_yaml("litellm_settings: [datadog]\n")

    with pytest.raises(ConfigError, match=r"^vidobs.yaml:1: litellm_settings must be a mapping$"):
        load({}, {})


def test_the_file_of_the_documentation_loads(write_yaml):
    """The example in docs/settings.md is a working file."""
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text(encoding="utf-8")
    write_yaml(page.split("```yaml\n")[1].split("```")[0])

    settings = load({}, {"HOME": "/home/me"}).settings

    assert settings.callbacks == ("console", "jsonl")
    assert settings.exporters == {"jsonl": {"path": "/home/me/videos.jsonl"}}
