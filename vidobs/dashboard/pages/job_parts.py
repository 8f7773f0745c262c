"""The parts of a job's page that `vidobs job` does not have, made from the same records."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.events import VideoEvent, spans_of
from vidobs.core.jobs import Job, JobState
from vidobs.core.money import CostStatus
from vidobs.core.price_rows import read_price_table
from vidobs.core.reports import DeliveryState, EventDelivery
from vidobs.core.span_tree import placed
from vidobs.data import price_table
from vidobs.telemetry.fields import level_of, line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from vidobs.core.lineage import Lineage, Relatives
    from vidobs.core.price_rows import PriceRow

MOST_SHOWN = 200  # events, and spans: a job whose polls keep failing has thousands
_MOST_ANCESTORS = 10
# Characters that turn the direction of what stands behind them; in JSON they are escaped like this.
_TURNING = str.maketrans(
    {chr(code): f"\\u{code:04x}" for code in (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F))}
    | {chr(code): f"\\u{code:04x}" for code in range(0x2066, 0x206A)}
)


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An event, the log line that was written of it, and the document that exporters get."""

    id: str
    name: str
    at: datetime
    detail: str | None
    level: str
    log: Mapping[str, str | bool | int | float]
    document: VideoEvent

    @property
    def json(self) -> str:
        """The document, to be read by people."""
        return (
            msgspec.json.format(msgspec.json.encode(self.document), indent=2)
            .decode()
            .translate(_TURNING)
        )

    @property
    def line(self) -> str:
        """The log line as text."""
        fields = (f"{name}={_shown(value)}" for name, value in self.log.items())
        return " ".join(fields).translate(_TURNING)


class MoneyStep(msgspec.Struct, frozen=True):
    """A figure that held from some moment on."""

    at: datetime
    status: CostStatus
    usd: Decimal | None


class PriceObject(msgspec.Struct, frozen=True, kw_only=True):
    """A price row that a bill names, as it stands in the settings and the built-in table now."""

    row_id: str
    unit: str
    usd: Decimal | None
    source: str | None
    as_of: date | None
    status: str
    yours: bool  # it is from the settings


class TreeSpan(msgspec.Struct, frozen=True):
    """Where a span stands in the tree of the trace."""

    span_id: str
    depth: int


class Relative(msgspec.Struct, frozen=True, kw_only=True):
    """A job of the family; where the ledger does not have it, only the provider's id is known."""

    provider_job_id: str | None
    job_id: str | None = None
    operation: str | None = None
    state: JobState | None = None
    reason: str | None = None
    model: str | None = None
    picture: bool = False


class ExporterSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What one exporter did with the events of a job."""

    exporter: str
    events: tuple[EventDelivery, ...]

    def count(self, state: str) -> int:
        """Return how many events stand so."""
        return sum(one.state == state for one in self.events)

    @property
    def last(self) -> tuple[EventDelivery, ...]:
        """The last events, one by one."""
        return self.events[-MOST_SHOWN:]

    @property
    def dead(self) -> tuple[EventDelivery, ...]:
        """The last events that it refused for good."""
        return tuple(one for one in self.last if one.state is DeliveryState.DEAD)


def records(events: Sequence[VideoEvent]) -> tuple[EventRecord, ...]:
    """Return the last events of a job, as they are shown."""
    return tuple(
        EventRecord(
            id=event.id,
            name=event.name.value,
            at=event.at,
            detail=event.detail,
            level=logging.getLevelName(level_of(event.name)),
            log=line_of(event),
            document=event,
        )
        for event in events[-MOST_SHOWN:]
    )


def money(job: Job, events: Sequence[VideoEvent]) -> Iterator[MoneyStep]:
    """Yield the figures of a job in their order, each once: quoted, reserved, settled."""
    said: MoneyStep | None = None
    if job.cost.quoted_usd is not None:
        said = MoneyStep(job.created_at, CostStatus.QUOTED, job.cost.quoted_usd)
        yield said
    moments = [(event.at, event.job.cost) for event in events]
    for at, cost in [*moments, (job.finished_at or job.created_at, job.cost)]:
        if said is None or (cost.status, cost.usd) != (said.status, said.usd):
            said = MoneyStep(at, cost.status, cost.usd)
            yield said


def prices(job: Job, own: Iterable[PriceRow]) -> tuple[PriceObject, ...]:
    """Return the rows that the lines of a bill name, as far as they are still there."""
    mine = {row.row_id: row for row in own}
    rows = {**_built_in(), **mine}
    named = dict.fromkeys(line.price for line in job.cost.lines if line.price in rows)
    return tuple(_price(rows[row_id], yours=row_id in mine) for row_id in named if row_id)


def tree(events: Sequence[VideoEvent]) -> tuple[TreeSpan, ...]:
    """Return the spans of a job, parents first."""
    return tuple(TreeSpan(place.span.span_id, place.depth) for place in placed(spans_of(events)))


def ancestors(
    job: Job, lineage: Lineage, reader: Relatives, pictured: Callable[[str], bool]
) -> tuple[Relative, ...]:
    """Return what a job's video was made from, and that from what, the eldest first."""
    found: list[Relative] = []
    seen = {job.job_id}
    parent_id, parent, provider = lineage.parent_id, lineage.parent, job.provider
    while parent_id is not None and len(found) < _MOST_ANCESTORS:
        found.insert(0, relative(parent_id, parent, pictured))
        if parent is None or parent.job_id in seen:
            break
        seen.add(parent.job_id)
        parent_id = parent.parent_id
        parent = _parent(reader, provider, parent_id) if parent_id else None
    return tuple(found)


def relative(
    provider_job_id: str | None, job: Job | None, pictured: Callable[[str], bool]
) -> Relative:
    """Return a job of the family."""
    if job is None:
        return Relative(provider_job_id=provider_job_id)
    return Relative(
        provider_job_id=job.provider_job_id,
        job_id=job.job_id,
        operation=job.operation.value,
        state=job.state,
        reason=job.reason,
        model=job.model,
        picture=pictured(job.job_id),
    )


def summaries(deliveries: Iterable[EventDelivery]) -> tuple[ExporterSummary, ...]:
    """Return what each exporter did, by its name."""
    grouped: dict[str, list[EventDelivery]] = {}
    for one in deliveries:
        grouped.setdefault(one.exporter, []).append(one)
    return tuple(
        ExporterSummary(exporter=name, events=tuple(grouped[name])) for name in sorted(grouped)
    )


@cache
def _built_in() -> Mapping[str, PriceRow]:
    return {row.row_id: row for row in read_price_table(price_table()).rows}


def _price(row: PriceRow, *, yours: bool) -> PriceObject:
    return PriceObject(
        row_id=row.row_id,
        unit=row.unit.value,
        usd=row.usd,
        source=row.source,
        as_of=row.as_of,
        status=row.status.value,
        yours=yours,
    )


def _parent(reader: Relatives, provider: str, parent_id: str) -> Job | None:
    found = (one for one in reader.job(parent_id) if one.provider == provider)
    return next((one for one in found if one.provider_job_id == parent_id), None)


def _shown(value: object) -> str:
    if isinstance(value, str) and value and not set(value) & set(' "=\n\t'):
        return value
    return msgspec.json.encode(value).decode()
