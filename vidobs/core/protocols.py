"""What siblings above the core know of each other."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.events import SpanRecord, VideoEvent
from vidobs.core.jobs import Job, JobSnapshot, Notice
from vidobs.core.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    Three members are optional. `max_batch: int` is the most events it takes at once; without it
    that is 64. `check(event) -> str` sends one event, marked as a test, and returns in one line
    what the receiver said, or raises as `export` does; `vidobs doctor` asks for it. `otlp_urls`
    maps the signals `traces`, `logs` and `metrics` to where it sends them by OTLP, so that nothing
    is sent there twice.
    """

    name: str
    durable: bool

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Deliver some events, oldest first."""
        ...

    def close(self) -> None:
        """Give back what it holds. Called once, after the last batch."""
        ...


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """What a write to the ledger came to: the job as stored, and the events it caused."""

    job: Job
    events: tuple[VideoEvent, ...] = ()
    settled: bool = False


class Observed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
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
    notice: Notice | None = None  # there was no call: this is found by the clock
    version: int | None = None  # of the row that was looked at; a later one is left alone
    verdicts: tuple[Verdict, ...] = ()  # of guardrails, on the prompt or on the result


class Happening(msgspec.Struct, frozen=True, gc=False, kw_only=True):
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


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
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


class Standing(msgspec.Struct, frozen=True):
    """How an exporter stands, as every process that shares the outbox knows it."""

    cursor: int  # the place of the last event that was delivered to it or passed over
    failures: int = 0  # in a row
    retry_at: datetime | None = None  # nobody tries before; None: at once
    disabled: str | None = None  # why it is switched off
    failed_at: datetime | None = None  # when it last failed, by the clock that made `retry_at`


class BreakerState(StrEnum):
    """Whether events are sent to an exporter."""

    CLOSED = "closed"  # yes
    OPEN = "open"  # not now, because it failed too often in a row
    HALF_OPEN = "half_open"  # a single one, to see whether it is back
    DISABLED = "disabled"  # not before somebody enables it


class RelayListener(Protocol):
    """Is told what becomes of events on their way to exporters. Returns at once, never raises.

    It is called in the threads of the exporters, so from several at once. `exporter` is the id in
    configuration. Whether an exporter is down is told by the one process that found out: it writes
    a line `exporter.down` (a warning) or `exporter.recovered`. The state of the breaker is told by
    every process that learns of it.
    """

    def delivered(self, exporter: str, *, events: int, seconds: float) -> None:
        """An exporter took a batch; so long took the export."""
        ...

    def failed(self, exporter: str, *, error_type: str, seconds: float) -> None:
        """It did not take a batch, or not all of it; the name of what it raised."""
        ...

    def buried(self, exporter: str, *, events: int) -> None:
        """Events became dead letters."""
        ...

    def dropped(self, exporter: str, *, events: int) -> None:
        """An exporter that is not durable never gets these: it is too slow, or refused them."""
        ...

    def breaker(self, exporter: str, state: BreakerState) -> None:
        """The breaker of an exporter has another state now, as far as this process knows."""
        ...

    def down(self, exporter: str, *, failures: int, error: str, retry_at: datetime | None) -> None:
        """An exporter failed too often in a row, or is gone (`retry_at` is `None`)."""
        ...

    def recovered(self, exporter: str) -> None:
        """An exporter that was down takes events again."""
        ...


class Outbox(Protocol):
    """What the relay takes events from: a cursor and an exception table per exporter.

    Every method that changes something for an `owner` does nothing once that owner has lost the
    lease. All raise `LedgerError` as the ledger does.
    """

    def lease(self, exporter: str, owner: str, until: datetime, now: datetime) -> Standing | None:
        """Claim an exporter, or return `None` while another living process holds it.

        The lease of a process that is gone is free at once where that can be known: on its own
        host. Claiming again prolongs the lease.
        """
        ...

    def release(self, exporter: str, owner: str) -> None:
        """Give a lease back."""
        ...

    def read(self, after: int, limit: int) -> Sequence[OutboxRow]:
        """Return the events behind a cursor, oldest first."""
        ...

    def asked_again(self, exporter: str, limit: int) -> Sequence[OutboxRow]:
        """Return events that somebody asked to deliver once more, oldest first."""
        ...

    def delivered(
        self, exporter: str, owner: str, cursor: int, *, events: int, now: datetime
    ) -> None:
        """Move the cursor forward; count `events` as delivered and, if any, forget the failures."""
        ...

    def redelivered(
        self, exporter: str, owner: str, places: Sequence[int], *, events: int, now: datetime
    ) -> None:
        """Take events out of those that were asked for again, and count `events` as delivered."""
        ...

    def failed(
        self,
        exporter: str,
        owner: str,
        error: str,
        *,
        failures: int,
        retry_at: datetime,
        now: datetime,
    ) -> None:
        """Remember a failure, for whoever tries next: so many in a row, and not before then."""
        ...

    def disable(self, exporter: str, owner: str, reason: str, now: datetime) -> None:
        """Switch an exporter off for every process, because its receiver is gone for good."""
        ...

    def bury(self, exporter: str, row: OutboxRow, error: str, now: datetime) -> None:
        """Put an event that cannot be delivered among the dead letters."""
        ...

    def behind(self, exporter: str) -> int:
        """Count the events the exporter has not had yet, those asked for again included."""
        ...
