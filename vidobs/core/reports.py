"""What the ledger's read model answers: spend by some key, and the state of the ledger itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from vidobs.core.events import VideoEvent
from vidobs.core.jobs import Job
from vidobs.core.money import ZERO


class SpendRow(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that share a key, and what they cost. `usd` never holds possible spend."""

    key: str | None  # None: the jobs that have none, such as jobs without a user
    jobs: int = 0
    usd: Decimal = ZERO
    possible_usd: Decimal = ZERO  # jobs that ended without a video, and nobody says if they cost
    unknown: int = 0  # jobs without a known price; in no sum
    seconds: Decimal | None = None  # of finished video, as far as known

    @property
    def priced(self) -> bool:
        """Whether `usd` says anything: the cost of at least one job is known."""
        return self.unknown < self.jobs


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """Spend in a period.

    The totals count each job once; a job with several tags is in several rows by tag.
    """

    total_usd: Decimal = ZERO
    possible_usd: Decimal = ZERO
    rows: tuple[SpendRow, ...] = ()


class LedgerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What `vidobs doctor` says of a ledger. `path` is `None` for one in memory."""

    path: str | None
    schema: int  # version of the tables
    jobs: int
    events: int
    journal_mode: str
    problem: str | None = None  # what the integrity check found; None: nothing

    @property
    def sound(self) -> bool:
        """Whether the integrity check found nothing."""
        return self.problem is None


class Children(msgspec.Struct, frozen=True):
    """The jobs that were made from a video, the oldest first."""

    jobs: tuple[Job, ...] = ()
    complete: bool = True  # False: more jobs came after it than were looked through


class DropReason(StrEnum):
    """Why an exporter never gets an event."""

    AGE = "age"  # it waited for longer than `outbox_max_days`
    BYTES = "bytes"  # more than `outbox_max_bytes` waited
    DEAD_LETTER = "dead_letter"  # it was refused, and nobody looked after it for too long


class ExporterProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How an exporter stands, and what became of its events so far, in whichever process."""

    exporter: str
    cursor: int  # the place of the last event that was delivered to it or passed over
    behind: int  # events for it that are not delivered, those asked for once more included
    asked_again: int = 0  # how many of these were asked for once more
    waiting_since: datetime | None = None  # the oldest of these; None: there is none
    delivered: int = 0  # events
    retried: int = 0  # batches that were not taken
    dropped: Mapping[str, int] = {}  # events that it never gets, by `DropReason`
    dead_letters: int = 0  # events that it refused for good
    failures: int = 0  # in a row
    retry_at: datetime | None = None  # nobody tries before
    disabled: str | None = None  # why it is switched off
    error: str | None = None  # the last one
    failed_at: datetime | None = None  # when that was
    delivered_at: datetime | None = None  # when something last arrived
    worker: str | None = None  # who delivers to it now
    complete: bool = True  # False: more events may wait, for not all were looked at


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """An event that an exporter refused for good."""

    exporter: str
    at: datetime  # when it was given up
    error: str  # what the exporter said; empty where a purge of content took it
    event_id: str
    event: VideoEvent | None  # None: it cannot be read, for the file was damaged


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What went with an exporter that was forgotten."""

    exporter: str
    waiting: int  # events that it had not had
    asked_again: int  # events that it was to get once more
    dead_letters: int


class ProcessSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A process that writes to the ledger, or did when it died."""

    host: str
    pid: int
    seen_at: datetime
    alive: bool


class LedgerSurvey(msgspec.Struct, frozen=True, kw_only=True):
    """What a ledger holds and who uses it."""

    path: str
    size_bytes: int
    wal_bytes: int  # of the write-ahead log beside it
    schema: int
    jobs: Mapping[str, int]  # by state
    events: int
    oldest: datetime | None  # creation of the oldest job
    newest: datetime | None
    spend_entries: int
    exporters: tuple[ExporterProgress, ...]
    processes: tuple[ProcessSeen, ...]


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must never be so, and is."""

    rule: str
    count: int
    examples: tuple[str, ...] = ()


class DeliveryState(StrEnum):
    """What became of one event at one exporter."""

    DELIVERED = "delivered"  # handed to it, or left out because its settings do not choose it
    PASSED = "passed"  # the same, or dropped: of some events nobody knows any more
    WAITING = "waiting"  # its turn comes, for the first time or once more
    DEAD = "dead"  # refused for good
    NOT_FOR_IT = "not_for_it"  # the exporter was not switched on when it happened


class EventDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """How one event fared at one exporter."""

    event_id: str
    exporter: str
    state: DeliveryState
    at: datetime | None = None  # when it was given up, or asked for once more
    error: str | None = None  # what the exporter said of a dead letter
