"""What is kept of videos: spooled while they are read, made into pictures by maintenance.

Nothing here raises, and nothing is promised: a picture that could not be made is counted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from vidobs.core import ids
from vidobs.core.capture import Media
from vidobs.core.errors import MissingExtraError
from vidobs.core.jobs import JobSnapshot
from vidobs.core.protocols import Observed
from vidobs.ledger.backlog import BUSY_S, Deferred
from vidobs.ledger.database import MEMORY
from vidobs.media import picture
from vidobs.media.folder import PICTURE, VIDEO, MediaFolder
from vidobs.media.spool import Allowance, Loss
from vidobs.runtime.store import late

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.config import Settings
    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Clock, Happening, Recorded
    from vidobs.media.spool import Spool
    from vidobs.observer.sought import SoughtJob

TIDY_S = 600.0
DAY_NS = 86_400 * 10**9

_log = logging.getLogger("vidobs")


class _Read(NamedTuple):
    """A whole file that was read, and waits for the maintenance thread."""

    spool: Spool
    sought: SoughtJob


class MediaKeeper:
    """The media of one ledger. `spool` and `take` are for the user's threads and never wait.

    `record` writes to the ledger, `lost(count, why)` counts, `wake()` asks for `work` soon.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        getrandbits: Callable[[int], int],
        record: Callable[[Observed], Recorded | None],
        lost: Callable[[int, str], None],
        wake: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._bits = getrandbits
        self._record = record
        self._lost = lost
        self._wake = wake
        self._most_bytes = settings.media_max_bytes
        self._keeps_ns = settings.media_retention_days * DAY_NS
        self._allowance = Allowance(self._most_bytes)
        self._open: WeakSet[Spool] = WeakSet()
        self._waiting: deque[_Read] = deque()
        self._losses: Counter[Loss] = Counter()  # not told of yet
        self._errors: dict[Loss, OSError] = {}
        self._said: set[Loss] = set()
        self._lock = threading.RLock()  # losses and open spools; one may be collected amid them
        self._tidy_due = 0.0
        self._holds_bytes = 0  # what the folder held after the last tidying, and what came since
        path = settings.ledger.path
        self._folder = None if path is None or path == MEMORY else MediaFolder.beside(path)
        self._pictures = False  # whether they can be made
        self._wanted = self._possible(settings.capture.media)

    def _possible(self, wanted: Media) -> Media:
        """What can be kept of what is wanted; says what is missing."""
        if wanted is Media.NONE:
            return wanted
        if self._folder is None:
            _log.warning(
                "capture.media is %s, but the ledger is in memory: nothing is kept of videos. Give "
                "the ledger a file, or set capture.media to none",
                wanted,
            )
            return Media.NONE
        self._pictures = not picture.missing()
        if not self._pictures:
            _log.warning("%s", MissingExtraError("media", f"capture.media: {wanted}"))
        return wanted if self._pictures or wanted is Media.FULL else Media.NONE

    # -- in the user's call ------------------------------------------------------------------------

    def spool(self) -> Spool | None:
        """Begin to keep the bytes of a download; `None` where nothing is to be kept."""
        if self._wanted is Media.NONE or self._folder is None:
            return None
        try:
            spool = self._folder.spool(self._allowance, self._lose)
        except OSError as error:
            self._lose(Loss.DISK, error)
            return None
        with self._lock:
            self._open.add(spool)
        return spool

    def take(self, spool: Spool, sought: SoughtJob) -> None:
        """Take a whole file over; the maintenance thread does the rest."""
        if spool.open:
            self._waiting.append(_Read(spool, sought))
            self._wake()

    # -- on the maintenance thread -----------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Files that were read, and of which nothing was made yet."""
        return len(self._waiting)

    def work(self, now_s: float) -> tuple[list[Happening], float]:
        """Do one thing that is due; return what happened, and in how many seconds to come again."""
        done: list[Happening] = []
        rest_s = 0.0
        if self._waiting:
            read = self._waiting.popleft()
            job = read.sought.look()
            if job is not None:
                done = self._make(read.spool, job)
            elif read.sought.foreign:
                read.spool.drop()
            else:  # its create is not written yet
                self._waiting.append(read)
                rest_s = BUSY_S
        if now_s >= self._tidy_due or self._holds_bytes > self._most_bytes:
            self._tidy_due = now_s + TIDY_S
            self._tidy()
        self._tell()
        return done, rest_s if self._waiting else self._tidy_due - now_s

    def close(self) -> None:
        """Drop what nothing was made of before the process ended, and what is still being read."""
        self._wanted = Media.NONE
        while self._waiting:
            self._waiting.popleft().spool.drop()
            self._lose(Loss.UNFINISHED, None)
        with self._lock:
            unread = list(self._open)
        for spool in unread:
            spool.drop()
        self._tell()

    # -- inside ------------------------------------------------------------------------------------

    def _tidy(self) -> None:
        if self._folder is not None:
            oldest_ns = self._clock.time_ns() - self._keeps_ns
            tidied = self._folder.tidy(most_bytes=self._most_bytes, oldest_ns=oldest_ns)
            self._holds_bytes = tidied.bytes_left

    def _make(self, spool: Spool, job: Job) -> list[Happening]:
        assert self._folder is not None  # noqa: S101 - there was a spool in it
        job_id, now_ns = job.job_id, self._clock.time_ns()
        try:
            jpeg = self._picture(spool)
            if self._wanted is Media.FULL:
                spool.move(self._folder.place(job_id, VIDEO), now_ns)
                self._holds_bytes += spool.size_bytes
            if jpeg is None:
                return []
            made = self._folder.spool(self._allowance, self._lose)
            made.write(jpeg)
            if not made.open:
                return []
            made.move(self._folder.place(job_id, PICTURE), now_ns)
            self._holds_bytes += made.size_bytes
        except OSError as error:
            self._lose(Loss.DISK, error)
            return []
        finally:
            spool.drop()
        return self._tell_ledger(job, job_id + PICTURE, now_ns)

    def _picture(self, spool: Spool) -> bytes | None:
        if not self._pictures:
            return None
        try:
            jpeg = picture.poster(spool.path)
        except ImportError as error:
            _log.warning("%s (%s)", MissingExtraError("media", "a thumbnail"), error)
            self._pictures = False
            return None
        if jpeg is None:
            self._lose(Loss.UNREADABLE, None)
        return jpeg

    def _tell_ledger(self, job: Job, name: str, now_ns: int) -> list[Happening]:
        """Let the job know its picture; one that was purged meanwhile keeps none."""
        seen = Observed(
            provider=job.provider,
            snapshot=JobSnapshot(thumbnail=name),
            now_ns=now_ns,
            job_id=job.job_id,
            seed=self._bits(ids.SEED_BITS),
        )
        try:
            recorded = self._record(seen)
        except Deferred:
            return []
        if recorded is None and self._folder is not None:
            self._folder.remove([job.job_id])
        return [late(recorded, now_ns)] if recorded is not None and recorded.events else []

    def _lose(self, why: Loss, error: OSError | None) -> None:
        """Note that something is not kept; may be called in the user's call."""
        with self._lock:
            self._losses[why] += 1
            if error is not None:
                self._errors[why] = error
        self._wake()

    def _tell(self) -> None:
        with self._lock:
            losses, self._losses = self._losses, Counter()
            errors, self._errors = self._errors, {}
        for why, count in losses.items():
            self._lost(count, why.value)
            if why not in self._said:
                self._said.add(why)
                error = f" ({errors[why]})" if why in errors else ""
                _log.warning("a video or its picture is not kept: %s%s", _TEXT[why], error)


_TEXT = {
    Loss.DISK: "the media folder cannot be written",
    Loss.TOO_LARGE: "with those that are being read it is larger than media_max_bytes",
    Loss.UNREADABLE: "no picture in it could be decoded",
    Loss.UNFINISHED: "the process ended before its picture was made",
}
