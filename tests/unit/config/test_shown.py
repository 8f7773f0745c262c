"""Settings as they are shown, without their secrets; and the page that lists them."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidobs.config import load, shown
from vidobs.config.masking import masked
from vidobs.config.reference import reference
from vidobs.config.settings import SETTINGS

CANARY = "canary-8f3b"
SECRET_NAMES = ["key", "api_key", "DD-API-KEY", "secret", "Token", "password", "authorization"]


def by_name(given=None, environ=None) -> dict[str, object]:
    """Return the shown values by name."""
    return {row.name: row.value for row in shown(load(given or {}, environ or {}))}


def test_every_setting_is_shown_and_fits_json():
    """Each row of the table is there, in order, with source and variable."""
    rows = shown(load({"durability": "full"}, {}))

    assert [row.name for row in rows] == [setting.name for setting in SETTINGS]
    assert [row.env for row in rows] == [setting.env for setting in SETTINGS]
    assert {row.name: row.source for row in rows}["durability"] == "configure()"
    assert msgspec.json.decode(msgspec.json.encode(rows))


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_options_named_like_secrets_are_masked(name):
    """However it is spelt and however deep it stands, a secret is not shown."""
    values = by_name({"exporters": {"x": {name: CANARY, "deep": [{name: [CANARY]}]}}})

    assert values["exporters"] == {"x": {name: "[secret]", "deep": [{name: "[secret]"}]}}


def test_all_headers_are_masked():
    """The name of a header stays, its value goes."""
    values = by_name({"exporters": {"otlp": {"headers": {"X-Scope": CANARY}}}})

    assert values["exporters"] == {"otlp": {"headers": {"X-Scope": "[secret]"}}}


def test_urls_lose_userinfo_and_query():
    """A URL is shown with scheme, host and path."""
    url = f"https://me:{CANARY}@example.com/hook?sig={CANARY}#{CANARY}"

    assert by_name({"exporters": {"w": {"url": url}}})["exporters"] == {
        "w": {"url": "https://example.com/hook"}
    }


@given(
    path=st.lists(st.sampled_from(["a", "list", "options"]), max_size=4),
    name=st.sampled_from(SECRET_NAMES),
    wrap=st.sampled_from([str, lambda text: [text], lambda text: {"x": text}]),
)
def test_a_secret_is_masked_at_any_depth(path, name, wrap):
    """No nesting of mappings and lists lets a secret through."""
    value: object = {name: wrap(CANARY)}
    for step in path:
        value = [value] if step == "list" else {step: value}

    assert CANARY not in repr(masked("exporters", value))


def test_every_place_of_a_secret_is_masked(write_yaml):
    """Lists of secrets, URLs with a user, a password or a query, headers, and unset variables."""
    write_yaml(f"""
        exporters:
          webhook/audit:
            url: "https://me:{CANARY}@example.com/hook?sig={CANARY}"
            secret: [whsec_{CANARY}{CANARY}, {CANARY}]
            headers: {{X-One: {CANARY}, X-Many: [{CANARY}]}}
            events: ["video.*"]
          otlp/langfuse:
            endpoint: "https://${{env:NOT_SET}}/v1"
            headers: {{Authorization: "${{env:NOT_SET}}"}}
    """)

    shown_here = by_name()["exporters"]

    assert CANARY not in repr(shown_here)
    assert shown_here == {
        "webhook/audit": {
            "url": "https://example.com/hook",
            "secret": "[secret]",
            "headers": {"X-One": "[secret]", "X-Many": "[secret]"},
            "events": ["video.*"],
        },
        "otlp/langfuse": {
            "endpoint": "https://${env:NOT_SET}/v1",
            "headers": {"Authorization": "[secret]"},
        },
    }


def test_objects_are_shown_by_name():
    """A function or an exporter of the user's is named, never printed."""

    class Sink:
        name = "mine"

        def export(self, batch):
            """Take a batch."""

        def __repr__(self):
            return CANARY

    def told(event):
        """Be told."""

    callbacks = by_name({"callbacks": ["console", Sink(), told]})["callbacks"]

    assert callbacks[:2] == ["console", "mine"]
    assert callbacks[2].endswith("told")


def test_amounts_are_texts():
    """Money is shown as the digits that were given."""
    rows = by_name({"prices": [{"model": "m", "unit": "video", "usd": Decimal("1.10")}]})["prices"]

    assert rows[0]["usd"] == "1.10"
    assert rows[0]["unit"] == "video"


def test_the_parts_of_a_mapping_have_sources(write_yaml):
    """For exporters and policies each entry says where it came from."""
    write_yaml("exporters:\n  a: {}\n")

    row = next(r for r in shown(load({"exporters": {"b": {}}}, {})) if r.name == "exporters")

    assert row.sources == {"a": "vidobs.yaml:2", "b": "configure()"}


def test_the_documentation_is_up_to_date():
    """docs/settings.md is what the table says now; make it anew when this fails."""
    page = Path(__file__).parents[3] / "docs" / "settings.md"

    assert page.read_text(encoding="utf-8") == reference()
    assert all(f"`{setting.name}`" in reference() for setting in SETTINGS)
