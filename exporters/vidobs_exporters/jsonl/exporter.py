"""The exporter: one write and one sync for each batch."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from vidobs import ExportError, event_to_json
from vidobs_exporters.jsonl.options import MAX_BYTES, compressed, number_of, path_of
from vidobs_exporters.jsonl.rotation import Rotation

try:
    import fcntl
except ImportError:  # no such locks on this system: leave the file to one process
    fcntl = None  # type: ignore[assignment]  # asked for before it is used

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vidobs import VideoEvent

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_MODE = 0o600  # readable for the owner only
_MOST_TRIES = 10  # to lock a file that others put aside at the same time


class JsonlExporter:
    """Appends events to a file and syncs it to disk once per batch.

    Before a batch that would make it larger than `max_bytes` the file is put aside; see `Rotation`.
    It is opened and locked for each batch, so it may be moved away at any time, and several
    processes may write to it. Missing folders are made. A file that an earlier process left in the
    middle of a line gets its line break first, so at most that one line is broken.
    """

    durable = True
    max_batch = 128  # each is a sync to disk

    def __init__(
        self,
        name: str = "jsonl",
        *,
        path: str | Path = "vidobs-events.jsonl",
        max_bytes: int | None = MAX_BYTES,
        keep: int | None = None,
        compress: str | None = None,
    ) -> None:
        """Open nothing yet.

        Raises:
            ConfigError: an option cannot be used.
        """
        self.name = name
        self.path = path_of(name, path)
        self._left: tuple[int, int, int] | None = None  # device, file and size, after the last line
        self._max_bytes = number_of(name, "max_bytes", max_bytes)
        self._rotation = Rotation(
            self.path,
            keep=number_of(name, "keep", keep),
            compress=compressed(name, compress),
        )

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Append the events; raise a retryable `ExportError` when the file cannot be written."""
        if not batch:
            return
        lines = b"\n".join([*map(event_to_json, batch), b""])
        try:
            self._write(lines)
        except OSError as error:
            raise ExportError(
                f"cannot append to {self.path}: {error.strerror or error}", retryable=True
            ) from error

    def close(self) -> None:
        """Do nothing: no file stays open between batches."""

    def _write(self, lines: bytes) -> None:
        with self._locked() as (file, found):
            if not self._too_large(found, lines):
                self._append(file, found, lines)
                return
            self._rotation.put_aside()
            with self._locked() as (fresh, its):
                self._append(fresh, its, lines)
                self._rotation.tidy()  # under the lock: two that compress one file would spoil it

    def _append(self, file: int, found: os.stat_result, lines: bytes) -> None:
        """Write, after a line break where somebody left the file in the middle of a line."""
        as_left = (found.st_dev, found.st_ino, found.st_size) == self._left
        whole = lines if as_left or _ends_cleanly(file, found.st_size) else b"\n" + lines
        _written(file, found.st_size, whole)
        self._left = found.st_dev, found.st_ino, found.st_size + len(whole)

    def _too_large(self, found: os.stat_result, lines: bytes) -> bool:
        return (
            self._max_bytes is not None
            and stat.S_ISREG(found.st_mode)
            and found.st_size > 0
            and found.st_size + len(lines) > self._max_bytes
        )

    @contextmanager
    def _locked(self) -> Iterator[tuple[int, os.stat_result]]:
        """Open the file, for this process alone; `BlockingIOError` when another one has it.

        Every call of the system lets other threads have the interpreter and waits to get it back,
        so there are only those that are needed.
        """
        for _ in range(_MOST_TRIES):
            file = self._opened()
            try:
                _lock(file)
                found = os.fstat(file)
                if self._is_there(found):
                    yield file, found
                    return
            finally:
                os.close(file)
        raise BlockingIOError("other processes keep putting it aside")

    def _opened(self) -> int:
        try:
            return os.open(self.path, _FLAGS, _MODE)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, _FLAGS, _MODE)

    def _is_there(self, found: os.stat_result) -> bool:
        """Whether nobody has put the file aside between opening and locking it."""
        try:
            return os.path.samestat(found, self.path.stat())
        except FileNotFoundError:
            return False


def _lock(file: int) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BlockingIOError(error.errno, "another process is writing to it") from None
    except OSError:  # a file system without locks
        return


def _written(file: int, before: int, whole: bytes) -> None:
    """Write all or, as far as can be helped, nothing, behind the bytes that are there."""
    written = 0
    try:
        while written < len(whole):
            written += os.write(file, whole[written:])
        os.fsync(file)
    except OSError:
        with suppress(OSError):
            if os.fstat(file).st_size == before + written:  # nobody else wrote, lock or no lock
                os.ftruncate(file, before)
        raise


def _ends_cleanly(file: int, size: int) -> bool:
    if size == 0:
        return True
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1) == b"\n"
