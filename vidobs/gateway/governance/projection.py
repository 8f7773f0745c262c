"""Budgets are a view of the ledger: follows its outbox into the gateway's file and the book."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from vidobs.gateway.governance.durations import ms
from vidobs.gateway.governance.spend_rows import Place
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from vidobs.gateway.governance.book import Book
    from vidobs.gateway.governance.facts import Document
    from vidobs.gateway.governance.feed import Feed
    from vidobs.gateway.governance.figures import Figures
    from vidobs.gateway.governance.spend_rows import SpendRows

BATCH = 384  # events of one transaction: more would hold the lock of the book for too long
_MARGIN = timedelta(days=3)  # by which a clock may have been put back before the restart
_CORRECTED_SOON = timedelta(days=3)  # after a job was made, in the ordinary course of things
_CORRECTED_LATEST = timedelta(days=400)
_DOUBT_AFTER = timedelta(minutes=1)  # a hold is looked up in the ledger
_LOST_AFTER = timedelta(minutes=15)  # one that the ledger never heard of is given up


class Projection:
    """Moves the projection along. One thread at a time."""

    def __init__(
        self, feed: Feed, rows: SpendRows, book: Book, now: Callable[[], datetime]
    ) -> None:
        self._feed = feed
        self._rows = rows
        self._book = book
        self._now = now
        self._cursor: int | None = None  # where this process left the projection
        self._ledger = ""  # which one, as this process knows it
        self._reached: Place | None = None  # by the last step of several
        self._turn = 0

    def catch_up(self) -> None:
        """Read everything there is, and what was corrected while nobody read; at the start."""
        place = self._rows.place()
        since = min(codec.moment(place.read_us), self._now()) - _MARGIN
        self._write(self._corrected(since, _CORRECTED_LATEST), self._begun(place), 0)
        while self.step():
            pass
        for job in self._known(self._feed.jobs(self._rows.open_jobs())):
            self._book.follow(job)  # however long ago it was made

    def step(self) -> bool:
        """Take in the next events, and ends that no event told; return whether there are more."""
        place = self._reached or self._begun(self._rows.place())
        self._reached = None
        mark, ended = self._book.ended()
        page = self._feed.read(place.cursor, BATCH)
        told = {job.job_id: job for job in _gateways(page.jobs)}
        held = [job for job in told.values() if self._holds(job)]
        for job in held:
            del told[job.job_id]
        untold = () if page.more else self._next_of([one for one in ended if one not in told])
        now = self._known(self._feed.jobs((*told, *untold)))
        jobs = told | {job.job_id: job for job in now}  # a purged one as it was last
        if jobs or page.last != place.cursor or place.ledger != self._ledger:
            to = self._at(place, page.last)
            self._write(list(jobs.values()), to, mark, held)
            self._reached = to if page.more else None  # nobody has to be asked where to go on
        elif self._cursor != place.cursor:
            self._reread()
        self._cursor = max(page.last, place.cursor)
        self._ledger = place.ledger
        return page.more

    def verify(self) -> None:
        """Look up what was corrected, and what has been held for a while: nothing leaks."""
        now = self._now()
        for job in self._corrected(now - _DOUBT_AFTER, _CORRECTED_SOON):
            self._book.follow(job)
        doubted = self._book.unclaimed(ms(now - _DOUBT_AFTER))
        if not doubted:
            return
        found = self._known(self._feed.jobs(doubted))
        for job in found:
            if job.final:
                self._book.follow(job)
        lost = set(self._book.unclaimed(ms(now - _LOST_AFTER))) - {job.job_id for job in found}
        for job_id in lost.intersection(doubted):
            self._book.give_back(job_id)

    def _holds(self, job: Figures) -> bool:
        """Whether a job runs and the book holds just that: only its row has to be written."""
        return not job.final and self._book.holds(job.job_id, job.nano, job.busy)

    def _known(self, jobs: Sequence[Document]) -> list[Figures]:
        """Return what jobs mean; where a purge made one nobody's, its row knows whose it was."""
        tags = self._rows.tags([job.job_id for job in jobs if job.untagged])
        return _gateways(
            job.tagged(tags[job.job_id]) if job.job_id in tags else job for job in jobs
        )

    def _corrected(self, since: datetime, age: timedelta) -> list[Figures]:
        """Return the jobs, not older than that, whose cost was corrected: no event need say so."""
        first = max(codec.EPOCH, since)
        found = self._feed.adjusted(
            codec.us(first), made_since_ms=ms(max(codec.EPOCH + age, first) - age)
        )
        return _gateways(found)

    def _next_of(self, ended: Sequence[str]) -> Sequence[str]:
        """Return some jobs, others each time: those that are not in the ledger stop nobody."""
        self._turn = self._turn + BATCH if self._turn + BATCH < len(ended) else 0
        return ended[self._turn : self._turn + BATCH]

    def _begun(self, place: Place) -> Place:
        """Return where to go on: another ledger is read from its beginning."""
        ledger = self._feed.identity()
        if ledger == place.ledger:
            return place
        return Place(0, ledger, place.read_us)

    def _at(self, place: Place, cursor: int) -> Place:
        return Place(cursor, place.ledger, codec.us(self._now()))

    def _write(
        self, jobs: list[Figures], to: Place, mark: int, held: Sequence[Figures] = ()
    ) -> None:
        with self._rows.batch([*held, *jobs], to) as batch:
            moved = self._cursor is not None and batch.before.cursor != self._cursor
            news = [(job, batch.counted.get(job.job_id, 0)) for job in jobs]
            self._book.projected(news, mark, batch.commit)
        if moved:
            self._reread()

    def _reread(self) -> None:
        """Another process moved the projection: count by what it says now."""
        _, ended = self._book.ended()
        held = self._book.unclaimed(2**63)
        self._book.reread(self._rows.ended((*ended, *held)))


def _gateways(jobs: Iterable[Document]) -> list[Figures]:
    return [figures for job in jobs if (figures := job.figures()) is not None]
