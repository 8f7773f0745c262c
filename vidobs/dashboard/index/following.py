"""Brings a cache up to its ledger, one small step after another.

What is known of a job always comes from its row, never from an event: events, notes of quiet
changes and new creates only say which rows to look at. So it does not matter in which order things
are seen, or whether one is seen twice.

The first time the jobs are read from the newest to the oldest; what changes meanwhile is followed
from the place that the outbox had before. Later all places and versions are compared now and then,
for what no event and no note tells of any more.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from vidobs.dashboard.index.counting import Tally, decoded
from vidobs.dashboard.index.source import TOP, changes_of
from vidobs.dashboard.index.statements import indices, queries
from vidobs.dashboard.index.writing import Left, kept, transaction, write
from vidobs.ledger import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vidobs.core.jobs import Job
    from vidobs.dashboard.index.cache import Cache
    from vidobs.dashboard.index.source import Event, Source

PART = 4000  # jobs that are read at once while the index is built,
FIRST_PART = 400  # and before there is anything to look at
EVENTS = 1000  # that are followed at once
COUNTED_FIRST = 20_000  # events that a new index counts of those before it
_DONE = -1  # no place is below

# Notes in the cache.
IDENTITY = "identity"  # of the ledger
EVENT = "event"  # the last one that was followed
BEGUN = "begun"  # the last one from before the index began,
COUNTED = "counted"  # and the last one of these that was counted for the metrics
QUIET = "quiet"  # how many quiet changes were followed
BUILT = "built"  # the jobs at and above this place were read
CHECKED = "checked"  # the same, in a later look at all of them
FINISHED = "finished"  # the indices are made
UNCLEAN = "unclean"  # what may be left of what was taken out, see `writing.Left`
VERSION = "version"
JOBS = "jobs"


class Stepped(msgspec.Struct, frozen=True):
    """What a step came to."""

    more: bool = False  # there is more to do at once
    places: tuple[int, ...] | None = ()  # of the jobs that changed; None: any of them


NOTHING = Stepped()


class StaleError(Exception):
    """The ledger is behind the cache: a copy of it was put back."""


class Follower:
    """Works on one cache for one ledger. Not thread-safe."""

    def __init__(self, cache: Cache, source: Source) -> None:
        self.cache = cache
        self._source = source
        self._tally = Tally(cache.writer)
        self._seen_version: tuple[int, int] | None = (
            None  # of the ledger's data, when nothing was left
        )
        self.jobs = self._number(JOBS)
        self.version = self._number(VERSION)

    @property
    def built(self) -> bool:
        """Whether every job was read once."""
        return self._number(BUILT, TOP) == _DONE

    @property
    def counted(self) -> bool:
        """Whether the events from before the index began are in the totals of the metrics."""
        return self._number(COUNTED) >= self._number(BEGUN)

    @property
    def behind(self) -> int:
        """How many events are left, those included that were deleted meanwhile."""
        return max(0, self._source.newest_event() - self._number(EVENT))

    def begin(self, identity: str) -> None:
        """Begin with an empty cache: note from where to follow, before the first job is read."""
        source = self._source
        with source.moment():
            newest, quiet = source.newest_event(), source.quiet_count()
        with transaction(self.cache.writer):
            self._keep(EVENT, newest)
            self._keep(BEGUN, newest)
            self._keep(COUNTED, max(0, newest - COUNTED_FIRST))
            self._keep(QUIET, quiet)
            self._keep(BUILT, TOP)
            self.cache.keep(IDENTITY, identity)

    @property
    def checking(self) -> bool:
        """Whether a look at all places and versions is under way."""
        return self._number(CHECKED, _DONE) != _DONE

    def recheck(self) -> None:
        """Ask for a look at all places and versions."""
        if not self.checking:
            with transaction(self.cache.writer):
                self._keep(CHECKED, TOP)

    def step(self) -> Stepped:
        """Do the next small piece of work, beside following what changed.

        Raises:
            LedgerError: the ledger cannot be read now.
            StaleError: it is not the ledger any more that the cache is of.
        """
        followed = self._follow()
        for piece in (self._build, self._count_first, self._finish, self._check):
            stepped = piece()
            if stepped is not NOTHING:
                return _both(followed, stepped)
        return followed

    def clean(self) -> None:
        """Let nothing be left of what was taken out, unless somebody reads just now."""
        left = self._number(UNCLEAN)
        if left == Left.NOTHING:
            return
        if left == Left.WORDS:
            with transaction(self.cache.writer):
                self.cache.writer.execute(queries()["rewrite_prompts"])
                self._keep(UNCLEAN, Left.LOG)
        if self.cache.cut_log():
            self._keep(UNCLEAN, Left.NOTHING)

    # -- pieces ------------------------------------------------------------------------------------

    def _count_first(self) -> Stepped:
        """Count events from before the index began, for the metrics alone; all in one go."""
        begun, counted = self._number(BEGUN), self._number(COUNTED)
        if counted >= begun:
            return NOTHING
        events: list[tuple[Event, Job]] = []
        with self._source.moment():
            while batch := self._source.events(counted, EVENTS):
                events += decoded(event for event in batch if event.seq <= begun)
                counted = batch[-1].seq
                if counted >= begun:
                    break
        with transaction(self.cache.writer):
            self._tally.count(events)
            self._keep(COUNTED, begun)
        return Stepped(more=True)

    def _follow(self) -> Stepped:
        """Look at the rows that something was said of."""
        source = self._source
        version = source.data_version()
        if version == self._seen_version:
            return NOTHING
        after, quiet = self._number(EVENT), self._number(QUIET)
        with source.moment():
            if source.newest_event() < after:
                raise StaleError
            events = source.events(after, EVENTS)
            count, silent = source.quiet_count(), source.quiet_places(quiet)
            told = decoded(events)
            places = self._places_of(told) | set(silent or ()) | set(self._intents())
            stepped = self._apply(
                places,
                lambda: self._keep_place(events, told, count),
                always=bool(events) or count != quiet,
            )
        if silent is None:
            self.recheck()
        full = len(events) == EVENTS
        if not full:
            self._seen_version = version
        return stepped if stepped is NOTHING else msgspec.structs.replace(stepped, more=full)

    def _build(self) -> Stepped:
        """Read the next older jobs."""
        below = self._number(BUILT, TOP)
        if below == _DONE:
            return NOTHING
        source = self._source
        with source.moment():
            floor = source.floor(below, min(PART, FIRST_PART) if below == TOP else PART)
            first = max(floor, 0)
            rows, spend = source.part(first, below), source.part_spend(first, below)
            places = {row[0] for row in rows} | spend.keys()
            before = kept(self.cache.writer, places)
            changes = changes_of(places, rows, spend, before)
        with transaction(self.cache.writer):
            written = write(self.cache.writer, changes, before)
            self._keep(BUILT, floor if floor > 0 else _DONE)
            self._written(written.jobs)
        self._count(written.jobs)
        return Stepped(more=True, places=None)

    def _finish(self) -> Stepped:
        """Make the next index, once every job is there."""
        made = self._number(FINISHED)
        statements = list(indices().values())
        if made >= len(statements):
            return NOTHING
        with transaction(self.cache.writer):
            self.cache.writer.execute(statements[made])
            self._keep(FINISHED, made + 1)
        return Stepped(more=True)

    def _check(self) -> Stepped:
        """Compare the next older places and versions with the ledger's."""
        below = self._number(CHECKED, _DONE)
        if below == _DONE:
            return NOTHING
        source = self._source
        with source.moment():
            floor = source.floor(below, PART)
            part = max(floor, 0), below
            differing = self._differing(*part) | set(source.orphans(*part))
            stepped = self._apply(
                differing, lambda: self._keep(CHECKED, floor if floor > 0 else _DONE), always=True
            )
        return msgspec.structs.replace(stepped, more=True)

    # -- parts of pieces ---------------------------------------------------------------------------

    def _apply(
        self, places: Iterable[int], also: Callable[[], None], *, always: bool = False
    ) -> Stepped:
        """Write how the jobs at some places stand, inside a moment of the ledger."""
        wanted = set(places)
        if not wanted and not always:
            return NOTHING
        source, writer = self._source, self.cache.writer
        before = kept(writer, wanted)
        changes = changes_of(wanted, source.rows(wanted), source.spend(wanted), before)
        with transaction(writer):
            written = write(writer, changes, before)
            if written.left > self._number(UNCLEAN):
                self._keep(UNCLEAN, written.left)
            if wanted:
                self._written(written.jobs)
            also()
        if wanted:
            self._count(written.jobs)
        return Stepped(more=True, places=tuple(sorted(wanted)))

    def _keep_place(self, events: list[Event], told: list[tuple[Event, Job]], quiet: int) -> None:
        self._tally.count(told)
        if events:
            self._keep(EVENT, events[-1].seq)
        self._keep(QUIET, quiet)

    def _places_of(self, told: Iterable[tuple[Event, Job]]) -> set[int]:
        """Return the places of the jobs of some events; the id nearly always names it."""
        job_ids = {job.job_id for _, job in told}
        named = {codec.seq_of(job_id): job_id for job_id in job_ids}
        found = {seq for seq, _, doc in self._source.rows(named) if named[seq].encode() in doc[:64]}
        places = set(named)
        for job_id in job_ids - {named[seq] for seq in found}:
            for seq, _, doc in self._source.near(codec.seq_of(job_id)):
                if job_id.encode() in doc[:64]:
                    places.add(seq)
        return places

    def _intents(self) -> list[int]:
        """Return the creates that nothing was said of yet."""
        newest = int(str(self.cache.writer.execute(queries()["newest_kept"]).get))
        if not newest and not self.built:
            return []
        found = self._source.intents(min(newest, codec.seq_at(datetime.now(UTC))))
        known = kept(self.cache.writer, found)
        return [seq for seq in found if seq not in known.jobs]

    def _differing(self, floor: int, below: int) -> set[int]:
        there = self._source.versions(floor, below)
        rows = self.cache.writer.execute(queries()["kept_versions"], (floor, below)).fetchall()
        here = {int(str(seq)): int(str(version)) for seq, version in rows}
        gone = self.cache.writer.execute(queries()["kept_remains"], (floor, below)).fetchall()
        differing = {seq for seq, version in there.items() if here.get(seq) != version}
        return differing | (here.keys() - there.keys()) | {int(str(seq)) for (seq,) in gone}

    def _written(self, more: int) -> None:
        """Keep a new version and the number of jobs, inside a transaction."""
        self._keep(VERSION, self.version + 1)
        self._keep(JOBS, self.jobs + more)

    def _count(self, more: int) -> None:
        """Take over what was kept, after the transaction."""
        self.version += 1
        self.jobs += more

    def _number(self, name: str, default: int = 0) -> int:
        found = self.cache.note(name)
        return default if found is None else int(found)

    def _keep(self, name: str, value: int) -> None:
        self.cache.keep(name, value)


def _both(one: Stepped, other: Stepped) -> Stepped:
    if one.places is None or other.places is None:
        return Stepped(more=one.more or other.more, places=None)
    return Stepped(more=one.more or other.more, places=one.places + other.places)
