"""Sources, their rank, and where each value came from."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.config import LedgerUrl, Settings, load, switched_off
from vidobs.config.load import merge
from vidobs.config.settings import SETTINGS
from vidobs.config.sources import Given
from vidobs.core.capture import CapturePolicy, Content, Media
from vidobs.core.errors import ConfigError
from vidobs.core.policies import Billed


def test_nothing_given_is_the_defaults():
    """Without any source every setting has its default, and says so."""
    loaded = load({}, {})

    assert loaded.settings == Settings()
    assert set(loaded.provenance) == {setting.name for setting in SETTINGS}
    assert set(loaded.provenance.values()) == {"default"}
    assert loaded.file is None
    assert loaded.warnings == ()


def test_every_setting_of_the_table_is_a_field():
    """The table and the record name the same settings, and the documented defaults are real."""
    groups = {setting.name.partition(".")[0] for setting in SETTINGS}

    assert groups == set(Settings.__struct_fields__)
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)


def test_arguments_beat_environment_beat_file_beat_default(write_yaml):
    """The best source wins, setting by setting."""
    write_yaml("""
        durability: full
        otel: otlp
        poll_spans: all
    """)

    loaded = load({"durability": "normal"}, {"VIDOBS_DURABILITY": "full", "VIDOBS_OTEL": "console"})

    assert loaded.settings.durability == "normal"
    assert loaded.settings.otel == "console"
    assert loaded.settings.poll_spans == "all"
    assert loaded.provenance["durability"] == "configure()"
    assert loaded.provenance["otel"] == "environment VIDOBS_OTEL"
    assert loaded.provenance["poll_spans"] == "vidobs.yaml:4"
    assert loaded.provenance["http_spans"] == "default"
    assert loaded.file == "vidobs.yaml"


@given(present=st.lists(st.booleans(), min_size=4, max_size=4))
def test_the_first_source_that_gives_a_value_wins(present):
    """Whatever sources give a setting, the first of them in rank decides value and provenance."""
    layers = [
        [Given("service_name", f"value {rank}", f"source {rank}")] if there else []
        for rank, there in enumerate(present)
    ]

    values, provenance = merge(layers)

    if any(present):
        best = present.index(True)
        assert values == {"service_name": f"value {best}"}
        assert provenance["service_name"] == f"source {best}"
    else:
        assert values == {}
        assert provenance["service_name"] == "default"


def test_none_and_empty_variables_count_as_not_given(write_yaml):
    """`configure(ledger=None)`, an empty variable and a bare YAML key leave the default."""
    write_yaml("durability:\n")

    loaded = load({"callbacks": None}, {"VIDOBS_OTEL": ""})

    assert loaded.settings == Settings()


def test_capture_is_merged_by_its_parts(write_yaml):
    """A text sets the content; the two parts may come from different sources."""
    write_yaml("capture: {content: hash, media: thumbnail}")

    loaded = load({"capture": "full"}, {"VIDOBS_CAPTURE_MEDIA": "full"})

    assert loaded.settings.capture == CapturePolicy(Content.FULL, Media.FULL)
    assert loaded.provenance["capture.content"] == "configure()"
    assert loaded.provenance["capture.media"] == "environment VIDOBS_CAPTURE_MEDIA"


def test_capture_takes_a_policy():
    """A finished policy is taken as it is."""
    policy = CapturePolicy(Content.HASH, Media.THUMBNAIL)

    assert load({"capture": policy}, {}).settings.capture == policy


def test_exporters_are_merged_by_id(write_yaml):
    """Arguments add to the exporters of the file and replace those of the same id."""
    write_yaml("""
        exporters:
          jsonl: {path: a.jsonl}
          webhook/audit:
            url: https://example.com
    """)

    loaded = load({"exporters": {"jsonl": {"path": "b.jsonl"}}}, {})

    assert loaded.settings.exporters == {
        "jsonl": {"path": "b.jsonl"},
        "webhook/audit": {"url": "https://example.com"},
    }
    assert loaded.provenance["exporters.jsonl"] == "configure()"
    assert loaded.provenance["exporters.webhook/audit"] == "vidobs.yaml:4"


def test_price_rows_add_up_and_keep_every_digit(write_yaml):
    """Rows of all sources count; a row for the same thing is replaced; no float is involved."""
    write_yaml("""
        prices:
          - {model: a, unit: output_second, usd: 0.12345678901234567}
          - {model: b, unit: video, usd: 1}
    """)

    loaded = load({"prices": [{"model": "b", "unit": "video", "usd": "2"}]}, {})

    assert [(row.model, row.usd) for row in loaded.settings.prices] == [
        ("a", Decimal("0.12345678901234567")),
        ("b", Decimal(2)),
    ]
    assert loaded.provenance["prices"] == "configure(), vidobs.yaml:2"


def test_policies_hold_only_the_providers_named(write_yaml):
    """A policy of the file does not bring the built-in ones of other providers along."""
    write_yaml("policies: {openai: {bill_on_failed: yes}}")

    policies = load({}, {}).settings.policies

    assert list(policies) == ["openai"]
    assert policies["openai"].bill_on_failed is Billed.YES


def test_callbacks_take_names_functions_and_exporters():
    """In Python a callback may be a function or an object that exports; doubles count once."""

    class Sink:
        name = "mine"
        durable = False

        def export(self, batch):
            """Take a batch."""

    sink = Sink()

    assert load({"callbacks": ["console", print, sink, print]}, {}).settings.callbacks == (
        "console",
        print,
        sink,
    )


def test_callbacks_of_the_environment_are_split_at_commas():
    """`VIDOBS_CALLBACKS=a,b` names two."""
    loaded = load({}, {"VIDOBS_CALLBACKS": "console, webhook/audit,,console"})

    assert loaded.settings.callbacks == ("console", "webhook/audit")


def test_service_name_falls_back_to_otel():
    """OTEL_SERVICE_NAME counts when nothing else names the service."""
    otel = {"OTEL_SERVICE_NAME": "theirs"}

    assert load({}, otel).provenance["service_name"] == "environment OTEL_SERVICE_NAME"
    assert load({}, otel).settings.service_name == "theirs"
    assert load({}, otel | {"VIDOBS_SERVICE_NAME": "ours"}).settings.service_name == "ours"


def test_config_variable_names_the_file(folder):
    """VIDOBS_CONFIG is read instead of vidobs.yaml."""
    (folder / "vidobs.yaml").write_text("durability: full\n")
    other = folder / "deep" / "other.yaml"
    other.parent.mkdir()
    other.write_text("otel: console\n")

    loaded = load({}, {"VIDOBS_CONFIG": str(other)})

    assert loaded.settings.durability == "normal"
    assert loaded.provenance["otel"] == f"{Path('deep/other.yaml')}:1"


def test_config_variable_naming_no_file():
    """A VIDOBS_CONFIG that points nowhere is an error, not a default."""
    with pytest.raises(ConfigError) as raised:
        load({}, {"VIDOBS_CONFIG": "nowhere.yaml"})

    assert str(raised.value) == "environment VIDOBS_CONFIG: there is no file 'nowhere.yaml'"


def test_misspelt_variable_is_a_warning():
    """A variable that is nearly one of ours is pointed out; any other is not our business."""
    loaded = load({}, {"VIDOBS_CALBACKS": "console", "VIDOBS_REQUIRE_ALL": "1"})

    assert loaded.warnings == (
        "environment VIDOBS_CALBACKS is not a setting; did you mean VIDOBS_CALLBACKS?",
    )


@pytest.mark.parametrize(
    ("value", "off"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("", False)]
)
def test_switched_off(value, off):
    """VIDOBS_DISABLED can be asked for without reading a file."""
    assert switched_off({"VIDOBS_DISABLED": value}) is off


def test_bare_off_in_yaml_means_off(write_yaml):
    """YAML reads `off` and `on` as booleans; the settings understand them all the same."""
    write_yaml("http_spans: off\ndisabled: on\n")

    settings = load({}, {}).settings

    assert settings.http_spans == "off"
    assert settings.disabled is True


def test_a_relative_ledger_starts_at_the_working_directory(folder):
    """The place does not move when the program changes its directory later."""
    settings = load({"ledger": "sqlite:///jobs.db"}, {}).settings

    assert settings.ledger == LedgerUrl(str(folder / "jobs.db"))


def test_repr_of_settings_holds_no_options():
    """The repr ends up in logs, so it leaves the exporters' options out."""
    settings = load({"exporters": {"webhook/a": {"secret": "whsec_canary"}}}, {}).settings

    assert "canary" not in repr(settings)


def test_settings_are_frozen():
    """Nothing changes settings once they are loaded."""
    with pytest.raises(AttributeError):
        load({}, {}).settings.disabled = True
    assert isinstance(load({}, {}), msgspec.Struct)


@pytest.mark.parametrize(("text", "days"), [("30", 30.0), ("0.5", 0.5), ("Never", None)])
def test_days_of_retention(text, days):
    """Days may be parts of one, and `never` switches off what a file asks for."""
    found = load(environ={"VIDOBS_RETENTION_CONTENT_DAYS": text}).settings

    assert (found.retention_content_days, found.retention_days) == (days, None)


@pytest.mark.parametrize("value", [0, -1, True, "soon", "nan", 1e9])
def test_days_that_are_none(value):
    """Nothing is deleted on a misunderstanding."""
    with pytest.raises(ConfigError, match=r"retention_days: got .*; allowed: days, more than 0"):
        load({"retention_days": value}, environ={})
