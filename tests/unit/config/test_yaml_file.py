"""The format of the file: variables, merge keys, plain keys, and where everything stands."""

from pathlib import Path

import pytest

from vidobs.config import load, shown
from vidobs.delivery.places import Places


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


def test_a_variable_of_an_exporter_that_is_off_may_be_missing(write_yaml):
    """One file serves several programs; `vidobs config` shows what is missing as it was written."""
    write_yaml("""
        callbacks: [jsonl]
        exporters:
          jsonl: {path: "${env:HOME}/x"}
          webhook/audit: {url: "https://${env:HOST}/x", secret: os.environ/SECRET}
    """)

    loaded = load({}, {"HOME": "/h"})

    assert loaded.settings.exporters["jsonl"] == {"path": "/h/x"}
    [row] = [row for row in shown(loaded) if row.name == "exporters"]
    assert row.value["webhook/audit"] == {"url": "https://${env:HOST}/x", "secret": "[secret]"}


def test_when_all_is_off_no_variable_is_needed(write_yaml):
    """A test run switches vidobs off, and has none of the secrets."""
    write_yaml("callbacks: [webhook]\nexporters: {webhook: {url: '${env:NOT_SET}'}}\n")

    assert load({"disabled": True}, {}).settings.callbacks == ("webhook",)


def test_every_option_has_its_line(write_yaml):
    """Errors of exporters lead to the file; what arguments set up is theirs."""
    write_yaml("""
        callbacks: [webhook/audit, datadog]
        exporters:
          webhook/audit:
            url: https://h
            events:
              - video.*
          jsonl: {path: x}
    """)

    places = load({"exporters": {"jsonl": {"path": "y", "keep": 1}}}, {}).places

    assert places == Places(
        "vidobs.yaml:2",
        {"webhook/audit": "vidobs.yaml:4", "jsonl": "configure()"},
        {
            ("webhook/audit", "url"): "vidobs.yaml:5",
            ("webhook/audit", "events"): "vidobs.yaml:6",
            ("jsonl", "path"): "configure()",
            ("jsonl", "keep"): "configure()",
        },
    )


def test_the_file_of_the_documentation_loads(write_yaml):
    """The example in docs/settings.md is a working file."""
    page = (Path(__file__).parents[3] / "docs" / "settings.md").read_text(encoding="utf-8")
    write_yaml(page.split("```yaml\n")[1].split("```")[0])

    settings = load({}, {"HOME": "/home/me"}).settings

    assert settings.callbacks == ("console", "jsonl")
    assert settings.exporters == {"jsonl": {"path": "/home/me/videos.jsonl"}}
