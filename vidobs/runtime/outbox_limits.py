"""Keeps the outbox as small and as young as the settings want it, in small steps.

Run by the maintenance thread: once a minute, by one process of those that share the file.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from vidobs.core.errors import LedgerBusyError
from vidobs.ledger import codec, limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from datetime import datetime
    from typing import TypeAlias

    from vidobs.core.reports import DropReason
    from vidobs.ledger.limits import Cut, Line
    from vidobs.ledger.sweeper import Sweeper

    Dropped: TypeAlias = Mapping[tuple[str, DropReason], int]

EVERY_S = 60.0
PAUSE_S = 1.0  # between two steps of one round
STEP_S = 0.05  # for which a step goes on at most
CLAIM = "outbox_limits_us"  # note in the ledger: when a process began the last round
PATIENCE = 2  # what ends a job, is asked for by name or was refused, waits so many times as long


class OutboxLimits:
    """Drops events that wait for an exporter: those that are too old, and the oldest of too many.

    `tell(dropped)` is called once at the end of a round in which something was dropped, with the
    number of events by exporter and reason.
    """

    def __init__(
        self, *, max_bytes: int, max_days: float | None, tell: Callable[[Dropped], None]
    ) -> None:
        self._max_bytes = max_bytes
        self._max_days = max_days
        self._tell = tell
        self._round: Iterator[Cut] | None = None
        self._dropped: Counter[tuple[str, DropReason]] = Counter()
        self.due = 0.0

    def step(self, sweeper: Sweeper, now_s: float, now: datetime) -> None:
        """Go on for a moment; `due` says when to call again. Raises `LedgerError`."""
        self.due = now_s + PAUSE_S
        if self._round is None:
            if not sweeper.claim(CLAIM, codec.us(now), int(EVERY_S * 1e6)):
                self.due = now_s + EVERY_S
                return
            self._round = self._pieces(sweeper, now)
        try:
            over = self._go_on(self._round)
        except LedgerBusyError:
            self._round = self._pieces(sweeper, now)  # one that raised cannot be gone on with
            raise
        if over:
            self._round = None
            self.due = now_s + EVERY_S
            self._say()

    def _go_on(self, pieces: Iterator[Cut]) -> bool:
        """Do some pieces of a round; return whether it is over."""
        end = time.monotonic() + STEP_S
        for cut in pieces:
            self._dropped.update(cut.dropped)
            if time.monotonic() >= end:
                return False
        return True

    def _say(self) -> None:
        dropped, self._dropped = self._dropped, Counter()
        if dropped:
            self._tell(dropped)

    def _pieces(self, sweeper: Sweeper, now: datetime) -> Iterator[Cut]:
        if self._max_days is not None:
            yield from _too_old(sweeper, now, self._max_days)
        yield from _too_many(sweeper, self._max_bytes)


def said(dropped: Dropped) -> str:
    """Return the line of the log that says what was dropped."""
    parts: dict[str, list[str]] = {}
    for (exporter, reason), events in sorted(dropped.items()):
        parts.setdefault(exporter, []).append(f"{events} by {reason}")
    each = "; ".join(f"{exporter}: {', '.join(counts)}" for exporter, counts in parts.items())
    return (
        f"{sum(dropped.values())} events were dropped that exporters never had ({each}): they "
        "waited for too long, or too many did. See vidobs exporters, outbox_max_days and "
        "outbox_max_bytes"
    )


def _too_old(sweeper: Sweeper, now: datetime, days: float) -> Iterator[Cut]:
    young, old = (_before_us(now, days * times) for times in (1, PATIENCE))
    yield from _along(sweeper, limits.PLAIN, young)
    yield from _along(sweeper, limits.ENDS, old)
    for shelf in (limits.LETTERS, limits.REPLAYS):
        done = not sweeper.ask(partial(limits.expired, shelf=shelf, before_us=old))
        while not done:
            cut = sweeper.work(partial(limits.expire, shelf=shelf, before_us=old))
            done = cut.done
            yield cut


def _along(sweeper: Sweeper, line: Line, before_us: int) -> Iterator[Cut]:
    goal = limits.OlderThan(before_us)
    done = not sweeper.ask(partial(limits.due, line=line, goal=goal))
    while not done:
        cut = sweeper.work(partial(limits.drop, line=line, goal=goal))
        done = cut.done
        yield cut


def _too_many(sweeper: Sweeper, most: int) -> Iterator[Cut]:
    if sweeper.ask(limits.used_bytes) <= most:
        return
    surplus = (yield from _weighed(sweeper)) - most
    for line in (limits.PLAIN, limits.ENDS):
        done = False
        while surplus > 0 and not done:
            cut = sweeper.work(partial(limits.drop, line=line, goal=limits.Surplus(surplus)))
            surplus -= cut.bytes
            done = cut.done
            yield cut


def _weighed(sweeper: Sweeper) -> Generator[Cut, None, int]:
    """Return what the events that wait take, and remember before which place none does."""
    total, done = 0, False
    first: int | None = None
    after: int | None = None
    while not done or after is None:
        weight = sweeper.ask(partial(limits.weigh, after=after))
        total += weight.bytes
        first = weight.first if first is None else first
        after, done = weight.after, weight.done
        yield limits.Cut()
    sweeper.keep_note(limits.FRONT, after if first is None else first - 1)
    return total


def _before_us(now: datetime, days: float) -> int:
    return codec.us(max(now - timedelta(days=days), codec.EPOCH))
