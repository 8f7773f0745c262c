"""Where batches come from: the events behind the cursor, and those that were asked for again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from vidobs.core.protocols import OutboxRow
from vidobs.core.scrub import scrub_exception
from vidobs.delivery.retries import FRESH, MOST, Plan, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from vidobs.core.protocols import Outbox
    from vidobs.delivery.leases import Lease


PAGE_S = 1.0  # for which rows that were read are good: somebody may purge what is in them


class Batch(msgspec.Struct, frozen=True):
    """Rows to deliver at once. There may be none, when all that were read are for others."""

    rows: Sequence[OutboxRow]
    through: int  # the place up to which everything is settled once they are delivered
    last: bool = False  # nothing was behind them when they were read, just now


class Source(Protocol):
    """One of the two. Each has its own plan, since a batch of one says nothing of the other."""

    def take(self, most: int) -> Batch | None:
        """Return what comes next, `most` rows at the most; `None` when there is nothing."""
        ...

    def arrived(self, batch: Batch, events: int, now: datetime) -> Batch:
        """Note that the first `events` of a batch were delivered; return the rest of it."""
        ...

    def failed(self, error: BaseException, batch: Batch) -> Verdict:
        """Decide what becomes of a batch that was not taken."""
        ...

    def bury(self, batch: Batch, error: BaseException, now: datetime) -> None:
        """Put the only event of a batch among the dead letters."""
        ...


class _Page(msgspec.Struct, frozen=True):
    """What was read at once and is not delivered yet."""

    rows: Sequence[OutboxRow]  # that are for the exporter
    through: int
    good_until: float  # on the monotonic clock
    last: bool  # nothing was behind it


class Behind:
    """The events behind the cursor."""

    def __init__(self, exporter: str, outbox: Outbox, lease: Lease) -> None:
        self._exporter = exporter
        self._outbox = outbox
        self._lease = lease
        self._plan: Plan = FRESH
        self._at = 0  # where the plan began
        self._page: _Page | None = None

    def take(self, most: int) -> Batch | None:
        """Return the next rows that are for this exporter."""
        cursor = self._lease.standing.cursor
        if cursor != self._at:  # somebody else was here
            self._plan, self._at, self._page = FRESH, cursor, None
        page, most, fresh = self._page, min(most, self._plan.size), False
        if page is None or len(page.rows) < most or time.monotonic() > page.good_until:
            page, fresh = self._read(cursor), True
            self._page = page
        if page is None:
            return None
        taken = page.rows[:most]
        if len(taken) < len(page.rows):
            return Batch(taken, taken[-1].seq)
        return Batch(taken, page.through, last=fresh and page.last)

    def _read(self, cursor: int) -> _Page | None:
        rows = self._outbox.read(cursor, MOST)
        if not rows:
            return None
        mine = self._mine(rows)
        good_until = time.monotonic() + PAGE_S
        return _Page(mine, rows[-1].seq, good_until, last=len(rows) < MOST)

    def _mine(self, rows: Sequence[OutboxRow]) -> Sequence[OutboxRow]:
        """Return the rows that are for this exporter: mostly all, as all have one route."""
        routes = {row.route for row in rows}
        others = {route for route in routes if self._exporter not in route.split(",")}
        return [row for row in rows if row.route not in others] if others else rows

    def arrived(self, batch: Batch, events: int, now: datetime) -> Batch:
        """Move the cursor behind them."""
        rest = Batch(batch.rows[events:], batch.through)
        self._advance(batch.rows[events - 1].seq if rest.rows else batch.through, events, now)
        return rest

    def failed(self, error: BaseException, batch: Batch) -> Verdict:
        """Plan the next try."""
        self._page = None
        self._plan, verdict = self._plan.failed(error, _places(batch.rows))
        return verdict

    def bury(self, batch: Batch, error: BaseException, now: datetime) -> None:
        """Bury it, and move the cursor behind it."""
        row = batch.rows[0]
        self._outbox.bury(self._exporter, row, scrub_exception(error), now)
        self._plan = self._plan.blamed()
        self._advance(batch.through, 0, now)

    def _advance(self, seq: int, events: int, now: datetime) -> None:
        self._plan, self._at = self._plan.moved(seq), seq
        page, self._page = self._page, None
        if page is not None and seq < page.through:
            rest = [row for row in page.rows if row.seq > seq]
            self._page = msgspec.structs.replace(page, rows=rest)
        self._lease.advance(seq, events=events, now=now)


class Asked:
    """Events beside the cursor, which somebody asked to deliver once more."""

    def __init__(self, exporter: str, outbox: Outbox, lease: Lease) -> None:
        self._exporter = exporter
        self._outbox = outbox
        self._lease = lease
        self._plan: Plan = FRESH

    def take(self, most: int) -> Batch | None:
        """Return those that were recorded first."""
        rows = self._outbox.asked_again(self._exporter, min(most, self._plan.size))
        return Batch(rows, rows[-1].seq) if rows else None

    def arrived(self, batch: Batch, events: int, now: datetime) -> Batch:
        """Forget that they were asked for."""
        places = _places(batch.rows[:events])
        self._plan = self._plan.moved(places[-1])
        self._lease.redelivered(places, events=events, now=now)
        return Batch(batch.rows[events:], batch.through)

    def failed(self, error: BaseException, batch: Batch) -> Verdict:
        """Plan the next try."""
        self._plan, verdict = self._plan.failed(error, _places(batch.rows))
        return verdict

    def bury(self, batch: Batch, error: BaseException, now: datetime) -> None:
        """Bury it again, with the new error."""
        row = batch.rows[0]
        self._outbox.bury(self._exporter, row, scrub_exception(error), now)
        self._plan = self._plan.blamed().moved(row.seq)


def _places(rows: Iterable[OutboxRow]) -> list[int]:
    return [row.seq for row in rows]
