"""The metrics: recorded as things happen, never derived from spans, which may be sampled away.

Their attributes never hold ids, users or prompts, and every one of them is bounded: behind the
first `MAX_VALUES` distinct models a value becomes `other`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import metrics as metrics_api

from vidobs.core import names
from vidobs.core.calls import Operation
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.money import CostStatus
from vidobs.telemetry import attributes
from vidobs.telemetry.providers import Current, scope_version

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter, MeterProvider

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Happening
    from vidobs.telemetry.attributes import Attributes

MAX_VALUES = 200
OTHER = "other"


class Bounded:
    """Lets the first values through and calls every later one `other`. For one thread."""

    def __init__(self, limit: int = MAX_VALUES) -> None:
        self._limit = limit
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """Return the value, or `other` when there are too many already."""
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value


class Instruments:
    """Every instrument, made once per meter provider."""

    def __init__(self, meter: Meter) -> None:
        self.call_duration = _seconds(
            meter,
            names.METRIC_CALL_DURATION,
            "Duration of one API call",
            names.CALL_DURATION_BUCKETS,
        )
        self.job_duration = _job_seconds(meter, names.METRIC_JOB_DURATION, "From submit to the end")
        self.job_queue = _job_seconds(meter, names.METRIC_JOB_QUEUE, "From submit to rendering")
        self.job_render = _job_seconds(meter, names.METRIC_JOB_RENDER, "From rendering to the end")
        self.jobs = meter.create_counter(names.METRIC_JOBS, "{job}", "Job events, by name")
        self.active = meter.create_up_down_counter(
            names.METRIC_JOBS_ACTIVE, "{job}", "Jobs accepted and not ended"
        )
        self.polls = meter.create_counter(names.METRIC_JOB_POLLS, "{poll}", "Polls of jobs")
        self.output_seconds = meter.create_counter(
            names.METRIC_OUTPUT_SECONDS, "s", "Length of the videos made"
        )
        self.download_size = meter.create_histogram(
            names.METRIC_VIDEO_BYTES, "By", "Size of the assets downloaded"
        )
        self.cost = meter.create_counter(names.METRIC_COST, "USD", "Settled cost")
        self.cost_possible = meter.create_counter(
            names.METRIC_COST_POSSIBLE,
            "USD",
            "Spend that may have happened; never part of the cost",
        )
        self.cost_unknown = meter.create_counter(
            names.METRIC_COST_UNKNOWN, "{job}", "Jobs that ended without a known cost"
        )
        self.call_errors = meter.create_counter(names.METRIC_CALL_ERRORS, "{call}", "Failed calls")
        self.guard_trips = meter.create_counter(
            names.METRIC_GUARD_TRIPS, "{trip}", "Faults of vidobs itself, kept from the caller"
        )
        self.lost = meter.create_counter(names.METRIC_LOST, "{write}", "Ledger writes given up")
        self.media_lost = meter.create_counter(
            names.METRIC_MEDIA_LOST, "{file}", "Videos or pictures that could not be kept"
        )


class Metrics:
    """Records what happened, through the meter provider that is set up now."""

    def __init__(self, provider: MeterProvider | None = None) -> None:
        self._instruments = Current(provider, metrics_api.get_meter_provider, _instruments)
        self._model = Bounded()
        self._error = Bounded()
        self._provider = Bounded()

    @property
    def active(self) -> bool:
        """Whether anybody receives them."""
        return self._instruments.get() is not None

    def call(self, seen: Happening) -> None:
        """Record one call."""
        to = self._instruments.get()
        if to is None:
            return
        labels = self._labels(seen.provider, seen.model)
        if seen.operation is Operation.RETRIEVE:
            to.polls.add(1, labels)
        labels[names.OPERATION_NAME] = attributes.OPERATION_NAME_OF[seen.operation]
        if seen.error_type is not None:
            labels[names.ERROR_TYPE] = self._error(attributes.text(seen.error_type))
            to.call_errors.add(1, {**labels, names.OPERATION: seen.operation.value})
        to.call_duration.record(max(0, seen.end_ns - seen.start_ns) / 1e9, labels)

    def event(self, event: VideoEvent) -> None:
        """Record one event of a job."""
        to = self._instruments.get()
        if to is None:
            return
        job = event.job
        labels = self._labels(job.provider, job.model)
        counted = {**labels, names.EVENT_NAME: event.name.value}
        if job.reason is not None and event.name.terminal:
            counted[names.JOB_REASON] = job.reason.value
        to.jobs.add(1, counted)
        if event.name is EventName.SUBMITTED:
            to.active.add(1, labels)
        elif event.name is EventName.DOWNLOADED:
            _download(to, job, labels)
        elif event.name.terminal:
            _ended(to, job, labels)

    def lost(self, count: int, why: str) -> None:
        """Count writes to the ledger that were given up."""
        to = self._instruments.get()
        if to is not None:
            to.lost.add(count, {names.LOST_REASON: attributes.text(why)})

    def media_lost(self, count: int, why: str) -> None:
        """Count videos or pictures that could not be kept."""
        to = self._instruments.get()
        if to is not None:
            to.media_lost.add(count, {names.LOST_REASON: attributes.text(why)})

    def guard_tripped(self, where: str) -> None:
        """Count a fault of vidobs itself."""
        to = self._instruments.get()
        if to is not None:
            to.guard_trips.add(1, {names.GUARD_WHERE: where})

    def _labels(self, provider: str, model: str | None) -> Attributes:
        labels: Attributes = {names.PROVIDER_NAME: self._provider(attributes.text(provider))}
        if model:
            labels[names.REQUEST_MODEL] = self._model(attributes.text(model))
        return labels


def _ended(to: Instruments, job: Job, labels: Attributes) -> None:
    """Record the end of a job: once, because a job has one terminal event."""
    if job.submitted_at is not None:
        to.active.add(-1, labels)
    ended = {**labels, names.JOB_STATE: job.state.value}
    _known(to.job_duration, job.total_s, ended)
    _known(to.job_queue, job.queue_s, ended)
    _known(to.job_render, job.render_s, ended)
    seconds = attributes.output_seconds(job)
    if seconds is not None and job.state is job.state.COMPLETED:
        to.output_seconds.add(float(seconds), labels)
    _cost(to, job, labels)


def _cost(to: Instruments, job: Job, labels: Attributes) -> None:
    cost = job.cost
    based = labels if cost.basis is None else {**labels, names.COST_BASIS: cost.basis.value}
    if cost.usd is None:
        to.cost_unknown.add(1, labels)
    elif cost.status is CostStatus.SETTLED:
        to.cost.add(float(cost.usd), based)
    if cost.possible_usd is not None:
        to.cost_possible.add(float(cost.possible_usd), based)


def _download(to: Instruments, job: Job, labels: Attributes) -> None:
    if job.file is not None and job.file.size_bytes is not None:
        to.download_size.record(job.file.size_bytes, labels)


def _known(histogram: Histogram, value: float | None, labels: Attributes) -> None:
    if value is not None:
        histogram.record(value, labels)


def _instruments(provider: MeterProvider) -> Instruments:
    return Instruments(provider.get_meter(names.SCOPE, scope_version(), names.SCHEMA_URL))


def _seconds(meter: Meter, name: str, description: str, buckets: tuple[float, ...]) -> Histogram:
    return meter.create_histogram(
        name, "s", description, explicit_bucket_boundaries_advisory=buckets
    )


def _job_seconds(meter: Meter, name: str, description: str) -> Histogram:
    return _seconds(meter, name, description, names.JOB_DURATION_BUCKETS)
