"""Full files are put aside under a name with the time, compressed and at last deleted.

Whoever rotates holds the lock on the file. Every step is one rename or one deletion of what is
whole under another name, so a process that dies between two of them loses nothing; the next
rotation finishes what it left.
"""

from __future__ import annotations

import gzip
import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_GZ = ".gz"
_UNFINISHED = ".gz.unfinished"
_LEVEL = 6
_STAMP = len("20261120T140321.123456Z")
_CHUNK = 1024 * 1024


class Rotation:
    """What becomes of `events.jsonl` when it is full: `events.20261120T140321.123456Z.jsonl`."""

    def __init__(
        self,
        path: Path,
        *,
        keep: int | None,
        compress: bool,
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Do nothing yet. Of the files put aside the newest `keep` stay; `None` for all."""
        self._path = path
        self._keep = keep
        self._compress = compress
        self._time_ns = time_ns

    def put_aside(self) -> None:
        """Rename the file; what was just renamed can be read under one of the two names."""
        micros = self._time_ns() // 1000
        while self._taken(stamp := _stamp_of(micros)):
            micros += 1
        self._path.rename(self._named(stamp))

    def tidy(self) -> None:
        """Compress what is not, and delete what is too old; what fails is left for next time."""
        with suppress(OSError):
            if self._compress:
                for path in self._aside():
                    if path.suffix != _GZ:
                        _compress(path)
            stamps = sorted({self._stamp(path) for path in self._aside()})
            surplus = set(stamps[: -self._keep]) if self._keep is not None else set()
            for path in self._aside():
                if self._stamp(path) in surplus:
                    path.unlink(missing_ok=True)

    def _taken(self, stamp: str) -> bool:
        """Whether a file of that time is there: the clock was put back, or it is all too fast."""
        path = self._named(stamp)
        return path.exists() or _packed(path).exists()

    def _named(self, stamp: str) -> Path:
        return self._path.with_name(f"{self._path.stem}.{stamp}{self._path.suffix}")

    def _aside(self) -> Iterator[Path]:
        """The files put aside, in no order; a crash may have left one both ways."""
        for path in list(self._path.parent.iterdir()):
            if self._stamp(path):
                yield path

    def _stamp(self, path: Path) -> str:
        """The time in the name of a file that was put aside; empty for any other file."""
        start, end = f"{self._path.stem}.", self._path.suffix
        name = path.name.removesuffix(_GZ)
        if not (name.startswith(start) and name.endswith(end)):
            return ""
        stamp = name[len(start) : len(name) - len(end)]
        day, _, rest = stamp.partition("T")
        digits = day + rest.removesuffix("Z").replace(".", "", 1)
        return stamp if len(stamp) == _STAMP and digits.isdecimal() else ""


def _stamp_of(micros: int) -> str:
    """The time as it stands in a name, such as `20261120T140321.123456Z`."""
    seconds, rest = divmod(micros, 1_000_000)
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)) + f".{rest:06}Z"


def _compress(path: Path) -> None:
    """Replace a file by a compressed one: there is always one of them, and never half of one."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        with path.open("rb") as source, unfinished.open("wb") as target:
            with gzip.GzipFile(path.name, "wb", _LEVEL, target) as packed:
                shutil.copyfileobj(source, packed, _CHUNK)
            target.flush()
            os.fsync(target.fileno())
        shutil.copystat(path, unfinished)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(_packed(path))
    path.unlink()


def _packed(path: Path) -> Path:
    return path.with_name(path.name + _GZ)
