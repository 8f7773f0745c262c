import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from vidobs.cli._read import Doors
from vidobs.cli.app import app

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command of `vidobs keys` on a fresh folder; return its result."""
    monkeypatch.setenv("VIDOBS_LEDGER", f"sqlite:///{tmp_path / 'ledger.db'}")

    def run_one(*arguments, **options):
        return CliRunner().invoke(app, ["keys", *arguments], obj=Doors(now=lambda: NOW), **options)

    return run_one


def told(run, *arguments):
    """Return what a command that works prints as JSON."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_create_prints_the_key_alone(run):
    """A script can take it from stdout; the rest goes to stderr."""
    result = run("create")
    assert result.exit_code == 0
    assert (result.stdout[:3], len(result.stdout.strip())) == ("sk-", 46)
    assert "nobody can show it again" in result.stderr


def test_a_key_has_what_the_options_say(run):
    """Money is text, times are UTC, and the text of the key is there once."""
    made = told(
        run,
        "create",
        *("--alias", "films", "--model", "sora-2", "--model", "veo", "--max-budget", "12.50"),
        *("--soft-budget", "$10", "--budget-duration", "1mo", "--duration", "24h"),
        *("--rpm-limit", "60", "--output-seconds-per-minute", "120"),
        *("--max-parallel-requests", "3", "--user-id", "ada"),
    )
    text = made.pop("key")
    assert made == {
        "id": made["id"],
        "alias": "films",
        "shown": f"sk-...{text[-4:]}",
        "token": made["token"],
        "state": "open",
        "user_id": "ada",
        "team_id": None,
        "models": ["sora-2", "veo"],
        "max_budget": "12.50",
        "soft_budget": "10",
        "budget_duration": "1mo",
        "budget_reset_at": "2026-12-01T00:00:00Z",
        "spend_usd": "0",
        "rpm_limit": 60,
        "output_seconds_per_minute": 120,
        "max_parallel_requests": 3,
        "metadata": {},
        "created_at": "2026-11-20T12:00:00Z",
        "expires_at": "2026-11-21T12:00:00Z",
    }
    assert told(run, "list") == [made]
    assert told(run, "info", "films") == made
    assert text not in run("info", "films").stdout


def test_an_update_changes_what_is_named(run):
    """The rest stays; a field can be taken away."""
    told(run, "create", "--alias", "films", "--max-budget", "5", "--rpm-limit", "7")
    changed = told(run, "update", "films", "--max-budget", "6", "--clear", "rpm_limit")
    assert (changed["max_budget"], changed["rpm_limit"], changed["alias"]) == ("6", None, "films")


def test_a_key_is_blocked_opened_rotated_and_deleted(run):
    """Each says what came of it, and the log has all of it."""
    made = told(run, "create", "--alias", "films")
    assert run("block", "films").stdout == f"{made['id']} is blocked\n"
    assert run("unblock", "films").stdout == f"{made['id']} is open\n"
    fresh = told(run, "rotate", "films", "--grace", "1h")
    assert fresh["id"] == made["id"]
    assert fresh["key"] != made["key"]
    refused = run("delete", "films", input="n\n")
    assert refused.exit_code == 1
    assert told(run, "delete", "films", "--yes") == {"deleted": made["id"]}
    assert told(run, "list") == []
    lines = told(run, "log", made["id"])
    assert [line["action"] for line in lines] == [
        "deleted",
        "rotated",
        "unblocked",
        "blocked",
        "created",
    ]
    assert all(line["actor"].startswith("cli") for line in lines)
    assert [line["changed"] for line in lines][3] == ["blocked"]
    assert made["key"] not in run("log").stdout


def test_tables_are_for_people(run):
    """One line for each key, and one for each change."""
    run("create", "--alias", "films", "--max-budget", "5", "--budget-duration", "1mo")
    listed = run("list").stdout
    assert "films" in listed
    assert "$5.00 / 1mo" in listed
    assert "created" in run("log").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["info", "films"], "no such key: 'films'"),
        (["create", "--max-budget", "much"], "--max-budget: got 'much'"),
        (["create", "--budget-duration", "soon"], "budget_duration: got 'soon'"),
        (["create", "--team-id", "nobody"], "no such team: 'nobody'"),
        (["update", "there", "--clear", "max_budge"], "did you mean 'max_budget'?"),
        (["create", "--alias", "there"], "there is a key with the alias or id 'there' already"),
    ],
)
def test_what_cannot_be_done_is_one_red_line(run, arguments, said):
    """Exit code 2, and a text that says what to do."""
    run("create", "--alias", "there")
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_only_create_makes_a_file(run, tmp_path):
    """Looking at a wrong place leaves nothing there."""
    result = run("list", "--file", str(tmp_path / "other.db"))
    assert result.exit_code == 2
    assert "vidobs keys create makes it" in result.stderr
    assert list(tmp_path.iterdir()) == []
