"""What Grafana's SDK, Datadog's API client and OpenTelemetry's exporter say of ours."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest

from vidobs.telemetry.boards import datadog, grafana
from vidobs.telemetry.deliveries import COUNTED, OBSERVED
from vidobs.telemetry.exposition import series_name
from vidobs.telemetry.measurements import INSTRUMENTS, InstrumentKind

pytestmark = pytest.mark.real

HOME = Path(__file__).parents[3] / ".venv" / "boards"
SCRIPT = Path(__file__).with_name("in_boards_env.py")


@pytest.fixture
def ask():
    """Ask the libraries in an environment of their own."""
    if not (HOME / ".installed").exists():
        pytest.skip("needs the SDKs of Grafana and Datadog: make boards-env")

    def asked(what, given):
        ran = subprocess.run(
            [HOME / "bin" / "python", SCRIPT, what],
            input=msgspec.json.encode(given),
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        return json.loads(ran.stdout)

    return asked


def changed(before, after, place=""):
    """Yield where something of `before` is lost or another in `after`; additions are fine."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name not in after:
                yield f"{place}.{name} is lost"
            else:
                yield from changed(value, after[name], f"{place}.{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from changed(*pair, f"{place}[{number}]")
    elif before != after:
        yield f"{place}: {before!r} became {after!r}"


def plain(made):
    """Return what is written, as JSON has it."""
    return json.loads(msgspec.json.encode(made))


def test_grafanas_own_sdk_reads_every_field(ask):
    """What it writes again is ours, with its defaults where we say nothing."""
    ours = plain(grafana.dashboard())

    theirs = ask("grafana", ours)

    assert list(changed(ours, theirs)) == []
    assert ask("grafana", theirs) == theirs
    assert theirs["schemaVersion"] == 41


@pytest.mark.parametrize(
    "change",
    [
        lambda panel: panel | {"heading": "x"},
        lambda panel: panel | {"targets": [{**panel["targets"][0], "query": "up"}]},
        lambda panel: panel | {"fieldConfig": {"defaults": {"units": "s"}, "overrides": []}},
    ],
    ids=["panel", "target", "field"],
)
def test_a_field_that_grafana_does_not_know_would_be_found(ask, change):
    """The check above is one that can fail."""
    ours = plain(grafana.dashboard())
    ours["panels"][1] = change(ours["panels"][1])

    assert list(changed(ours, ask("grafana", ours)))


def test_datadogs_own_client_knows_every_field(ask):
    """No value is left unparsed, and no field is unknown."""
    assert ask("datadog", plain(datadog.dashboard())) == []


def _request(widget):
    return widget["definition"]["requests"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda widget: widget["definition"].update(type="number"),
        lambda widget: widget["definition"].update(colour="red"),
        lambda widget: _request(widget).update(response_format="table"),
        lambda widget: _request(widget)["queries"][0].update(data_source="metric"),
        lambda widget: _request(widget)["queries"][0].update(aggregator="all"),
        lambda widget: _request(widget)["formulas"][0].update(number_format={"unit": {"type": 1}}),
        lambda widget: widget["definition"].pop("requests"),
    ],
    ids=["type", "field", "format", "source", "aggregator", "unit", "missing"],
)
def test_what_datadog_does_not_know_would_be_found(ask, change):
    """The check above is one that can fail."""
    ours = plain(datadog.dashboard())
    change(ours["widgets"][0]["definition"]["widgets"][0])

    assert ask("datadog", ours)


def test_names_are_those_of_opentelemetrys_exporter(ask):
    """A dashboard works over either: the same instruments have the same names."""
    every = (*INSTRUMENTS, *COUNTED, *OBSERVED)
    ours = set()
    for one in every:
        parts = ("_bucket", "_count", "_sum") if one.kind is InstrumentKind.HISTOGRAM else ("",)
        ours |= {series_name(one) + part for part in parts}

    assert set(ask("names", every)) == ours
