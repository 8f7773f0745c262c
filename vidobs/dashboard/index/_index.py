"""The index as pages see it: every question, and the thread that keeps the answers fresh."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import apsw

from vidobs.core.errors import LedgerBusyError, LedgerMissingError
from vidobs.dashboard.index import care, counting, failing, lists, source, sums
from vidobs.dashboard.index.answers import EVERYTHING, SeriesBy, SpendBy, Step
from vidobs.dashboard.index.failing import Period
from vidobs.dashboard.index.keeper import BROKEN, NO_ROOM, Keeper
from vidobs.dashboard.index.periods import Grain, spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from vidobs.core.jobs import Job
    from vidobs.core.reports import Spend
    from vidobs.dashboard.index.answers import (
        Alerts,
        Choices,
        Failure,
        Failures,
        JobFilter,
        JobPage,
        Outcome,
        PhaseRow,
        Point,
        Progress,
        Running,
        Totals,
    )
    from vidobs.dashboard.index.counting import Counter


def _now() -> datetime:
    return datetime.now(UTC)


class Index:
    """A projection of a ledger into a cache file, which every page reads.

    Thread-safe; every question blocks for some milliseconds. A ledger that is not there yet is
    empty; one that cannot be read now leaves the answers as they were, and `progress` says so.
    Nothing is ever written to the ledger.
    """

    def __init__(
        self, ledger: str, *, folder: Path | None = None, clock: Callable[[], datetime] = _now
    ) -> None:
        """Open the cache of the ledger at a path, in the user's folder for caches by default."""
        self._ledger = ledger
        self._clock = clock
        self._keeper = Keeper(ledger, folder)

    def start(self) -> None:
        """Start the thread that builds and follows."""
        self._keeper.start()

    def catch_up(self) -> None:
        """Build and follow in the caller's thread until nothing is left, instead of `start`."""
        self._keeper.catch_up()

    def step(self) -> bool:
        """Do one small step of that; return whether there is more to do at once."""
        return self._keeper.step()

    def close(self) -> None:
        """Stop the thread and give the files back."""
        self._keeper.close()

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
        with self._asking() as connection:
            return lists.page(
                connection, wanted, now=self._clock(), before=before, after=after, limit=limit
            )

    def load(self, places: Sequence[int]) -> list[Job]:
        """Return the jobs of some places from the ledger, in that order; missing ones left out.

        Raises:
            LedgerError: it cannot be read now.
        """
        try:
            return source.load(self._ledger, places)
        except LedgerMissingError:
            return []

    def running(self, limit: int = 20) -> Running:
        """Return the jobs that have not ended, without those whose create nobody knows of."""
        with self._asking() as connection:
            return care.running(connection, limit)

    def alerts(self, now: datetime, *, limit: int = 20) -> Alerts:
        """Return what needs care at a time."""
        with self._asking() as connection:
            return care.alerts(connection, now, limit)

    def choices(self, limit: int = 100) -> Choices:
        """Return what filters can be set to."""
        with self._asking() as connection:
            return care.choices(connection, limit)

    # -- sums --------------------------------------------------------------------------------------

    def totals(
        self,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        provider: str | None = None,
        model: str | None = None,
        outcome: Outcome | None = None,
    ) -> Totals:
        """Return what a period came to."""
        with self._asking() as connection:
            return sums.totals(connection, spans(since, until), provider, model, outcome)

    def series(
        self,
        step: Step = Step.DAY,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: SeriesBy | None = None,
    ) -> tuple[Point, ...]:
        """Return a period hour by hour or day by day, the oldest first; the last 1,000 steps."""
        with self._asking() as connection:
            return sums.series(connection, step, since, until, by)

    def shares(
        self,
        by: SpendBy,
        keys: Sequence[str | None],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Point, ...]:
        """Return day by day what some users or tags cost, the oldest first; see `SpendBy`."""
        with self._asking() as connection:
            return sums.shares(connection, by, keys, since, until)

    def spend(
        self,
        by: SpendBy,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        limit: int = 100,
    ) -> Spend:
        """Return what jobs cost, the dearest first, days in order; as `vidobs spend` counts."""
        with self._asking() as connection:
            return sums.spend(connection, by, since, until, limit)

    def phases(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[PhaseRow, ...]:
        """Return how long the phases of completed jobs take, the most frequent model first."""
        with self._asking() as connection:
            return sums.phases(connection, spans(since, until, Grain.DAY))

    # -- failures ----------------------------------------------------------------------------------

    def failures(
        self, since: datetime | None = None, until: datetime | None = None, *, limit: int = 50
    ) -> Failures:
        """Return the most frequent failures of jobs created in a period."""
        with self._asking() as connection:
            return failing.failures(connection, Period(since, until, self._clock()), limit)

    def failure(
        self,
        fingerprint: str,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        examples: int = 20,
    ) -> Failure | None:
        """Return one group of failures with its trend."""
        period = Period(since, until, self._clock())
        with self._asking() as connection:
            return failing.failure(connection, period, fingerprint, examples)

    # -- following ---------------------------------------------------------------------------------

    def counters(self) -> tuple[Counter, ...]:
        """Return the totals of what events add to the metrics.

        They count on when the dashboard is started anew. A new index begins with the last 20,000
        events of the outbox. What is up and down at once (`vidobs.job.active`) is no total: see
        `running`.
        """
        if not self._keeper.counted:
            return ()  # a scrape must not see them rise to what was long ago
        with self._asking() as connection:
            return counting.counters(connection)

    def progress(self) -> Progress:
        """Return how far the index is."""
        return self._keeper.progress

    def version(self) -> int:
        """Return a number that rises with every change that was taken in."""
        return self._keeper.changes.version

    def changed_since(self, version: int, limit: int = 200) -> tuple[int, ...]:
        """Return the places of the jobs that changed after a version, the first change first.

        None at all when there are more, or the version is too old: anything may have changed.
        """
        return self._keeper.changes.since(version, limit)

    def wait(self, version: int, timeout_s: float) -> int:
        """Wait for a later version; return the version there is then."""
        return self._keeper.changes.wait(version, timeout_s)

    def recheck(self) -> None:
        """Have everything compared with the ledger, as is done every few hours."""
        self._keeper.recheck()

    @contextmanager
    def _asking(self) -> Iterator[apsw.Connection]:
        """Lend a connection to the cache as it is now."""
        try:
            with self._keeper.cache.reading() as connection:
                yield connection
        except (*BROKEN, *NO_ROOM, apsw.BusyError) as error:
            if isinstance(error, BROKEN):
                self._keeper.broke()
            raise LedgerBusyError(
                f"the dashboard's cache cannot be read now ({type(error).__name__}: {error}); it "
                "is made anew where it broke; try again"
            ) from error
