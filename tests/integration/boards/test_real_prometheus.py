"""Every query of the dashboard and of the alerts, run by a real Prometheus over a real load."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import prometheus_kit
import pytest
from ddagent_kit import free_ports
from prometheus_kit import Prometheus, Target, promtool
from sink_kit import Sink

from vidobs.telemetry import deliveries
from vidobs.telemetry import measurements as table
from vidobs.telemetry.boards import grafana, rules
from vidobs.telemetry.boards.queries import values_in
from vidobs.telemetry.boards.rows import ROWS
from vidobs.telemetry.exposition import series_name
from vidobs.testing import Sandbox

pytestmark = pytest.mark.real

FAULTS = ("fail:0.25", "moderation_output:0.2", "rate_limit:0.2")
# Of faults of vidobs itself there is nothing to show in a healthy process.
SILENT = {table.GUARD_TRIPS, table.LOST, table.MEDIA_LOST}
QUERIES = [
    (panel, place) for row in ROWS for panel in row.panels for place in range(len(panel.queries))
]
ALERTS = [rule.alert for rule in rules.rules().groups[0].rules]
PATIENCE_S = 30
TOKEN = "a-token-of-the-test-0123456789abcdef"


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """A loaded process, and a Prometheus that has scraped a bit of everything."""
    if not prometheus_kit.installed():
        pytest.skip(prometheus_kit.MISSING)
    folder = tmp_path_factory.mktemp("prometheus")
    file = folder / "vidobs-alerts.yaml"
    file.write_text(rules.text(rules.rules(usd_per_hour=0.01)), "utf-8")
    port, ui_port, nobody = free_ports(3)
    with Sandbox(time_scale=0.05, faults=FAULTS) as sandbox, Sink() as good, Sink() as refusing:
        good.answers(202)
        refusing.answers(400)
        urls = [sandbox.base_url, good.url, refusing.url, f"http://127.0.0.1:{nobody}/"]
        loaded = [sys.executable, Path(__file__).with_name("loaded.py"), str(port), *urls]
        ui = [
            Path(sys.executable).with_name("vidobs"),
            "ui",
            "--no-browser",
            "--port",
            str(ui_port),
        ]
        targets = [
            Target("app", f"127.0.0.1:{port}"),
            Target("ledger", f"127.0.0.1:{ui_port}", TOKEN),
        ]
        with (
            running(loaded, folder),
            running(ui, folder),
            Prometheus.scraping(targets, folder, rules=file) as prometheus,
        ):
            wait_until_loaded(prometheus)
            yield SimpleNamespace(
                prometheus=prometheus,
                rules=prometheus.rules(),
                page=httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text,
            )


@contextmanager
def running(command, folder):
    """Run a program in the folder until the block ends."""
    env = {
        **os.environ,
        "VIDOBS_LEDGER": "sqlite:///ledger.db",
        "VIDOBS_UI_TOKEN": TOKEN,
        "XDG_CACHE_HOME": str(folder),
    }
    with (folder / "programs.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def wait_until_loaded(prometheus):
    """Wait until jobs ended in each way, and each exporter fared as it was made to."""
    jobs = series_name(table.JOBS)
    reason = "vidobs_job_reason"
    for expr in (
        f'sum(increase({jobs}{{vidobs_event_name="video.completed"}}[30s])) > 3',
        f'sum(increase({jobs}{{{reason}="provider_error"}}[30s])) > 0',
        f'sum(increase({jobs}{{{reason}="moderation_output"}}[30s])) > 0',
        f'increase({series_name(table.CALL_ERRORS)}{{error_type="rate_limit_exceeded"}}[30s]) > 0',
        f"sum(increase({series_name(table.JOB_QUEUE)}_count[10s])) > 0",
        f"sum(increase({series_name(table.JOB_RENDER)}_count[10s])) > 0",
        f"sum(increase({series_name(deliveries.DELIVERED)}[30s])) > 0",
        f"sum(increase({series_name(deliveries.DEAD)}[30s])) > 0",
        f"sum(increase({series_name(deliveries.DROPPED)}[30s])) > 0",
        f"sum(increase({series_name(deliveries.RETRIED)}[30s])) > 0",
        f"max({series_name(deliveries.LAG)}) > 0",
        f'sum({jobs}{{job="ledger"}}) > 0',
    ):
        prometheus.wait_for(expr)


def as_a_dashboard_asks(expr):
    """Put in what Grafana would for its variables."""
    for variable, value in {
        "$__rate_interval": "10s",
        "$__range": "1m",
        "$provider": ".*",
        "$model": ".*",
        "$job": ".*",
    }.items():
        expr = expr.replace(variable, value)
    assert "$" not in expr
    return expr


@pytest.mark.parametrize(
    ("panel", "place"), QUERIES, ids=[f"{panel.title} {place}" for panel, place in QUERIES]
)
def test_a_panel_has_numbers(load, panel, place):
    """Prometheus takes the query, and it finds what the process did."""
    [board] = [
        one for one in grafana.dashboard().panels if one.title == panel.title and one.targets
    ]

    expr = as_a_dashboard_asks(board.targets[place].expr)

    instruments = {one.instrument for one in values_in(panel.queries[place].ask)}
    if instruments & SILENT:
        assert load.prometheus.ask(expr) == []
    else:
        found = load.prometheus.wait_for(expr)
        assert min(value for _, value in found) >= 0, found


def test_promtool_finds_nothing_to_complain_of(load):
    """Names, units, types and help texts are as Prometheus wants them."""
    checked = promtool("check", "metrics", given=load.page)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert "# TYPE vidobs_jobs_total counter" in load.page


def test_the_dashboard_is_filtered(load):
    """By what is scraped, provider and model, as chosen; what there is not has no jobs."""
    [expr] = [
        one.targets[0].expr for one in grafana.dashboard().panels if one.title == "Video made"
    ]

    for variable, there, not_there in (
        ("$model", "sora-2", "veo-3"),
        ("$provider", "openai|runway", "runway"),
        ("$job", "ledger", "nothing"),
    ):
        assert load.prometheus.ask(as_a_dashboard_asks(expr.replace(variable, there)))
        assert load.prometheus.ask(as_a_dashboard_asks(expr.replace(variable, not_there))) == []


def test_the_process_and_its_ledger_say_the_same(load):
    """Whichever is scraped: alike in names and labels, so that one may be chosen."""
    completed = f'{series_name(table.JOBS)}{{vidobs_event_name="video.completed"}}'

    found = load.prometheus.wait_for(f"count by (job) ({completed})")

    assert {labels["job"] for labels, _ in found} == {"app", "ledger"}
    [(_, in_process)] = load.prometheus.ask(f'{completed[:-1]}, job="app"}}')
    [(labels, kept)] = load.prometheus.ask(f'{completed[:-1]}, job="ledger"}}')
    assert labels["gen_ai_request_model"] == "sora-2"
    assert kept > 0
    assert in_process > 0


def test_the_choices_of_the_dashboard_are_there(load):
    """The labels that its variables list have values."""
    variables = grafana.dashboard().templating.list
    for variable in variables[1:]:
        series, _, label = variable.query.removeprefix("label_values(").rstrip(")").rpartition(", ")
        found = load.prometheus.ask(f"count by ({label}) ({as_a_dashboard_asks(series)})")
        assert {"openai", "sora-2"} & {labels.get(label) for labels, _ in found} or found


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_evaluated(load, alert):
    """Prometheus loads the rule and runs it without an error."""
    [rule] = [one for one in load.rules if one["name"] == alert]

    assert (rule["health"], rule.get("lastError", "")) == ("ok", "")


def test_what_goes_wrong_is_alerted(load):
    """Dropped events and dead letters at once; spend above the limit after its five minutes."""
    load.prometheus.wait_for('ALERTS{alertname="VidobsExporterDrops", alertstate="firing"}')
    load.prometheus.wait_for('ALERTS{alertname="VidobsExporterDeadLetters", alertstate="firing"}')
    load.prometheus.wait_for('ALERTS{alertname="VidobsSpendRate", alertstate="pending"}')
