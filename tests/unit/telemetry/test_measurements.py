"""What an event adds to the metrics, for whoever exports them."""

import msgspec
import pytest
from exporter_kit import AT, an_event, every_event

import vidobs
from vidobs import EventName, InstrumentKind, measurements
from vidobs.core import names
from vidobs.core.money import Cost
from vidobs.telemetry.deliveries import COUNTED, OBSERVED
from vidobs.telemetry.kept import KEPT
from vidobs.telemetry.measurements import INSTRUMENTS

WHO = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "sora-2"}


def said(event):
    """Return name, value and attributes of each measurement."""
    return [(one.instrument.name, one.value, one.attributes) for one in measurements(event)]


def test_an_accepted_job_is_active():
    """One event more, and one job more under way."""
    assert said(an_event(EventName.SUBMITTED)) == [
        ("vidobs.jobs", 1, {**WHO, "vidobs.event.name": "video.submitted"}),
        ("vidobs.job.active", 1, WHO),
    ]


def test_a_failed_job_has_its_reason():
    """It made no seconds; what it cost counts all the same."""
    ended = {**WHO, "vidobs.job.state": "failed"}
    assert said(an_event(EventName.FAILED)) == [
        (
            "vidobs.jobs",
            1,
            {
                **WHO,
                "vidobs.event.name": "video.failed",
                "vidobs.job.reason": "provider_error",
            },
        ),
        ("vidobs.job.active", -1, WHO),
        ("vidobs.job.duration", 60.0, ended),
        ("vidobs.job.queue.duration", 2.75, ended),
        ("vidobs.job.render.duration", 57.0, ended),
        ("vidobs.video.cost", 0.8, {**WHO, "vidobs.cost.basis": "usage"}),
    ]


def test_a_download_has_its_size():
    """In bytes."""
    assert said(an_event(EventName.DOWNLOADED))[1:] == [
        ("vidobs.video.download.size", 1_048_576, WHO)
    ]


def test_a_model_that_nobody_named_is_no_label():
    """What is unknown is left out, and an unknown price is counted."""
    event = an_event(model=None, cost=Cost(), started_at=None)
    found = {name: attributes for name, _, attributes in said(event)}

    assert found["vidobs.video.cost.unknown"] == {"gen_ai.provider.name": "openai"}
    assert "vidobs.video.cost" not in found
    assert "vidobs.job.queue.duration" not in found


@pytest.mark.parametrize("event", every_event(), ids=lambda event: event.name.value)
def test_every_event_is_counted_first(event):
    """Whatever else it adds, under labels that hold no id and no user."""
    first, *_ = measurements(event)

    assert (first.instrument.name, first.value) == ("vidobs.jobs", 1)
    text = str(said(event))
    for secret in (event.job.job_id, event.job.provider_job_id, "ada", "film", event.trace_id):
        assert secret not in text


def test_an_event_says_the_same_each_time():
    """It is pure: whoever delivers an event, and however often, adds the same."""
    event = an_event()
    assert measurements(event) == measurements(msgspec.structs.replace(event, at=AT))


def test_every_metric_has_one_instrument():
    """Of a kind that OpenTelemetry has, with buckets only where sizes are counted."""
    every = (*INSTRUMENTS, *COUNTED, *OBSERVED, *KEPT)

    assert sorted(one.name for one in every) == sorted(
        name for constant, name in vars(names).items() if constant.startswith("METRIC_")
    )
    assert all(not one.buckets for one in every if one.kind is not InstrumentKind.HISTOGRAM)
    assert vidobs.Instrument is type(every[0])
