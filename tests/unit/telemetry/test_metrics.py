"""Metrics as a reader of the user's SDK collects them."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import msgspec
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import Cost, CostBasis, CostStatus
from vidobs.core.protocols import Happening
from vidobs.telemetry.metrics import MAX_VALUES, Metrics

WHO = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "sora-2"}


@pytest.fixture
def meter():
    """Metrics through a real SDK; `read` returns {name: {attributes: value}}."""
    reader = InMemoryMetricReader()

    def points():
        data = reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                assert (scope.scope.name, scope.scope.schema_url) == ("vidobs", names.SCHEMA_URL)
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        yield metric, point

    def read():
        found = {}
        for metric, point in points():
            value = getattr(point, "sum", None) if hasattr(point, "sum") else point.value
            found.setdefault(metric.name, []).append((dict(point.attributes), value))
        return found

    provider = MeterProvider([reader])
    return SimpleNamespace(metrics=Metrics(provider), read=read, points=points)


def event(name, job):
    """Return an event of the job."""
    return VideoEvent(id="e", name=name, at=job.created_at, job=job)


def told(name, job):
    """Return what brought an event about, of which nobody knows a call."""
    values = {"provider": "openai", "model": "sora-2", "start_ns": 0, "end_ns": 0, "late": True}
    return Happening(operation=Operation.CREATE, events=(event(name, job),), **values)


def call(operation, **changes):
    """Return a call of a quarter of a second."""
    values = {"provider": "openai", "model": "sora-2", "start_ns": 0, "end_ns": 250_000_000}
    return Happening(operation=operation, **{**values, **changes})


def test_a_call_is_timed(meter):
    """Every call is in the histogram of the conventions, in seconds, with their buckets."""
    meter.metrics.publish([call(Operation.CREATE)])
    ((metric, point),) = meter.points()
    assert (metric.name, metric.unit) == ("gen_ai.client.operation.duration", "s")
    assert dict(point.attributes) == {"gen_ai.operation.name": "generate_content", **WHO}
    assert point.explicit_bounds == names.CALL_DURATION_BUCKETS
    assert (point.count, point.sum) == (1, 0.25)


def test_a_poll_is_counted_besides(meter):
    """Only polls are polls; a call that nobody named a model for has no model."""
    meter.metrics.publish([call(Operation.RETRIEVE, model=None)])
    read = meter.read()
    assert read["vidobs.job.polls"] == [({"gen_ai.provider.name": "openai"}, 1)]
    assert read["gen_ai.client.operation.duration"] == [
        ({"gen_ai.operation.name": "fetch_response", "gen_ai.provider.name": "openai"}, 0.25)
    ]


def test_a_failed_call_has_its_error(meter):
    """The duration carries the error's type, and the error is counted by operation."""
    meter.metrics.publish([call(Operation.DOWNLOAD, error_type="ReadTimeout")])
    failed = {"gen_ai.operation.name": "download_video", "error.type": "ReadTimeout", **WHO}
    assert meter.read() == {
        "gen_ai.client.operation.duration": [(failed, 0.25)],
        "vidobs.call.errors": [({**failed, "vidobs.operation": "download"}, 1)],
    }


def test_a_finished_job_is_counted_timed_and_paid_once(meter, job):
    """Submit and end leave no job active; the settled cost is a float in USD."""
    meter.metrics.publish([told(EventName.SUBMITTED, job)])
    assert meter.read()["vidobs.job.active"] == [(WHO, 1)]
    meter.metrics.publish([told(EventName.COMPLETED, job)])
    meter.metrics.publish([told(EventName.DOWNLOADED, job)])
    ended = {**WHO, "vidobs.job.state": "completed"}
    read = meter.read()
    assert read == {
        "vidobs.jobs": [
            ({**WHO, "vidobs.event.name": "video.submitted"}, 1),
            ({**WHO, "vidobs.event.name": "video.completed"}, 1),
            ({**WHO, "vidobs.event.name": "video.downloaded"}, 1),
        ],
        "vidobs.job.active": [(WHO, 0)],
        "vidobs.job.duration": [(ended, 63.0)],
        "vidobs.job.queue.duration": [(ended, 2.0)],
        "vidobs.job.render.duration": [(ended, 60.0)],
        "vidobs.video.output_seconds": [(WHO, 8.04)],
        "vidobs.video.cost": [({**WHO, "vidobs.cost.basis": "requested"}, 0.8)],
        "vidobs.video.download.size": [(WHO, 1_000_000)],
    }
    assert type(read["vidobs.video.cost"][0][1]) is float
    units = {metric.name: metric.unit for metric, _ in meter.points()}
    assert units["vidobs.video.cost"] == "USD"
    assert units["vidobs.job.duration"] == "s"
    bounds = {m.name: p.explicit_bounds for m, p in meter.points() if hasattr(p, "explicit_bounds")}
    assert bounds["vidobs.job.duration"] == names.JOB_DURATION_BUCKETS


def test_a_failed_job_makes_no_video(meter, job):
    """The reason is on the counter, the possible spend apart, and no seconds were put out."""
    failed = msgspec.structs.replace(
        job,
        state=JobState.FAILED,
        reason=Reason.PROVIDER_ERROR,
        file=None,
        cost=Cost(CostStatus.RELEASED, CostBasis.POLICY_UNKNOWN, Decimal(0), Decimal("0.80")),
    )
    meter.metrics.publish([told(EventName.FAILED, failed)])
    read = meter.read()
    based = {**WHO, "vidobs.cost.basis": "policy_unknown"}
    counted = {**WHO, "vidobs.event.name": "video.failed", "vidobs.job.reason": "provider_error"}
    assert read["vidobs.jobs"] == [(counted, 1)]
    assert read["vidobs.video.cost.possible"] == [(based, 0.8)]
    assert read["vidobs.job.active"] == [(WHO, -1)]
    assert not {"vidobs.video.cost", "vidobs.video.cost.unknown"} & set(read)
    assert "vidobs.video.output_seconds" not in read


def test_an_unknown_price_is_counted_and_never_zero(meter, job):
    """A job that ended without a figure adds nothing to the cost and one to the unknown."""
    unpriced = msgspec.structs.replace(job, cost=Cost())
    meter.metrics.publish([told(EventName.COMPLETED, unpriced)])
    read = meter.read()
    assert read["vidobs.video.cost.unknown"] == [(WHO, 1)]
    assert "vidobs.video.cost" not in read


def test_a_job_that_was_never_accepted_was_never_active(meter, job):
    """An end without a submit takes nothing away."""
    refused = msgspec.structs.replace(
        job, state=JobState.FAILED, submitted_at=None, started_at=None
    )
    meter.metrics.publish([told(EventName.FAILED, refused)])
    read = meter.read()
    assert "vidobs.job.active" not in read
    assert "vidobs.job.queue.duration" not in read


def test_what_is_alike_is_added_up(meter, job):
    """Many calls and events at once come to the same as one after the other."""
    other = msgspec.structs.replace(job, model="veo-3")
    meter.metrics.publish(
        [
            call(Operation.CREATE, events=(event(EventName.SUBMITTED, job),)),
            call(Operation.CREATE, events=(event(EventName.SUBMITTED, other),), model="veo-3"),
            call(Operation.CREATE, events=(event(EventName.SUBMITTED, job),), end_ns=10**9),
            call(Operation.RETRIEVE),
            call(Operation.RETRIEVE),
            told(EventName.COMPLETED, job),
            told(EventName.COMPLETED, other),
        ]
    )
    read = meter.read()
    veo = {**WHO, "gen_ai.request.model": "veo-3"}
    assert read["vidobs.job.active"] == [(WHO, 1), (veo, 0)]
    assert read["vidobs.job.polls"] == [(WHO, 2)]
    assert ({**WHO, "vidobs.event.name": "video.submitted"}, 2) in read["vidobs.jobs"]
    assert ({**WHO, "gen_ai.operation.name": "generate_content"}, 1.25) in (
        read["gen_ai.client.operation.duration"]
    )


def test_no_id_no_user_no_prompt_ever(meter, job):
    """Nothing that grows with use is an attribute."""
    prompted = msgspec.structs.replace(job, prompt="a secret cat")
    for name in EventName:
        meter.metrics.publish([told(name, prompted)])
    for operation in Operation:
        meter.metrics.publish([call(operation, error_type="E")])
    attributes = [str(dict(point.attributes)) for _, point in meter.points()]
    for secret in ("job_1", "video_1", "ada", "film", "secret cat", "a" * 32, "cd" * 32):
        assert not [one for one in attributes if secret in one]


def test_models_are_bounded(meter):
    """Behind the first two hundred models a new one is called `other`; the known stay."""
    for number in [*range(MAX_VALUES + 5), 0]:
        meter.metrics.publish([call(Operation.CREATE, model=f"model-{number}")])
    points = meter.read()["gen_ai.client.operation.duration"]
    models = [attributes["gen_ai.request.model"] for attributes, _ in points]
    assert len(models) == MAX_VALUES + 1
    sums = {attributes["gen_ai.request.model"]: value for attributes, value in points}
    assert (sums["other"], sums["model-0"]) == (1.25, 0.5)


def test_faults_and_losses_are_counted(meter):
    """Where and why are the attributes."""
    meter.metrics.guard_tripped("observer.answer")
    meter.metrics.lost(3, "disk full")
    meter.metrics.media_lost(2, "media_disk")
    assert meter.read() == {
        "vidobs.guard.trips": [({"vidobs.guard.where": "observer.answer"}, 1)],
        "vidobs.ledger.lost": [({"vidobs.lost.reason": "disk full"}, 3)],
        "vidobs.media.lost": [({"vidobs.lost.reason": "media_disk"}, 2)],
    }


def test_without_a_provider_nothing_is_recorded(job):
    """The stand-ins of the API cost next to nothing and keep nothing."""
    metrics = Metrics()
    metrics.publish([call(Operation.CREATE)])
    metrics.publish([told(EventName.COMPLETED, job)])
    metrics.lost(1, "x")
    metrics.media_lost(1, "x")
    metrics.guard_tripped("x")


def test_a_clock_set_back_is_no_negative_duration(meter, job):
    """Durations are never below zero."""
    meter.metrics.publish([call(Operation.CREATE, start_ns=5, end_ns=1)])
    early = msgspec.structs.replace(job, finished_at=job.created_at - timedelta(seconds=9))
    meter.metrics.publish([told(EventName.COMPLETED, early)])
    read = meter.read()
    assert read["gen_ai.client.operation.duration"][0][1] == 0
    assert read["vidobs.job.duration"][0][1] == 0
