"""`/metrics` of the dashboard: what a ledger tells of the metrics, as Prometheus reads it."""

import pytest
from boards_of_exporters import ExporterLedger
from boards_of_failures import HOSTILE, NOW, failing, hostile
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain

from vidobs import config
from vidobs.dashboard.desk import Desk
from vidobs.dashboard.index import Index
from vidobs.dashboard.metrics_page import samples
from vidobs.telemetry.prometheus import written


def scraped(path, folder, *, accept=""):
    """Return what a scrape of a ledger says: (name, labels) -> value."""
    with Index(str(path), folder=folder, clock=lambda: NOW) as index:
        index.catch_up()
        desk = Desk(
            ledger=str(path), index=index, settings=config.load({}).settings, now=lambda: NOW
        )
        text = written(samples(desk), accept=accept).body.decode()
    read = open_metrics if accept else plain
    found = {}
    for family in read(text):
        for one in family.samples:
            key = one.name, frozenset(one.labels.items())
            assert key not in found, "a series is there twice"
            found[key] = one.value
    return found


def of(found, name, **labels):
    """Return the value of the one series that has these labels, among others."""
    (value,) = (
        value
        for (series, has), value in found.items()
        if series == name and labels.items() <= dict(has).items()
    )
    return value


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """What is said of four failures, a moderated job, and a video."""
    folder = tmp_path_factory.mktemp("metrics")
    return scraped(failing(folder / "ledger.db"), folder / "cache")


def test_events_are_counted(failed):
    """By name, provider and model, and failures by their reason."""
    jobs = "vidobs_jobs_total"
    sora = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "sora-2"}

    assert of(failed, jobs, vidobs_event_name="video.completed", **sora) == 1
    broken = {"vidobs_event_name": "video.failed", "vidobs_job_reason": "provider_error"}
    assert of(failed, jobs, **broken, **sora) == 3
    assert of(failed, "vidobs_job_duration_seconds_count", vidobs_job_state="failed", **sora) == 4


def test_what_did_not_happen_yet_stands_at_zero(failed):
    """So that the first time is a rise; polls are not among it, no event tells of them."""
    lost = {"vidobs_job_reason": "lost", "gen_ai_provider_name": "azure"}

    assert of(failed, "vidobs_jobs_total", **lost) == 0
    assert not [name for name, _ in failed if name.startswith("vidobs_job_polls")]


def test_jobs_and_alerts_are_gauges(tmp_path, failed):
    """Jobs by state, those that run by model, and what needs care by the event that tells of it."""
    assert of(failed, "vidobs_ledger_jobs", vidobs_job_state="failed") == 5
    assert of(failed, "vidobs_ledger_jobs", vidobs_job_state="completed") == 1
    for name in ("video.stuck", "video.expiring", "video.unknown"):
        assert of(failed, "vidobs_ledger_alerts", vidobs_event_name=name) == 0
    hostile(tmp_path / "ledger.db")
    running = scraped(tmp_path / "ledger.db", tmp_path / "cache")
    assert of(running, "vidobs_job_active", gen_ai_provider_name="<marquee>openai</marquee>") == 1
    assert of(running, "vidobs_ledger_oldest_seconds") == 59
    assert not [name for name, _ in failed if name == "vidobs_ledger_oldest_seconds"]


def test_exporters_as_the_ledger_has_them(tmp_path):
    """What they delivered, and how they stand; one that was never set up has no lag."""
    ledger = ExporterLedger(tmp_path / "ledger.db", now=NOW)
    ledger.down("webhook")
    ledger.stand("jsonl", delivered=6)
    ledger.bury("webhook", 2)
    ledger.sql("INSERT INTO dropped VALUES ('webhook', 'age', 3)")

    found = scraped(ledger.path, tmp_path / "cache")

    label = next(key for (name, labels) in found for key, _ in labels if name.endswith("_queue"))
    webhook = {label: "webhook"}
    assert of(found, "vidobs_exporter_delivered_total", **webhook) == 2
    assert of(found, "vidobs_exporter_retried_total", **webhook) == 7
    assert of(found, "vidobs_exporter_queue", **webhook) == 4
    assert of(found, "vidobs_exporter_lag_seconds", **webhook) == 596
    assert of(found, "vidobs_exporter_breaker", **webhook) == 2
    assert of(found, "vidobs_exporter_dead_letters", **webhook) == 1
    dropped = {labels: value for (name, labels), value in found.items() if "dropped" in name}
    assert sorted(dropped.values()) == [0, 0, 0, 0, 0, 3]
    assert ("vidobs_exporter_lag_seconds", frozenset({(label, "jsonl")})) not in found


def test_strange_names_are_labels_and_no_more(tmp_path):
    """Line feeds and quotes in a model cannot make lines of their own, in either format."""
    hostile(tmp_path / "ledger.db")

    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        found = scraped(tmp_path / "ledger.db", tmp_path / "cache", accept=accept)
        models = {dict(labels).get("gen_ai_request_model") for _, labels in found} - {None}
        (model,) = models
        assert model.startswith("<script>alert('model')</script>")
        assert len(model) <= len(HOSTILE) + 60


def test_an_empty_ledger_says_little(tmp_path):
    """No series of anybody, and no error."""
    found = scraped(tmp_path / "none.db", tmp_path / "cache")

    assert {name for name, _ in found} == {"vidobs_ledger_alerts"}
