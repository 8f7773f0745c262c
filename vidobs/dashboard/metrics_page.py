"""`/metrics`: what the ledger tells of the metrics, for Prometheus.

Counters are those of the index, which follows the outbox: they go on where they were when the
dashboard is started anew. What is down or waits is read from the ledger for each scrape. Labels are
bounded: models are, in the index, and exporters and states are few.
"""

from __future__ import annotations

from collections import Counter as Count
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vidobs.core import names
from vidobs.core.errors import LedgerError
from vidobs.core.events import EventName
from vidobs.core.jobs import JobState
from vidobs.core.reports import DropReason
from vidobs.core.scrub import scrub
from vidobs.runtime.exporter_objects import standings_soon
from vidobs.telemetry import attributes, deliveries, kept, measurements
from vidobs.telemetry.exposition import HistogramSample, Sample
from vidobs.telemetry.measurements import InstrumentKind
from vidobs.telemetry.metrics import Bounded
from vidobs.telemetry.prometheus import Written, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import TypeAlias

    from starlette.requests import Request

    from vidobs.dashboard.desk import Desk
    from vidobs.dashboard.index.counting import Counter
    from vidobs.runtime.exporter_objects import ExporterObject
    from vidobs.telemetry.measurements import Instrument

    AnySample: TypeAlias = Sample | HistogramSample

PATH = "/metrics"
_MOST_RUNNING = 1000  # jobs that are told apart by model


def routes(desk: Desk) -> list[Route]:
    """Return the route of the metrics."""

    async def answer(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        try:
            made = await run_in_threadpool(_written, desk, accept)
        except LedgerError as error:
            return PlainTextResponse(scrub(str(error)) + "\n", status_code=503)
        return Response(made.body, headers={"content-type": made.content_type, "vary": "accept"})

    return [Route(PATH, answer, methods=["GET"])]


def samples(desk: Desk) -> Iterator[AnySample]:
    """Yield everything that a scrape says.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    yield from _counters(desk.index.counters())
    for state, jobs in sorted(desk.index.totals().states.items()):
        yield Sample(kept.JOBS_KEPT, {names.JOB_STATE: state.value}, jobs)
    yield from _running(desk)
    yield from _alerts(desk)
    for one in standings_soon(desk.ledger, desk.settings, desk.now()):
        yield from _exporter(one)


def _written(desk: Desk, accept: str) -> Written:
    return written(samples(desk), accept=accept)


def _counters(found: tuple[Counter, ...]) -> Iterator[AnySample]:
    """Yield what was counted, and at zero what may be counted next.

    A counter that comes into sight at one has not risen, for Prometheus.
    """
    for one in found:
        if one.instrument.kind is InstrumentKind.HISTOGRAM:
            yield HistogramSample(one.instrument, one.attributes, one.counts, one.value)
        else:
            yield Sample(one.instrument, one.attributes, one.value)
    seen = {_key(one.instrument, one.attributes) for one in found}
    for labels in sorted({_whose(one) for one in found}, key=sorted):
        for series in measurements.expected(dict(labels)):
            polls = series.instrument is measurements.POLLS  # of which no event tells
            if not polls and _key(series.instrument, series.attributes) not in seen:
                yield Sample(series.instrument, series.attributes, 0)


def _key(instrument: Instrument, labels: Mapping[str, object]) -> object:
    return instrument.name, frozenset(labels.items())


def _whose(one: Counter) -> frozenset[tuple[str, str]]:
    """Return the provider and the model that something was counted for."""
    whose = (names.PROVIDER_NAME, names.REQUEST_MODEL)
    return frozenset((name, one.attributes[name]) for name in whose if name in one.attributes)


def _running(desk: Desk) -> Iterator[AnySample]:
    model, counts = Bounded(), Count[tuple[str, str | None]]()
    found = desk.index.running(_MOST_RUNNING).rows
    under_way = [row for row in found if row.state in (JobState.QUEUED, JobState.IN_PROGRESS)]
    for row in under_way:
        named = None if row.model is None else model(attributes.text(row.model))
        counts[attributes.text(row.provider), named] += 1
    if under_way and len(found) < _MOST_RUNNING:  # else there are older ones
        age = desk.now() - min(row.created_at for row in under_way)
        yield Sample(kept.OLDEST, {}, max(0.0, age.total_seconds()))
    for (provider, named), jobs in counts.items():
        labels = {names.PROVIDER_NAME: provider}
        asked = {} if named is None else {names.REQUEST_MODEL: named}
        yield Sample(measurements.JOBS_ACTIVE, labels | asked, jobs)


def _alerts(desk: Desk) -> Iterator[AnySample]:
    found = desk.index.alerts(desk.now(), limit=1)
    for name, alert in (
        (EventName.STUCK, found.stuck),
        (EventName.EXPIRING, found.expiring),
        (EventName.UNKNOWN, found.unknown),
    ):
        yield Sample(kept.ALERTS, {names.EVENT_NAME: name.value}, alert.jobs)


_FIGURES: Iterable[tuple[Instrument, Callable[[ExporterObject], float | None]]] = (
    (deliveries.DELIVERED, lambda one: one.delivered),
    (deliveries.RETRIED, lambda one: one.retried),
    (deliveries.QUEUE, lambda one: one.waiting),
    (deliveries.LAG, lambda one: one.lag_s),
    (deliveries.BREAKER, lambda one: deliveries.LEVEL_OF[one.state]),
    (kept.LETTERS, lambda one: one.dead_letters),
)


def _exporter(one: ExporterObject) -> Iterator[AnySample]:
    labels = {names.EXPORTER_ID: one.exporter}
    for instrument, figure in _FIGURES:
        value = figure(one)
        if value is not None:
            yield Sample(instrument, labels, value)
    for reason in DropReason:
        events = one.dropped.get(reason, 0)
        yield Sample(deliveries.DROPPED, {**labels, names.EXPORTER_REASON: reason.value}, events)
