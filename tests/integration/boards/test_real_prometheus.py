"""Every query of the dashboard and of the alerts, run by a real Prometheus over a real load."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import prometheus_kit
import pytest
from ddagent_kit import free_ports
from prometheus_kit import Prometheus
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


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """A loaded process, and a Prometheus that has scraped a bit of everything."""
    if not prometheus_kit.installed():
        pytest.skip(prometheus_kit.MISSING)
    folder = tmp_path_factory.mktemp("prometheus")
    file = folder / "vidobs-alerts.yaml"
    file.write_text(rules.text(rules.rules(usd_per_hour=0.01)), "utf-8")
    port, nobody = free_ports(2)
    with Sandbox(time_scale=0.05, faults=FAULTS) as sandbox, Sink() as good, Sink() as refusing:
        good.answers(202)
        refusing.answers(400)
        urls = [sandbox.base_url, good.url, refusing.url, f"http://127.0.0.1:{nobody}/"]
        command = [sys.executable, Path(__file__).with_name("loaded.py"), str(port), *urls]
        with (folder / "loaded.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            try:
                with Prometheus.scraping(f"127.0.0.1:{port}", folder, rules=file) as prometheus:
                    wait_until_loaded(prometheus)
                    yield SimpleNamespace(prometheus=prometheus, rules=prometheus.rules())
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
    ):
        prometheus.wait_for(expr)


def as_a_dashboard_asks(expr):
    """Put in what Grafana would for its variables."""
    for variable, value in {
        "$__rate_interval": "10s",
        "$__range": "1m",
        "$provider": ".*",
        "$model": ".*",
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

    found = load.prometheus.ask(as_a_dashboard_asks(board.targets[place].expr))

    instruments = {one.instrument for one in values_in(panel.queries[place].ask)}
    if instruments & SILENT:
        assert found == []
    else:
        assert found
        assert all(value >= 0 for _, value in found), found


def test_the_dashboard_is_filtered(load):
    """By provider and model, as chosen; a model that there is not has no jobs."""
    targets = [
        one.targets[0].expr for one in grafana.dashboard().panels if one.title == "Video made"
    ]
    [expr] = [one.replace("$__range", "1m").replace("$provider", ".*") for one in targets]

    assert load.prometheus.ask(expr.replace("$model", "sora-2"))
    assert load.prometheus.ask(expr.replace("$model", "veo-3")) == []


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
