"""How instruments are named for Prometheus, and what a scrape says of samples."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import parser as plain
from prometheus_client.openmetrics import parser as openmetrics

from vidobs.core import names
from vidobs.telemetry import deliveries
from vidobs.telemetry import measurements as table
from vidobs.telemetry.deliveries import COUNTED, OBSERVED
from vidobs.telemetry.exposition import (
    HistogramSample,
    Sample,
    families,
    label_name,
    series_name,
)
from vidobs.telemetry.measurements import INSTRUMENTS, Instrument, InstrumentKind
from vidobs.telemetry.prometheus import written

WHO = {names.PROVIDER_NAME: "openai", names.REQUEST_MODEL: "sora-2"}


@pytest.mark.parametrize(
    ("instrument", "name"),
    [
        (table.JOB_DURATION, "vidobs_job_duration_seconds"),
        (table.JOBS, "vidobs_jobs_total"),
        (table.JOBS_ACTIVE, "vidobs_job_active"),
        (table.COST, "vidobs_video_cost_USD_total"),
        (table.OUTPUT_SECONDS, "vidobs_video_output_seconds_total"),
        (table.DOWNLOAD_SIZE, "vidobs_video_download_size_bytes"),
        (table.CALL_DURATION, "gen_ai_client_operation_duration_seconds"),
        (deliveries.LAG, "vidobs_exporter_lag_seconds"),
        (deliveries.BREAKER, "vidobs_exporter_breaker"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_names_follow_the_specification(instrument, name):
    """Dots become underscores, units are written out once, counters end in `_total`."""
    assert series_name(instrument) == name


def test_every_instrument_has_a_name_of_its_own():
    """None of them collides with another, and Prometheus takes every one."""
    found = [series_name(one) for one in (*INSTRUMENTS, *COUNTED, *OBSERVED)]

    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) for name in found)
    assert label_name(names.EXPORTER_ID) == "vidobs_exporter_id"


def test_a_counter_in_the_text_format():
    """One family with its help and type, one line per label set, values quoted."""
    samples = [
        Sample(table.COST, WHO, 1.6),
        Sample(table.COST, {**WHO, names.REQUEST_MODEL: 'so"ra\n\\'}, 2),
    ]

    said = written(samples)

    assert said.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert said.body.decode() == (
        "# HELP vidobs_video_cost_USD_total Settled cost\n"
        "# TYPE vidobs_video_cost_USD_total counter\n"
        'vidobs_video_cost_USD_total{gen_ai_provider_name="openai",gen_ai_request_model="sora-2"}'
        " 1.6\n"
        "vidobs_video_cost_USD_total"
        '{gen_ai_provider_name="openai",gen_ai_request_model="so\\"ra\\n\\\\"} 2.0\n'
    )


def test_a_histogram_sums_its_buckets_up():
    """Counts come per bucket and leave as Prometheus wants them: of everything up to a bound."""
    instrument = Instrument("a.b", InstrumentKind.HISTOGRAM, "s", "Told", (0.5, 1.0))

    said = written([HistogramSample(instrument, {}, (2, 0, 3), 9.5)]).body.decode()

    assert said.splitlines()[2:] == [
        'a_b_seconds_bucket{le="0.5"} 2.0',
        'a_b_seconds_bucket{le="1.0"} 2.0',
        'a_b_seconds_bucket{le="+Inf"} 5.0',
        "a_b_seconds_count 5.0",
        "a_b_seconds_sum 9.5",
    ]


def test_a_histogram_with_too_few_counts_is_refused():
    """One per bound and one above them all: anything else would be told wrong."""
    with pytest.raises(ValueError, match="shorter"):
        families([HistogramSample(table.JOB_DURATION, {}, (1, 2), 3.0)])


def test_samples_of_one_instrument_are_one_family():
    """Wherever they stand; and a label that is true or false is written so."""
    samples = [
        Sample(table.JOBS, WHO, 1),
        Sample(table.POLLS, {"cached": True}, 2),
        Sample(table.JOBS, {}, 3),
    ]

    jobs, polls = families(samples)

    assert [line.value for line in jobs.lines] == [1, 3]
    assert polls.lines[0].labels == {"cached": "true"}


def test_openmetrics_is_spoken_to_who_asks_for_it():
    """With its unit, and its end marked."""
    accept = "application/openmetrics-text; version=1.0.0; q=0.9, text/plain;version=0.0.4;q=0.5"

    said = written([Sample(deliveries.LAG, {names.EXPORTER_ID: "otlp"}, 2.5)], accept=accept)

    assert said.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert said.body.decode().splitlines() == [
        "# HELP vidobs_exporter_lag_seconds How long the oldest of these has waited",
        "# TYPE vidobs_exporter_lag_seconds gauge",
        "# UNIT vidobs_exporter_lag_seconds seconds",
        'vidobs_exporter_lag_seconds{vidobs_exporter_id="otlp"} 2.5',
        "# EOF",
    ]


@given(
    st.dictionaries(
        st.sampled_from([names.REQUEST_MODEL, names.ERROR_TYPE, names.EXPORTER_ID]),
        st.text(st.characters(exclude_categories=["Cs"])),
    ),
    st.floats(allow_nan=False),
    st.sampled_from(["", "application/openmetrics-text; version=1.0.0"]),
)
def test_any_text_comes_through_as_a_label(attributes, value, accept):
    """A model named by a stranger makes no line of its own: one sample in, the same one out."""
    text = written([Sample(deliveries.LAG, attributes, value)], accept=accept).body.decode()
    parser = openmetrics if accept else plain

    [family] = parser.text_string_to_metric_families(text)
    [sample] = family.samples

    assert sample.labels == {label_name(key): told for key, told in attributes.items()}
    assert sample.value == value
