"""The made-up event that shows whether a receiver takes events at all."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from vidobs.cli.sample import event_name, sample_event
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.errors import ConfigError
from vidobs.core.events import EventName, SpanKind, SpanRecord, VideoEvent
from vidobs.core.jobs import AssetState, Job, JobState, TraceRef
from vidobs.core.money import Cost, CostBasis, CostStatus

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
BEGUN = NOW - timedelta(seconds=1)
NOW_NS = int(NOW.timestamp()) * 10**9


def sample(name=EventName.COMPLETED, seed=0):
    """Make one."""
    return sample_event(name, now=NOW, getrandbits=Random(seed).getrandbits)


def test_the_whole_event():
    """A job of a second that cost nothing, at nobody's expense, with its spans in a trace."""
    event = sample()

    job = event.job
    trace_id, span_id = job.trace.trace_id, job.trace.span_id
    times = {"start_ns": NOW_NS - 10**9, "end_ns": NOW_NS}
    assert event == VideoEvent(
        id=event.id,
        name=EventName.COMPLETED,
        at=NOW,
        job=Job(
            job_id=job.job_id,
            provider="vidobs",
            dialect="openai",
            provider_job_id="video_" + job.job_id.removeprefix("job_"),
            created_at=BEGUN,
            submitted_at=BEGUN,
            started_at=BEGUN,
            finished_at=NOW,
            trace=TraceRef(trace_id, span_id),
            state=JobState.COMPLETED,
            model="vidobs-test",
            request=VideoRequest(seconds=Decimal(1), size="16x16"),
            attribution=Attribution(tags={"vidobs.test": "true"}),
            asset=AssetState.AVAILABLE,
            cost=Cost(
                status=CostStatus.SETTLED,
                basis=CostBasis.REPORTED,
                usd=Decimal(0),
                quoted_usd=Decimal(0),
            ),
        ),
        spans=(
            SpanRecord(
                name="generate_content vidobs-test",
                trace_id=trace_id,
                span_id=span_id,
                status="queued",
                **times,
            ),
            SpanRecord(
                name="video_job vidobs-test",
                kind=SpanKind.INTERNAL,
                trace_id=trace_id,
                span_id=event.spans[1].span_id,
                parent_id=span_id,
                status="completed",
                **times,
            ),
        ),
    )
    assert (len(event.id), event.id[14], len(trace_id), len(span_id)) == (36, "7", 32, 16)
    assert event.id[:13].replace("-", "") == f"{NOW_NS // 10**6:012x}"


def test_no_two_are_the_same():
    """A receiver that knows ids again does not take the second for the first."""
    first, second = sample(seed=1), sample(seed=2)

    assert first.id != second.id
    assert first.job.job_id != second.job.job_id
    assert first.trace_id != second.trace_id


@pytest.mark.parametrize("name", [one for one in EventName if one.startswith("video.")])
def test_every_event_of_a_job_can_be_tried(name):
    """The job stands as such an event finds it; one that ends it has the spans."""
    event = sample(name)

    assert event.name is name
    assert event.job.state.terminal is (event.job.finished_at is not None)
    assert bool(event.spans) is name.terminal
    if name.terminal:
        assert event.job.state == name.removeprefix("video.")
    assert (event.job.error is not None) is (name is EventName.FAILED)


@pytest.mark.parametrize("name", ["video.complete", "exporter.down", "completed", ""])
def test_only_events_of_jobs_have_samples(name):
    """Any other name is refused with those that there are."""
    assert event_name("video.failed") is EventName.FAILED
    with pytest.raises(ConfigError, match=rf"^unknown event '{name}'; known: video.cancelled, "):
        event_name(name)
