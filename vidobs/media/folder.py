"""The folder beside a ledger: one picture and, where wanted, one file for each job, by its id.

Several processes may share it: whoever finds something too old or too much removes it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vidobs.media.spool import PREFIX, Spool, unused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from vidobs.media.spool import Allowance, Loss

SUFFIX = ".media"  # behind the name of the ledger's file
PICTURE = ".jpg"
VIDEO = ".mp4"

_ID = re.compile(r"job_[0-9a-f]{32}")


class Tidied(NamedTuple):
    """What tidying came to."""

    files_gone: int
    bytes_left: int


class _Kept(NamedTuple):
    """A file of ours, in the order in which files go: the oldest first, a picture last."""

    at_ns: int
    is_picture: bool
    path: Path
    size_bytes: int


class MediaFolder:
    """The folder of one ledger; made, with mode 0700, when the first file is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def beside(cls, ledger: str) -> MediaFolder:
        """Return the folder of the ledger with this path."""
        return cls(Path(ledger + SUFFIX))

    def spool(self, allowance: Allowance, lost: Callable[[Loss, OSError | None], None]) -> Spool:
        """Begin a file; raises `OSError`."""
        try:
            return Spool(self.path, allowance, lost)
        except FileNotFoundError:
            self.path.mkdir(mode=0o700, exist_ok=True)
            return Spool(self.path, allowance, lost)

    def place(self, job_id: str, suffix: str) -> Path:
        """Return where a job's file is, or would be; `ValueError` for what is no job id."""
        if _ID.fullmatch(job_id) is None:
            raise ValueError(f"{job_id!r} is no job id")
        return self.path / f"{job_id}{suffix}"

    def kept(self, job_id: str) -> list[Path]:
        """Return what there is of a job: its picture, its file, both or nothing."""
        if _ID.fullmatch(job_id) is None:
            return []
        places = (self.place(job_id, suffix) for suffix in (PICTURE, VIDEO))
        return [path for path in places if path.is_file()]

    def remove(self, job_ids: Iterable[str]) -> int:
        """Remove everything of some jobs; return how many files there were."""
        named = [job_id for job_id in job_ids if _ID.fullmatch(job_id)]
        places = [self.place(job_id, suffix) for job_id in named for suffix in (PICTURE, VIDEO)]
        return sum(map(_removed, places))

    def tidy(self, *, most_bytes: int, oldest_ns: int) -> Tidied:
        """Remove what is too old, then the oldest of what is too much.

        What a process that died left half-written goes too. Files that are not ours stay.
        """
        kept, gone = [], 0
        for one in sorted(self._files()):
            if one.at_ns < oldest_ns:
                gone += _removed(one.path)
            else:
                kept.append(one)
        size_bytes = sum(one.size_bytes for one in kept)
        for one in kept:
            if size_bytes <= most_bytes:
                break
            gone += _removed(one.path)
            size_bytes -= one.size_bytes
        return Tidied(gone, size_bytes)

    def _files(self) -> Iterator[_Kept]:
        """Yield what is kept; on the way half-written files of dead processes are removed."""
        for path in self._listed():
            if path.name.startswith(PREFIX):
                if unused(path):
                    _removed(path)
                continue
            if path.suffix not in (PICTURE, VIDEO) or _ID.fullmatch(path.stem) is None:
                continue
            with contextlib.suppress(OSError):
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    is_picture = path.suffix == PICTURE
                    yield _Kept(found.st_mtime_ns, is_picture, path, found.st_size)

    def _listed(self) -> list[Path]:
        try:
            return [self.path / name for name in os.listdir(self.path)]  # noqa: PTH208 - names do
        except OSError:
            return []


def _removed(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
