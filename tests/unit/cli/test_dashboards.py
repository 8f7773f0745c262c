"""`vidobs dashboards export`: what it prints, and which files it touches."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from vidobs.cli.app import app
from vidobs.cli.dashboards import FILES, MARK, Kind


def run(*arguments):
    """Run the command."""
    return CliRunner().invoke(app, ["dashboards", "export", *map(str, arguments)])


@pytest.mark.parametrize("kind", Kind)
def test_it_prints_what_it_would_write(kind, tmp_path):
    """To stdout alone, or into a file of a fixed name."""
    printed = run(kind.value)
    written = run(kind.value, "--out", tmp_path)

    assert (printed.exit_code, written.exit_code) == (0, 0)
    path = tmp_path / FILES[kind]
    assert written.output == f"wrote {path}\n"
    assert path.read_text("utf-8") == printed.stdout
    assert MARK in printed.stdout


def test_json_and_yaml_are_just_that():
    """So that they can be piped on."""
    assert json.loads(run("grafana").stdout)["uid"] == "vidobs"
    assert json.loads(run("datadog").stdout)["layout_type"] == "ordered"
    assert yaml.safe_load(run("prometheus-rules").stdout)["groups"][0]["name"] == "vidobs"


def test_an_earlier_export_is_replaced(tmp_path):
    """An update brings new metrics."""
    path = tmp_path / FILES[Kind.GRAFANA]
    path.write_text(f"an old one, made by `{MARK} grafana`", "utf-8")

    assert run("grafana", "--out", tmp_path).exit_code == 0
    assert json.loads(path.read_text("utf-8"))["title"] == "vidobs"


def test_a_file_of_somebody_else_is_left_alone(tmp_path):
    """Whatever its name is."""
    path = tmp_path / FILES[Kind.PROMETHEUS_RULES]
    path.write_text("groups: []\n", "utf-8")

    ran = run("prometheus-rules", "--out", tmp_path)

    assert ran.exit_code == 2
    assert f"{path} was not made by" in ran.stderr
    assert path.read_text("utf-8") == "groups: []\n"


def test_a_folder_that_is_missing_is_made(tmp_path):
    """With those above it, as `vidobs demo --out` does."""
    ran = run("datadog", "--out", tmp_path / "boards" / "of-mine")

    assert ran.exit_code == 0
    assert (tmp_path / "boards" / "of-mine" / FILES[Kind.DATADOG]).is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """There is a file of that name."""
    (tmp_path / "boards").write_text("mine", "utf-8")

    ran = run("datadog", "--out", tmp_path / "boards")

    assert ran.exit_code == 2
    assert "cannot be written" in ran.stderr
    assert (tmp_path / "boards").read_text("utf-8") == "mine"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    """Such as a folder under the file's name."""
    (tmp_path / FILES[Kind.DATADOG]).mkdir()

    ran = run("datadog", "--out", tmp_path)

    assert ran.exit_code == 2
    assert "cannot be written" in ran.stderr


def test_the_limit_of_spend_is_an_option():
    """Of the alerts."""
    assert "> 12.5\n" in run("prometheus-rules", "--usd-per-hour", 12.5).stdout


def test_an_unknown_kind_is_refused_with_those_that_there_are():
    """Nothing is guessed."""
    ran = run("kibana")

    assert ran.exit_code == 2
    assert "prometheus-rules" in ran.stderr
