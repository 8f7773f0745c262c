"""The index as pages see it: every question, and the thread that keeps the answers fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from vidobs.dashboard.index.answers import EVERYTHING, SeriesBy, SpendBy, Step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from vidobs.core.jobs import Job
    from vidobs.core.reports import Spend
    from vidobs.dashboard.index.answers import (
        Alerts,
        Choices,
        Counter,
        Failure,
        Failures,
        JobFilter,
        JobPage,
        PhaseRow,
        Point,
        Progress,
        Running,
        Totals,
    )


class Index:
    """A projection of a ledger into a cache file, which every page reads.

    Thread-safe; every question blocks for some milliseconds. A ledger that is not there yet is
    empty; one that cannot be read now leaves the answers as they were, and `progress` says so.
    Nothing is ever written to the ledger.
    """

    def __init__(self, ledger: str, *, folder: Path | None = None) -> None:
        """Open the cache of the ledger at a path, in the user's folder for caches by default."""
        self._ledger = ledger
        self._folder = folder

    def start(self) -> None:
        """Start the thread that builds and follows."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """Build and follow in the caller's thread until nothing is left, instead of `start`."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop the thread and give the files back."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # -- jobs --------------------------------------------------------------------------------------

    def jobs(
        self,
        wanted: JobFilter = EVERYTHING,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> JobPage:
        """Return a page of jobs older than the place `before`, or newer than the place `after`."""
        raise NotImplementedError

    def load(self, places: Sequence[int]) -> list[Job]:
        """Return the jobs of some places from the ledger, in that order; missing ones left out."""
        raise NotImplementedError

    def running(self, limit: int = 20) -> Running:
        """Return the jobs that have not ended, without those whose create nobody knows of."""
        raise NotImplementedError

    def alerts(self, now: datetime, *, limit: int = 20) -> Alerts:
        """Return what needs care at a time."""
        raise NotImplementedError

    def choices(self, limit: int = 100) -> Choices:
        """Return what filters can be set to."""
        raise NotImplementedError

    # -- sums --------------------------------------------------------------------------------------

    def totals(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        provider: str | None = None,
        model: str | None = None,
    ) -> Totals:
        """Return what a period came to."""
        raise NotImplementedError

    def series(
        self,
        step: Step = Step.DAY,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: SeriesBy | None = None,
    ) -> tuple[Point, ...]:
        """Return a period hour by hour or day by day, the oldest first; the last 1,000 steps."""
        raise NotImplementedError

    def spend(
        self,
        by: SpendBy,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        limit: int = 100,
    ) -> Spend:
        """Return what jobs cost, the dearest first, days in order; as `vidobs spend` counts."""
        raise NotImplementedError

    def phases(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[PhaseRow, ...]:
        """Return how long the phases of completed jobs take, the most frequent model first."""
        raise NotImplementedError

    # -- failures ----------------------------------------------------------------------------------

    def failures(
        self, since: datetime | None = None, until: datetime | None = None, *, limit: int = 50
    ) -> Failures:
        """Return the most frequent failures of jobs created in a period."""
        raise NotImplementedError

    def failure(
        self,
        fingerprint: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        examples: int = 20,
    ) -> Failure | None:
        """Return one group of failures with its trend."""
        raise NotImplementedError

    # -- following ---------------------------------------------------------------------------------

    def counters(self) -> tuple[Counter, ...]:
        """Return the totals of what events add to the metrics.

        They count on when the dashboard is started anew. A new index begins with the last 20,000
        events of the outbox. What is up and down at once (`vidobs.job.active`) is no total: see
        `running`.
        """
        raise NotImplementedError

    def progress(self) -> Progress:
        """Return how far the index is."""
        raise NotImplementedError

    def version(self) -> int:
        """Return a number that rises with every change that was taken in."""
        raise NotImplementedError

    def changed_since(self, version: int, limit: int = 200) -> tuple[int, ...]:
        """Return the places of the jobs that changed after a version, the first change first.

        None at all when there are more, or the version is too old: anything may have changed.
        """
        raise NotImplementedError

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait for a later version; return the version there is then."""
        raise NotImplementedError
