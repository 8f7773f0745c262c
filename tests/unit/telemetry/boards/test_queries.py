"""What panels and alerts ask, in the languages of Prometheus and Datadog."""

import pytest

from vidobs.core import names
from vidobs.telemetry import deliveries
from vidobs.telemetry import measurements as table
from vidobs.telemetry.boards import datadog, promql
from vidobs.telemetry.boards.queries import Match, Over, Part, Quantile, Quotient, Times, Value
from vidobs.telemetry.measurements import Instrument, InstrumentKind

MODEL = names.REQUEST_MODEL
ALL = promql.Place(second="5m", period="1h", dashboard=False)
FAILED = Match(names.EVENT_NAME, ("video.failed",))
ENDED = Match(names.EVENT_NAME, ("video.failed", "video.completed"))


def test_a_rate_by_model():
    """Summed over whatever else there is; the choices of a dashboard narrow it."""
    ask = Value(instrument=table.JOBS, over=Over.SECOND, by=(MODEL,), where=(FAILED,))

    assert promql.written(ask) == (
        "sum by (gen_ai_request_model) (rate(vidobs_jobs_total"
        '{vidobs_event_name="video.failed", gen_ai_provider_name=~"$provider", '
        'gen_ai_request_model=~"$model", job=~"$job"}[$__rate_interval]))'
    )
    assert datadog.written(ask) == (
        "sum:vidobs.jobs{vidobs.event.name:video.failed,$provider,$model}"
        " by {gen_ai.request.model}.as_rate()"
    )


def test_one_of_several():
    """An expression of alternatives there, and OR here; what is special to a pattern is not."""
    ask = Value(instrument=table.JOBS, over=Over.PERIOD, where=(ENDED,))

    assert promql.written(ask, ALL) == (
        "sum by (job) (increase(vidobs_jobs_total"
        '{vidobs_event_name=~"video\\\\.failed|video\\\\.completed"}[1h]))'
    )
    assert datadog.written(ask) == (
        "sum:vidobs.jobs{(vidobs.event.name:video.failed OR vidobs.event.name:video.completed)"
        " AND $provider AND $model}.as_count()"
    )


@pytest.mark.parametrize(
    ("instrument", "over_prometheus", "over_datadog"),
    [
        (
            deliveries.LAG,
            "max by (job) (vidobs_exporter_lag_seconds)",
            "max:vidobs.exporter.lag{*}",
        ),
        (
            table.JOBS_ACTIVE,
            "sum by (job) (vidobs_job_active)",
            "sum:vidobs.job.active{$provider,$model}",
        ),
    ],
    ids=["of the ledger", "of each process"],
)
def test_how_it_stands(instrument, over_prometheus, over_datadog):
    """What every process sees alike is not added up; what each has for itself is."""
    ask = Value(instrument=instrument, over=Over.NOW)

    assert promql.written(ask, ALL) == over_prometheus
    assert datadog.written(ask) == over_datadog


def test_a_quantile():
    """Of buckets there, of a distribution here."""
    ask = Quantile(instrument=table.JOB_DURATION, quantile=0.95, by=(MODEL,))

    assert promql.written(ask, ALL) == (
        "histogram_quantile(0.95, sum by (le, gen_ai_request_model, job) "
        "(rate(vidobs_job_duration_seconds_bucket[5m])))"
    )
    assert datadog.written(ask) == (
        "p95:vidobs.job.duration{$provider,$model} by {gen_ai.request.model}"
    )


def test_parts_of_a_histogram():
    """How many values, or what they come to."""
    count = Value(instrument=table.CALL_DURATION, over=Over.SECOND)
    size = Value(instrument=table.DOWNLOAD_SIZE, over=Over.PERIOD, part=Part.SUM)

    assert promql.written(count, ALL) == (
        "sum by (job) (rate(gen_ai_client_operation_duration_seconds_count[5m]))"
    )
    assert promql.written(size, ALL) == (
        "sum by (job) (increase(vidobs_video_download_size_bytes_sum[1h]))"
    )
    assert datadog.written(size) == "sum:vidobs.video.download.size{$provider,$model}.as_count()"


def test_arithmetic():
    """A quotient of nothing is nothing, no infinity; a factor changes the unit."""
    cost = Value(instrument=table.COST, over=Over.PERIOD)
    jobs = Value(instrument=table.JOBS, over=Over.PERIOD)

    assert promql.written(Quotient(cost, jobs), ALL) == (
        "sum by (job) (increase(vidobs_video_cost_USD_total[1h])) / "
        "(sum by (job) (increase(vidobs_jobs_total[1h])) > 0)"
    )
    assert promql.written(Times(cost, 60), ALL) == (
        "60 * sum by (job) (increase(vidobs_video_cost_USD_total[1h]))"
    )


def test_a_renamed_metric_is_renamed_everywhere():
    """Nothing but the instrument knows its name."""
    renamed = Instrument("acme.clips", InstrumentKind.COUNTER, "By", "Clips")
    ask = Value(instrument=renamed, over=Over.PERIOD)

    assert promql.written(ask, ALL) == "sum by (job) (increase(acme_clips_bytes_total[1h]))"
    assert datadog.written(ask) == "sum:acme.clips{*}.as_count()"
