"""Reads a ledger for the index: in one moment each time, and never writing."""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vidobs.dashboard.index import documents
from vidobs.dashboard.index.facts import Entry
from vidobs.dashboard.index.statements import source_queries
from vidobs.dashboard.index.writing import Change
from vidobs.ledger import codec, damage, keys, quiet
from vidobs.ledger.database import open_reader, reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import apsw

    from vidobs.core.jobs import Job
    from vidobs.dashboard.index.writing import Kept

TOP = 2**63 - 1  # above every place
_ENTRIES_PER_JOB = 2  # that are read at once, where most have one
_MICROS = 1_000_000
_LATE = 60_000 << codec.SEQ_RANDOM_BITS  # intents that come so much later are found otherwise


class Event(msgspec.Struct, frozen=True):
    """An event of the outbox, its job still as JSON."""

    seq: int
    name: str
    at_us: int
    job: bytes


class Source:
    """A connection to the ledger that lies at a path; opened when there is one.

    Every method raises the errors of the ledger: `LedgerMissingError`, `LedgerBusyError` and
    `LedgerUnusableError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._connection: apsw.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._times_opened = 0

    def open(self) -> str:
        """Open the ledger that lies there now; return what tells it from every other one."""
        inode = _inode(self.path)
        if self._connection is not None and inode != self._inode:
            self.close()
        if self._connection is None:
            self._connection = open_reader(self.path)
            self._inode = inode
            self._times_opened += 1
        with reading(self.path):
            key = keys.fingerprint_key(self._connection)
        return blake2b(repr(inode).encode(), key=key, digest_size=16).hexdigest()

    def close(self) -> None:
        """Give the file back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Read everything inside at one and the same moment of the file.

        Other errors than the ledger's own pass through: the cache is written inside.
        """
        connection = self._opened
        with reading(self.path):
            connection.execute("BEGIN")
        try:
            yield
        finally:
            with reading(self.path):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def data_version(self) -> tuple[int, int]:
        """Return what changes when anybody writes to the file, or it was opened anew."""
        with reading(self.path):
            version = self._opened.execute("PRAGMA data_version").get
        return self._times_opened, int(str(version))

    # -- what changed ------------------------------------------------------------------------------

    def newest_event(self) -> int:
        """Return the place of the newest event."""
        return self._number("newest_event")

    def quiet_count(self) -> int:
        """Return how many changes there were that no event tells of."""
        with reading(self.path):
            return quiet.count(self._opened)

    def quiet_places(self, after: int) -> list[int] | None:
        """Return where those behind a count were; `None` when that is not known any more."""
        with reading(self.path):
            return quiet.places(self._opened, after)

    def events(self, after: int, limit: int) -> list[Event]:
        """Return the next events."""
        return [Event(*row) for row in self._rows("events", after, limit)]

    def intents(self, newest: int) -> list[int]:
        """Return the creates about or after the newest job there was, that wait for an answer."""
        return [seq for (seq,) in self._rows("intents", newest - _LATE)]

    def jobs(self) -> int:
        """Count the jobs that a provider accepted."""
        return self._number("count_accepted")

    # -- jobs --------------------------------------------------------------------------------------

    def floor(self, below: int, size: int) -> int:
        """Return the first place of the next part downwards: so many jobs, or entries, at most."""
        jobs = self._number("job_floor", below, size - 1, none=-1)
        return max(jobs, self._number("spend_floor", below, _ENTRIES_PER_JOB * size, none=-1))

    def part(self, floor: int, below: int) -> list[tuple[int, int, bytes]]:
        """Return the rows of a part: place, version, document."""
        return self._rows("jobs_in", floor, below)

    def part_spend(self, floor: int, below: int) -> dict[int, list[Entry]]:
        """Return the entries of spend of a part."""
        return _entries(self._rows("spend_in", floor, below))

    def rows(self, places: Iterable[int]) -> list[tuple[int, int, bytes]]:
        """Return the rows at some places."""
        return self._rows("jobs_at", codec.places(places))

    def spend(self, places: Iterable[int]) -> dict[int, list[Entry]]:
        """Return the entries of spend at some places."""
        return _entries(self._rows("spend_at", codec.places(places)))

    def near(self, seq: int) -> list[tuple[int, int, bytes]]:
        """Return the rows among which the job is whose id names a place."""
        return self._rows("jobs_near", seq, seq + codec.PLACES)

    def versions(self, floor: int, below: int) -> dict[int, int]:
        """Return the versions of the rows of a part."""
        return dict(self._rows("versions_in", floor, below))

    def orphans(self, floor: int, below: int) -> list[int]:
        """Return the places of a part where there is money and no job."""
        return [seq for (seq,) in self._rows("orphans_in", floor, below)]

    # ----------------------------------------------------------------------------------------------

    @property
    def _opened(self) -> apsw.Connection:
        assert self._connection is not None  # noqa: S101 - `open` comes first
        return self._connection

    def _rows(self, query: str, *bindings: str | int) -> list[Any]:
        with reading(self.path):
            return self._opened.execute(source_queries()[query], bindings).fetchall()

    def _number(self, query: str, *bindings: int, none: int = 0) -> int:
        found = self._rows(query, *bindings)
        return int(found[0][0]) if found else none


def changes_of(
    places: Iterable[int],
    rows: Sequence[tuple[int, int, bytes]],
    spend: dict[int, list[Entry]],
    before: Kept,
) -> list[Change]:
    """Return how the jobs at some places stand, from what the ledger has of them."""
    found = {
        seq: documents.read(seq, version, doc, spend.get(seq, ())) for seq, version, doc in rows
    }
    changes: list[Change] = []
    for seq in sorted(places):
        row = found.get(seq)
        left = documents.remains(before.of(seq), spend.get(seq, ())) if row is None else None
        changes.append(Change(seq, row, left))
    return changes


def load(path: str, places: Sequence[int]) -> list[Job]:
    """Return the jobs at some places, in that order; those that are gone or torn are left out."""
    connection = open_reader(path)
    try:
        with reading(path):
            rows: list[Any] = connection.execute(
                source_queries()["docs_at"], (codec.places(places),)
            ).fetchall()
    finally:
        connection.close()
    docs = dict(rows)
    found: list[Job] = []
    for seq in places:
        job = damage.job_of(docs[seq]) if seq in docs else None
        if job is not None:
            found.append(job)
    return found


def _entries(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for seq, at_us, provider, model, user, usd, possible, seconds, released in rows:
        video_us = None if seconds is None else round(seconds * _MICROS)
        entry = Entry(at_us, provider, model, user, usd, possible, video_us, bool(released))
        found.setdefault(seq, []).append(entry)
    return found


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
