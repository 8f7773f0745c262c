"""Events in a file, one JSON object per line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from vidobs import ConfigError, ExportError, event_to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs import VideoEvent

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_MODE = 0o600  # readable for the owner only


class JsonlExporter:
    """Appends events to a file and syncs it to disk once per batch.

    The file is opened for each batch, so it may be moved away at any time. Missing folders are
    made. A file that an earlier process left in the middle of a line gets its line break first, so
    at most that one line is broken.
    """

    durable = True

    def __init__(self, name: str = "jsonl", *, path: str | Path = "vidobs-events.jsonl") -> None:
        if not str(path) or not isinstance(path, str | Path):
            raise ConfigError(
                f"exporter {name!r}: path is {path!r}; give the path of a file, "
                "such as 'vidobs-events.jsonl'"
            )
        self.name = name
        self.path = Path(path).expanduser().absolute()
        if self.path.is_dir():
            raise ConfigError(
                f"exporter {name!r}: path {str(path)!r} is a folder; add the name of a file"
            )

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Append the events; raise a retryable `ExportError` when the file cannot be written."""
        lines = b"".join(event_to_json(event) + b"\n" for event in batch)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, _FLAGS, _MODE)
            try:
                _append(file, lines)
            finally:
                os.close(file)
        except OSError as error:
            raise ExportError(
                f"cannot append to {self.path}: {error.strerror or error}", retryable=True
            ) from error

    def close(self) -> None:
        """Do nothing: no file stays open between batches."""


def _append(file: int, lines: bytes) -> None:
    rest = memoryview(lines if _ends_cleanly(file) else b"\n" + lines)
    while rest:
        rest = rest[os.write(file, rest) :]
    os.fsync(file)


def _ends_cleanly(file: int) -> bool:
    if os.lseek(file, 0, os.SEEK_END) == 0:
        return True
    os.lseek(file, -1, os.SEEK_END)
    return os.read(file, 1) == b"\n"
