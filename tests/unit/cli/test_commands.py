"""The other commands, and what holds for all of them."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vidobs.cli.app import COMMANDS
from vidobs.cli.reference import reference
from vidobs.core.errors import LedgerUnusableError


def test_spend_as_json(run):
    """Totals and rows, money as text; a row of which no cost is known has none."""
    assert run("spend", "--json").json == {
        "total_usd": "0.80",
        "possible_usd": "0.80",
        "rows": [
            {
                "key": "sora-2",
                "jobs": 3,
                "usd": "0.80",
                "possible_usd": "0.80",
                "unknown": 0,
                "seconds": 8.0,
            },
            {
                "key": None,
                "jobs": 1,
                "usd": None,
                "possible_usd": "0.00",
                "unknown": 1,
                "seconds": None,
            },
        ],
    }


def test_spend_asks_for_what_was_wanted(run, memory):
    """`--by` and `--since` reach the ledger."""
    ledger = memory()

    run("spend", "--by", "tag", "--since", "24h", ledger=ledger)
    run("spend", ledger=ledger)

    assert ledger.asked == [("tag", datetime(2026, 11, 19, 12, tzinfo=UTC)), ("model", None)]


def test_spend_as_a_table(run):
    """Rows without a key and without a price are shown as such."""
    lines = [line.split() for line in run("spend", "--by", "user").out.splitlines() if line.strip()]

    assert lines[0] == ["user", "jobs", "video", "unknown", "possible", "cost"]
    assert lines[2] == ["sora-2", "3", "8.00", "s", "-", "$0.80", "$0.80"]
    assert lines[3] == ["(none)", "1", "-", "1", "-", "unknown"]
    assert lines[4] == ["total", "$0.80;", "possibly", "$0.80", "more"]


def test_prices_as_json(run):
    """Rows of the price book, amounts as text."""
    rows = run("prices", "--provider", "openai", "--model", "sora-2", "--json").json

    assert rows
    assert {(row["provider"], row["unit"], row["usd"]) for row in rows} == {
        ("openai", "output_second", "0.10")
    }
    assert rows[0]["id"].startswith("openai/sora-2/output_second")


def test_prices_hold_the_rows_of_the_settings(run, folder):
    """A row of the user's stands in the book."""
    (folder / "vidobs.yaml").write_text("prices: [{model: mine, unit: video, usd: 0.5}]\n")

    rows = run("prices", "--model", "mine", "--json").json

    assert [(row["provider"], row["usd"]) for row in rows] == [("*", "0.50")]
    assert "mine" in run("prices", "--model", "mine").out


def test_prices_of_nobody(run):
    """An unknown model has no rows; an unknown provider gets the nearest name."""
    assert run("prices", "--model", "nix", "--json").json == []
    assert "no price of 'nix'; add one under `prices`" in run("prices", "--model", "nix").out
    assert run("prices", "--provider", "opnai").err.endswith("did you mean 'openai'?\n")


def test_config_as_json(run, folder):
    """Values, sources and warnings; secrets are masked."""
    (folder / "vidobs.yaml").write_text(
        "callbacks: [webhook/a]\nexporters: {webhook/a: {secret: '${env:S}'}}\nmodel_list: []\n"
    )

    found = run("config", "--json", S="canary", VIDOBS_OTEL="console").json
    settings = {row["name"]: row for row in found["settings"]}

    assert found["file"] == "vidobs.yaml"
    assert len(found["warnings"]) == 1
    assert settings["callbacks"]["value"] == ["webhook/a"]
    assert settings["callbacks"]["source"] == "vidobs.yaml:1"
    assert settings["exporters"]["value"] == {"webhook/a": {"secret": "[secret]"}}
    assert settings["otel"]["source"] == "environment VIDOBS_OTEL"


def test_config_as_a_table(run, folder):
    """The table shows value and source and no secret; warnings go to stderr."""
    (folder / "vidobs.yaml").write_text("exporters: {webhook/a: {token: canary}}\nmodel_list: []\n")

    ran = run("config")

    assert '{"webhook/a": {"token": "[secret]"}}' in ran.out
    assert "canary" not in ran.out
    assert ran.err.startswith("warning: vidobs.yaml: left alone")


@pytest.mark.parametrize("command", ["config", "prices"])
def test_wrong_settings_are_one_line(run, folder, command):
    """A broken file is told on stderr with its line, without a traceback."""
    (folder / "vidobs.yaml").write_text("otel: jaeger\n")

    ran = run(command)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: vidobs.yaml:1: otel: got 'jaeger'; allowed: none, console, otlp\n"


def test_a_ledger_that_cannot_be_read(run, memory):
    """An error of the ledger is one red line too."""

    class Broken(memory):
        def jobs(self, **_):
            """Fail."""
            raise LedgerUnusableError("ledger.db: not a ledger")

    ran = run("jobs", ledger=Broken())

    assert (ran.code, ran.err) == (2, "error: ledger.db: not a ledger\n")


def test_errors_are_red_where_there_are_colours(run):
    """On a terminal the line stands out."""
    ran = run("job", "nix", NO_COLOR="", FORCE_COLOR="1", TERM="xterm")

    assert ran.err.startswith("\x1b[31merror: no job 'nix'")


def test_unknown_command(run):
    """A misspelt command gets the right one suggested."""
    ran = run("jbos")

    assert ran.code == 2
    assert ran.err.startswith("error: unknown command 'jbos'; known: config, ")
    assert ran.err.endswith("did you mean 'jobs'?\n")


def test_sandbox_with_a_wrong_fault(run):
    """What the sandbox refuses is an error of ours."""
    ran = run("sandbox", "--fault", "nix")

    assert ran.code == 2
    assert ran.err.startswith("error: unknown fault 'nix'; known: ")


def test_help_lists_every_command(run):
    """`vidobs --help` has a line for each command of the table."""
    ran = run("--help")

    assert ran.code == 0
    assert all(f"\n  {name} " in ran.out for name in COMMANDS)


def test_version(run):
    """`vidobs --version` prints one."""
    assert run("--version").out.startswith("vidobs ")


def test_the_documentation_is_up_to_date():
    """docs/cli.md is what the commands say now; make it anew when this fails."""
    page = Path(__file__).parents[3] / "docs" / "cli.md"

    assert page.read_text(encoding="utf-8") == reference()
    assert all(f"\n## vidobs {name}\n" in reference() for name in COMMANDS)


def test_the_start_is_light():
    """Importing the command line loads neither a codec, nor YAML, nor the ledger, nor an SDK."""
    code = "import sys, vidobs.cli; print(*sorted(sys.modules))"

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    loaded = set(ran.stdout.split())
    assert not loaded & {"yaml", "apsw", "openai", "httpx", "opentelemetry", "structlog", "msgspec"}
    assert not loaded & {"vidobs.config", "vidobs.ledger", "vidobs.runtime", "vidobs.telemetry"}
