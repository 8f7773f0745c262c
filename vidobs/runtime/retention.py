"""What the settings let go after some days, taken out by the maintenance thread in small steps."""

from __future__ import annotations

import math
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from vidobs.ledger import codec
from vidobs.ledger.sweeps import Content, OldJobs
from vidobs.media.folder import MediaFolder

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.ledger.sweeper import Sweeper
    from vidobs.ledger.sweeps import Sweep

EVERY_S = 3600.0
PAUSE_S = 1.0  # between two steps of one round
STEP_S = 0.05  # for which a step goes on at most
CLAIM = "retention_us"  # notes in the ledger: when a process began the last round,
CLEAN = "content_gone_before"  # and the place before which no job has content any more


class Retention:
    """At most once an hour, by one process of those that share the file.

    `days` after their creation jobs that ended go, `content_days` after it the content of all jobs
    does; `None` keeps them.
    """

    def __init__(self, path: str, *, days: float | None, content_days: float | None) -> None:
        self._days = days
        self._content_days = content_days
        self._media = MediaFolder.beside(path)
        self._left: list[tuple[Sweep, int]] = []  # with the place from which each goes on
        self._clean = 0
        self.due = 0.0 if days is not None or content_days is not None else math.inf

    def step(self, sweeper: Sweeper, now_s: float, now: datetime) -> None:
        """Go on for a moment; `due` says when to call again. Raises `LedgerError`."""
        self.due = now_s + PAUSE_S
        if not self._left:
            if not sweeper.claim(CLAIM, codec.us(now), int(EVERY_S * 1e6)):
                self.due = now_s + EVERY_S
                return
            self._begin(sweeper, now)
        end = time.monotonic() + STEP_S
        while self._left and time.monotonic() < end:
            self._one(sweeper)
        if not self._left:
            self.due = now_s + EVERY_S

    def _begin(self, sweeper: Sweeper, now: datetime) -> None:
        if self._days is not None:
            self._left.append((OldJobs(_before(now, self._days)), 0))
        if self._content_days is not None:
            self._clean = _before(now, self._content_days)
            self._left.append((Content(self._clean), sweeper.note(CLEAN)))

    def _one(self, sweeper: Sweeper) -> None:
        sweep, after = self._left[0]
        swept = sweeper.step(sweep, after)
        self._media.remove(swept.job_ids)
        if swept.missed:
            self._clean = 0  # begin again from the old place next time
        if swept.after is not None:
            self._left[0] = (sweep, swept.after)
            return
        self._left.pop(0)
        if isinstance(sweep, Content) and self._clean:
            sweeper.keep_note(CLEAN, self._clean - 1)


def _before(now: datetime, days: float) -> int:
    """Return the place before which jobs are older."""
    return codec.seq_at(max(now - timedelta(days=days), codec.EPOCH))
