"""The bytes of one download on their way into a file, while somebody else reads them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
import weakref
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = ".spool-"


class Loss(StrEnum):
    """Why nothing is kept of a video; on metrics."""

    DISK = "media_disk"  # the folder could not be made, or not be written
    TOO_LARGE = "media_too_large"  # it, or all that was read at once, is over `media_max_bytes`
    UNREADABLE = "media_unreadable"  # there is no picture in the file that could be decoded
    UNFINISHED = "media_unfinished"  # the process ended first


class Allowance:
    """How many bytes all spools of a process may hold together. Thread-safe."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._taken = 0
        self._lock = threading.RLock()  # a spool may be collected amid everything

    def take(self, size_bytes: int) -> bool:
        """Take some of what is left; `False` when there is too little."""
        with self._lock:
            if self._taken + size_bytes > self.most_bytes:
                return False
            self._taken += size_bytes
            return True

    def give(self, size_bytes: int) -> None:
        """Give back what was taken."""
        with self._lock:
            self._taken -= size_bytes


class _Open:
    """What a spool holds: a file, its name and a part of the allowance."""

    def __init__(self, folder: Path, allowance: Allowance) -> None:
        fd, self.name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
        self.file = os.fdopen(fd, "wb", buffering=0)
        self.process = os.getpid()
        self.allowance = allowance
        self.size_bytes = 0

    def let_go(self) -> None:
        """Give it all back; in a forked child only the descriptor: the file is its parent's."""
        with contextlib.suppress(OSError):
            if os.getpid() == self.process:
                Path(self.name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.file.close()
        self.allowance.give(self.size_bytes)


class Spool:
    """A temporary file (mode 0600) that is gone in the end, whatever happens, unless it is kept.

    Its lock tells other processes that somebody still needs it. Nothing raises but the making of
    it: what goes wrong later is told to `lost`, once, and the file is dropped.
    """

    def __init__(
        self, folder: Path, allowance: Allowance, lost: Callable[[Loss, OSError | None], None]
    ) -> None:
        """Make the file; raises `OSError`."""
        self._lost = lost
        self._open = _Open(folder, allowance)
        self._end = weakref.finalize(self, self._open.let_go)
        self._end.atexit = False  # pictures are still made then; who owns the spools drops the rest
        self.path = Path(self._open.name)
        try:
            fcntl.flock(self._open.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.drop()
            raise

    @property
    def open(self) -> bool:
        """Whether everything that was written is there."""
        return self._end.alive

    @property
    def size_bytes(self) -> int:
        """How much was written."""
        return self._open.size_bytes

    def expect(self, size_bytes: int | None) -> None:
        """Hear how many bytes will come, and give up at once when they are too many."""
        if size_bytes is not None and size_bytes > self._open.allowance.most_bytes:
            self._give_up(Loss.TOO_LARGE)

    def write(self, chunk: bytes) -> None:
        """Take a chunk."""
        held = self._open
        if not self._end.alive:
            return
        if not held.allowance.take(len(chunk)):
            self._give_up(Loss.TOO_LARGE)
            return
        held.size_bytes += len(chunk)
        left = memoryview(chunk)
        try:
            while left:
                left = left[held.file.write(left) :]
        except OSError as error:
            self._give_up(Loss.DISK, error)
        except ValueError:  # the interpreter is ending, and has closed it
            self.drop()

    def move(self, path: Path, at_ns: int) -> None:
        """Keep the file under another name, as of a time; raises `OSError`."""
        os.utime(self.path, ns=(at_ns, at_ns))
        self.path.replace(path)
        self.drop()

    def drop(self) -> None:
        """Remove the file, if it is still here."""
        if self._end.detach() is not None:  # not called: while Python exits that would do nothing
            self._open.let_go()

    def _give_up(self, why: Loss, error: OSError | None = None) -> None:
        if self._end.alive:
            self.drop()
            self._lost(why, error)


def unused(path: Path) -> bool:
    """Tell whether nobody needs a spool any more: the process that made it is gone."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
