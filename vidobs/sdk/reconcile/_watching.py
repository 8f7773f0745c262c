"""Reconciling again and again: running jobs at their server's pace, the rest at an interval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from vidobs.core.errors import LedgerBusyError
from vidobs.core.reconciled import Double, Orphan, Outcome, Reconciled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vidobs.core.jobs import Job
    from vidobs.core.reconciled import ReconcileReport
    from vidobs.sdk.reconcile._reconciler import Reconciler

    Said: TypeAlias = Reconciled | Orphan | Double

EVERYTHING_S = 3600.0  # between two looks at whole lists, for orphans and doubles
_LEAST_S = 0.1


class Watcher:
    """Reconciles until something raises. `tell` hears of every change, once."""

    def __init__(
        self,
        reconciler: Reconciler,
        tell: Callable[[Said], None],
        *,
        interval_s: float,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._reconciler = reconciler
        self._tell = tell
        self._interval_s = interval_s
        self._sleep = sleep
        self._said: dict[object, object] = {}
        self._running: dict[str, Job] = {}

    def run(self) -> None:
        """Go on for ever."""
        everything_at = 0.0
        while True:
            now = self._monotonic()
            try:
                if now >= everything_at:
                    everything_at = now + EVERYTHING_S
                    self._hear(self._reconciler.everything())
                else:
                    self._hear(self._reconciler.open_jobs())
                self._follow(now + self._interval_s)
            except LedgerBusyError:
                self._sleep(self._interval_s)  # a purge, or a copy: it ends

    def _hear(self, report: ReconcileReport) -> None:
        """Tell of what is new in a report, and follow what runs."""
        self._running.clear()
        self._each(report.jobs)
        for orphan in report.orphans:
            self._once(orphan, None, orphan)
        for double in report.doubles:
            self._once(double, None, double)

    def _follow(self, until: float) -> None:
        """Ask about running jobs as often as their servers want, until it is time for the rest."""
        while (left := until - self._monotonic()) > 0:
            rests = {
                job_id: self._reconciler.due_in_s(job) for job_id, job in self._running.items()
            }
            rest = min(rests.values(), default=left)
            self._sleep(max(min(rest, left), _LEAST_S))
            due = [job for job_id, job in self._running.items() if rests[job_id] <= rest]
            if rest < left:
                self._each(self._reconciler.again(due))

    def _each(self, told: Iterable[Reconciled]) -> None:
        for one in told:
            self._running.pop(one.job.job_id, None)
            if one.outcome is Outcome.RUNNING and one.job.provider_job_id is not None:
                self._running[one.job.job_id] = one.job
            self._once(one.job.job_id, (one.outcome, one.job.state, one.job.notices), one)
            if one.outcome is Outcome.SETTLED:
                del self._said[one.job.job_id]  # it is never open again

    def _once(self, key: object, value: object, told: Said) -> None:
        """Tell of something, unless the same was told before."""
        if key not in self._said or self._said[key] != value:
            self._said[key] = value
            self._tell(told)
