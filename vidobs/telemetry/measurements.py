"""The table of instruments, and what an event adds to them.

Pure: the metrics in process and every exporter of metrics are made from it, so that a metric has
one name, one unit and one meaning wherever it arrives. Amounts and seconds are floats.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from vidobs.core import names
from vidobs.core.events import EventName, VideoEvent
from vidobs.core.jobs import JobState, Reason
from vidobs.core.money import CostBasis, CostStatus
from vidobs.telemetry import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vidobs.core.jobs import Job
    from vidobs.telemetry.attributes import Attributes


class InstrumentKind(StrEnum):
    """What kind of number an instrument takes."""

    COUNTER = "counter"  # only rises
    UP_DOWN_COUNTER = "up-down counter"  # also falls
    HISTOGRAM = "histogram"  # single values, counted by size
    GAUGE = "gauge"  # how it stands when somebody looks


class Instrument(msgspec.Struct, frozen=True):
    """One metric: its name, what it counts, and the bounds of its buckets where it has any."""

    name: str
    kind: InstrumentKind
    unit: str
    description: str
    buckets: tuple[float, ...] = ()


class Measurement(msgspec.Struct, frozen=True):
    """One value for one instrument. The attributes never hold ids, users, tags or prompts."""

    instrument: Instrument
    value: int | float
    attributes: dict[str, str | bool | int | float]


class Series(msgspec.Struct, frozen=True):
    """An instrument under one set of attributes."""

    instrument: Instrument
    attributes: dict[str, str | bool | int | float]


def _counter(name: str, unit: str, description: str) -> Instrument:
    return Instrument(name, InstrumentKind.COUNTER, unit, description)


def _job_seconds(name: str, description: str) -> Instrument:
    buckets = names.JOB_DURATION_BUCKETS
    return Instrument(name, InstrumentKind.HISTOGRAM, "s", description, buckets)


CALL_DURATION = Instrument(
    names.METRIC_CALL_DURATION,
    InstrumentKind.HISTOGRAM,
    "s",
    "Duration of one API call",
    names.CALL_DURATION_BUCKETS,
)
JOB_DURATION = _job_seconds(names.METRIC_JOB_DURATION, "From submit to the end")
JOB_QUEUE = _job_seconds(names.METRIC_JOB_QUEUE, "From submit to rendering")
JOB_RENDER = _job_seconds(names.METRIC_JOB_RENDER, "From rendering to the end")
JOBS = _counter(names.METRIC_JOBS, "{job}", "Job events, by name")
JOBS_ACTIVE = Instrument(
    names.METRIC_JOBS_ACTIVE,
    InstrumentKind.UP_DOWN_COUNTER,
    "{job}",
    "Jobs accepted and not ended",
)
POLLS = _counter(names.METRIC_JOB_POLLS, "{poll}", "Polls of jobs")
OUTPUT_SECONDS = _counter(names.METRIC_OUTPUT_SECONDS, "s", "Length of the videos made")
DOWNLOAD_SIZE = Instrument(
    names.METRIC_VIDEO_BYTES,
    InstrumentKind.HISTOGRAM,
    "By",
    "Size of the assets downloaded",
    names.VIDEO_BYTES_BUCKETS,
)
COST = _counter(names.METRIC_COST, "USD", "Settled cost")
COST_POSSIBLE = _counter(
    names.METRIC_COST_POSSIBLE, "USD", "Spend that may have happened; never part of the cost"
)
COST_QUOTED = _counter(
    names.METRIC_COST_QUOTED, "USD", "What settled jobs had been quoted before the call"
)
COST_UNKNOWN = _counter(names.METRIC_COST_UNKNOWN, "{job}", "Jobs that ended without a known cost")
CALL_ERRORS = _counter(names.METRIC_CALL_ERRORS, "{call}", "Failed calls")
GUARD_TRIPS = _counter(
    names.METRIC_GUARD_TRIPS, "{trip}", "Faults of vidobs itself, kept from the caller"
)
LOST = _counter(names.METRIC_LOST, "{write}", "Ledger writes given up")
MEDIA_LOST = _counter(
    names.METRIC_MEDIA_LOST, "{file}", "Videos or pictures that could not be kept"
)

INSTRUMENTS = (
    CALL_DURATION,
    JOB_DURATION,
    JOB_QUEUE,
    JOB_RENDER,
    JOBS,
    JOBS_ACTIVE,
    POLLS,
    OUTPUT_SECONDS,
    DOWNLOAD_SIZE,
    COST,
    COST_POSSIBLE,
    COST_QUOTED,
    COST_UNKNOWN,
    CALL_ERRORS,
    GUARD_TRIPS,
    LOST,
    MEDIA_LOST,
)


_SEEN = (
    *(EventName.SUBMITTED, EventName.COMPLETED, EventName.CANCELLED, EventName.EXPIRED),
    *(EventName.UNKNOWN, EventName.STUCK, EventName.EXPIRING, EventName.DOWNLOADED),
)
_BILLED = (CostBasis.REPORTED, CostBasis.USAGE, CostBasis.PROBED, CostBasis.REQUESTED)


def expected(labels: Attributes) -> Iterator[Series]:
    """Yield the counters that jobs of a provider and a model may come to raise."""
    for one in (POLLS, OUTPUT_SECONDS, COST_UNKNOWN):
        yield Series(one, labels)
    for name in _SEEN:
        yield Series(JOBS, {**labels, names.EVENT_NAME: name.value})
    for reason in Reason:
        failed = {names.EVENT_NAME: EventName.FAILED.value, names.JOB_REASON: reason.value}
        yield Series(JOBS, {**labels, **failed})
    yield Series(COST_POSSIBLE, {**labels, names.COST_BASIS: CostBasis.POLICY_UNKNOWN.value})
    for basis in _BILLED:
        for one in (COST, COST_QUOTED):
            yield Series(one, {**labels, names.COST_BASIS: basis.value})


def measurements(event: VideoEvent) -> tuple[Measurement, ...]:
    """Return what an event adds to the metrics: the same as in process.

    What only calls tell (their duration, their errors, the number of polls) comes with no event.
    """
    job = event.job
    labels: Attributes = {names.PROVIDER_NAME: attributes.text(job.provider)}
    if job.model:
        labels[names.REQUEST_MODEL] = attributes.text(job.model)
    return tuple(of_event(event, labels))


def only_counts(name: EventName) -> bool:
    """Whether an event adds the same to the metrics as any other of its name and its model."""
    return name is not EventName.DOWNLOADED and not name.terminal


def of_event(event: VideoEvent, labels: Attributes) -> Iterator[Measurement]:
    """Yield what an event adds, under the given names of its provider and model."""
    job = event.job
    counted = {**labels, names.EVENT_NAME: event.name.value}
    if job.reason is not None and event.name.terminal:
        counted[names.JOB_REASON] = job.reason.value
    yield Measurement(JOBS, 1, counted)
    if event.name is EventName.SUBMITTED:
        yield Measurement(JOBS_ACTIVE, 1, labels)
    elif event.name is EventName.DOWNLOADED:
        if job.file is not None and job.file.size_bytes is not None:
            yield Measurement(DOWNLOAD_SIZE, job.file.size_bytes, labels)
    elif event.name.terminal:
        yield from _ended(job, labels)


def _ended(job: Job, labels: Attributes) -> Iterator[Measurement]:
    """What the end of a job adds: once, because a job has one terminal event."""
    if job.submitted_at is not None:
        yield Measurement(JOBS_ACTIVE, -1, labels)
    ended = {**labels, names.JOB_STATE: job.state.value}
    durations = ((JOB_DURATION, job.total_s), (JOB_QUEUE, job.queue_s), (JOB_RENDER, job.render_s))
    for instrument, value in durations:
        if value is not None:
            yield Measurement(instrument, value, ended)
    seconds = attributes.output_seconds(job)
    if seconds is not None and job.state is JobState.COMPLETED:
        yield Measurement(OUTPUT_SECONDS, float(seconds), labels)
    yield from _cost(job, labels)


def _cost(job: Job, labels: Attributes) -> Iterator[Measurement]:
    cost = job.cost
    based = labels if cost.basis is None else {**labels, names.COST_BASIS: cost.basis.value}
    if cost.usd is None:
        yield Measurement(COST_UNKNOWN, 1, labels)
    elif cost.status is CostStatus.SETTLED:
        yield Measurement(COST, float(cost.usd), based)
        if cost.quoted_usd is not None:
            yield Measurement(COST_QUOTED, float(cost.quoted_usd), based)
    if cost.possible_usd is not None:
        yield Measurement(COST_POSSIBLE, float(cost.possible_usd), based)
