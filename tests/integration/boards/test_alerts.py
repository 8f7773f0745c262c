"""Each alert in Prometheus' own simulation: it fires when it should, says so, and not before."""

import re

import prometheus_kit
import pytest
import yaml
from prometheus_kit import promtool

from vidobs.telemetry.boards import rules

pytestmark = pytest.mark.real

WHO = 'job="app", gen_ai_provider_name="openai", gen_ai_request_model="sora-2"'
STUCK = f'vidobs_jobs_total{{{WHO}, vidobs_event_name="video.stuck"}}'
EXPIRING = f'vidobs_jobs_total{{{WHO}, vidobs_event_name="video.expiring"}}'
COMPLETED = f'vidobs_jobs_total{{{WHO}, vidobs_event_name="video.completed"}}'
FAILED = (
    f'vidobs_jobs_total{{{WHO}, vidobs_event_name="video.failed", '
    'vidobs_job_reason="provider_error"}'
)
COST = f'vidobs_video_cost_USD_total{{{WHO}, vidobs_cost_basis="usage"}}'
UNKNOWN = f"vidobs_video_cost_unknown_total{{{WHO}}}"
DROPPED = (
    "vidobs_exporter_dropped_total"
    '{job="app", vidobs_exporter_id="otlp", vidobs_exporter_reason="age"}'
)
DEAD = 'vidobs_exporter_dead_total{job="app", vidobs_exporter_id="otlp"}'
LAG = 'vidobs_exporter_lag_seconds{job="app", vidobs_exporter_id="otlp"}'
BREAKER = 'vidobs_exporter_breaker{job="app", vidobs_exporter_id="otlp"}'
JOB = {"job": "app", "gen_ai_provider_name": "openai", "gen_ai_request_model": "sora-2"}
EXPORTER = {"job": "app", "vidobs_exporter_id": "otlp"}


def duration(minutes):
    """Return series of a histogram of jobs, one a minute, that take so long."""
    series = {}
    for bound in ("600.0", "1800.0", "3600.0", "+Inf"):
        took = 0 if float(bound.replace("+Inf", "inf")) < minutes * 60 else 1
        name = f'vidobs_job_duration_seconds_bucket{{{WHO}, le="{bound}"}}'
        series[name] = f"0+{took}x60"
    return series


# The alert, series of one value a minute, and what is said of it after `at` minutes: the labels and
# the figure, or nothing.
CASES = {
    "a job hangs": ("VidobsJobStuck", {STUCK: "0x9 1x50"}, 12, (JOB, "")),
    "a job hung an hour ago": ("VidobsJobStuck", {STUCK: "0x9 1x90"}, 80, None),
    "no job hangs": ("VidobsJobStuck", {STUCK: "0x60"}, 12, None),
    "two in three fail": (
        "VidobsJobsFail",
        {COMPLETED: "0+1x60", FAILED: "0+2x60"},
        30,
        (JOB, "66.67%"),
    ),
    "one in ten fails": ("VidobsJobsFail", {COMPLETED: "0+9x60", FAILED: "0+1x60"}, 30, None),
    "all fail, but they are few": (
        "VidobsJobsFail",
        {COMPLETED: "0x60", FAILED: "0x14 3x60"},
        25,
        None,
    ),
    "they have only begun to fail": (
        "VidobsJobsFail",
        {COMPLETED: "0x60", FAILED: "0x29 0+5x60"},
        33,
        None,
    ),
    "jobs take 40 minutes": ("VidobsJobsSlow", duration(40), 50, (JOB, "")),
    "jobs take 20 minutes": ("VidobsJobsSlow", duration(20), 50, None),
    "a video is soon gone": ("VidobsAssetsExpiring", {EXPIRING: "0x9 1x50"}, 20, (JOB, "")),
    "a video was saved": ("VidobsAssetsExpiring", {EXPIRING: "1x90"}, 60, None),
    "120 USD an hour": ("VidobsSpendRate", {COST: "0+2x90"}, 60, ({"job": "app"}, "120.00")),
    "60 USD an hour": ("VidobsSpendRate", {COST: "0+1x90"}, 60, None),
    "no price is known": ("VidobsCostUnknown", {UNKNOWN: "0x9 2x50"}, 30, (JOB, "")),
    "all prices are known": ("VidobsCostUnknown", {UNKNOWN: "2x90"}, 80, None),
    "events are dropped": ("VidobsExporterDrops", {DROPPED: "0x9 7x50"}, 12, (EXPORTER, "")),
    "nothing is dropped": ("VidobsExporterDrops", {DROPPED: "7x90"}, 80, None),
    "events are refused": ("VidobsExporterDeadLetters", {DEAD: "0x9 1x50"}, 12, (EXPORTER, "")),
    "nothing is refused": ("VidobsExporterDeadLetters", {DEAD: "1x90"}, 80, None),
    "events wait for 20 minutes": (
        "VidobsOutboxAge",
        {LAG: "0+60x60"},
        20,
        (EXPORTER, "20m 0s"),
    ),
    "events waited for a moment": ("VidobsOutboxAge", {LAG: "0x9 900x2 0x60"}, 20, None),
    "the breaker is open": ("VidobsExporterDown", {BREAKER: "0x9 2x60"}, 20, (EXPORTER, "")),
    "it is disabled": ("VidobsExporterDown", {BREAKER: "0x9 3x60"}, 20, (EXPORTER, "")),
    "it is tried again": ("VidobsExporterDown", {BREAKER: "0x9 2x3 1x60"}, 20, None),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The rules in a file."""
    if not prometheus_kit.installed():
        pytest.skip(prometheus_kit.MISSING)
    path = tmp_path_factory.mktemp("rules") / "vidobs-alerts.yaml"
    path.write_text(rules.text(rules.rules()), "utf-8")
    return path


def rendered(text, labels, figure):
    """Put in what Prometheus does for its templates."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], text)
    return re.sub(r"\{\{ \$value [^}]*\}\}", figure, text)


def test_every_alert_has_cases():
    """One in which it fires, and one in which it does not."""
    [group] = rules.rules().groups
    fires = {alert for alert, _, _, said in CASES.values() if said}
    silent = {alert for alert, _, _, said in CASES.values() if not said}

    assert fires == silent == {rule.alert for rule in group.rules}


def test_promtool_finds_nothing_wrong(exported):
    """Neither in the file nor in its expressions and templates."""
    checked = promtool("check", "rules", exported)

    assert checked.returncode == 0, checked.stderr
    assert f"SUCCESS: {len(rules.rules().groups[0].rules)} rules found" in checked.stdout


@pytest.mark.parametrize("case", CASES)
def test_an_alert_fires_when_it_should(exported, tmp_path, case):
    """With labels to route by, and words with the names and the figure put in."""
    alert, series, at, said = CASES[case]
    [rule] = [one for one in rules.rules().groups[0].rules if one.alert == alert]
    expected = []
    if said is not None:
        labels, figure = said
        words = {
            name: rendered(getattr(rule.annotations, name), labels, figure)
            for name in ("summary", "description", "runbook")
        }
        labels = {**labels, "severity": rule.labels.severity}
        expected = [{"exp_labels": labels, "exp_annotations": words}]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": f"{at}m", "alertname": alert, "exp_alerts": expected}],
    }
    file = tmp_path / "test.yaml"
    made = {"rule_files": [str(exported)], "evaluation_interval": "1m", "tests": [test]}
    file.write_text(yaml.safe_dump(made), "utf-8")

    ran = promtool("test", "rules", file)

    assert ran.returncode == 0, ran.stdout + ran.stderr
