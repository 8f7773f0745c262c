"""Events on a terminal, one line each."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from vidobs import EventLine, ExportError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs import VideoEvent


class ConsoleExporter:
    """Writes one readable line per event to a stream, the process' stderr unless told otherwise.

    Coloured on a terminal, unless `NO_COLOR` is set (https://no-color.org) or the terminal is dumb.
    It shows what this very process records, so it is not durable.
    """

    durable = False

    def __init__(self, name: str = "console", *, stream: TextIO | None = None) -> None:
        self.name = name
        self._stream = stream

    def export(self, batch: Sequence[VideoEvent]) -> None:
        """Write the events in one piece; raise `ExportError` when the stream is gone."""
        stream = self._stream or sys.stderr
        if stream is None:  # a program without a console, such as under pythonw
            return
        try:
            _write(stream, batch)
        except (OSError, ValueError) as error:  # ValueError: it was closed
            raise ExportError(f"cannot write to the console: {error}", retryable=False) from error

    def close(self) -> None:
        """Do nothing: the stream is not ours."""


def _write(stream: TextIO, batch: Sequence[VideoEvent]) -> None:
    line = EventLine(colour=_coloured(stream), ascii_only=not _can_write(stream, EventLine.GLYPHS))
    text = "".join(line.of(event) + "\n" for event in batch)
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _coloured(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
