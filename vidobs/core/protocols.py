"""What siblings above the core know of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.events import SpanRecord, VideoEvent
from vidobs.core.jobs import Job, JobSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Clock(Protocol):
    """Where time comes from."""

    def time_ns(self) -> int:
        """Return nanoseconds since 1970, UTC."""
        ...


@runtime_checkable
class Exporter(Protocol):
    """Takes events out of the process. One thread calls it; it need not be thread-safe.

    `name` is its id in configuration. A *durable* exporter gets what is in the ledger's outbox, at
    least once; one that is not sees only what this process records, as it happens. `export` raises
    `ExportError` to say whether a batch may be tried again; it may block.
    """

    name: str
    durable: bool

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Deliver some events, oldest first."""
        ...

    def close(self) -> None:
        """Give back what it holds. Called once, after the last batch."""
        ...


class Recorded(msgspec.Struct, frozen=True):
    """What a write to the ledger came to: the job as stored, and the events it caused."""

    job: Job
    events: tuple[VideoEvent, ...] = ()
    settled: bool = False


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One answer on its way to the ledger: what it says of which job, and the span that saw it."""

    provider: str
    snapshot: JobSnapshot
    now_ns: int
    job_id: str | None = None  # ours, where the call knows it
    seed: int = 0  # random bits the ids of the events are made from
    span: SpanRecord | None = None  # of the call
    job_span: SpanRecord | None = None  # of the whole job, for the terminal event
    adopt: Job | None = None  # what to start from when the ledger does not know the job
    download: bool = False
    failure: str | None = None  # the call raised: type and scrubbed text


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One observed call after it ended: what metrics, log lines and callbacks are made from."""

    operation: Operation
    provider: str
    model: str | None
    start_ns: int
    end_ns: int
    error_type: str | None = None  # the call raised
    detail: str | None = None  # its type and scrubbed text
    events: tuple[VideoEvent, ...] = ()  # committed by this very process
    settled: bool = False
    late: bool = False  # events that no call of this moment caused


class OutboxRow(msgspec.Struct, frozen=True):
    """An event with its place in the outbox and the exporters it is for."""

    seq: int
    route: str
    event: VideoEvent


class Ledger(Protocol):
    """The jobs, the money and the outbox: one transaction for each write.

    Writes raise `LedgerBusyError` when the lock cannot be had in time and `LedgerUnusableError`
    when the store is broken.
    """

    def intend(self, job: Job) -> None:
        """Store the intent to create a job, before the request leaves."""
        ...

    def record(self, seen: Observed) -> Recorded | None:
        """Advance a job by an answer; `None` when the ledger neither knows it nor may adopt it."""
        ...

    def find(self, provider: str, provider_job_id: str) -> Job | None:
        """Return the job with the provider's id."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class Outbox(Protocol):
    """What the relay takes events from: a cursor and an exception table per exporter."""

    def lease(self, exporter: str, owner: str, until: datetime, now: datetime) -> int | None:
        """Claim an exporter's cursor and return it, or `None` while another process holds it."""
        ...

    def read(self, after: int, limit: int) -> Sequence[OutboxRow]:
        """Return the events behind a cursor, oldest first."""
        ...

    def delivered(self, exporter: str, owner: str, cursor: int) -> None:
        """Move the cursor forward."""
        ...

    def bury(self, exporter: str, row: OutboxRow, error: str, now: datetime) -> None:
        """Put an event that can never be delivered among the dead letters."""
        ...

    def behind(self, exporter: str) -> int:
        """Count the events the exporter has not had yet."""
        ...
