"""Events on a terminal, one line each."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from vidobs import CostStatus, EventName, ExportError, format_usd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs import Job, VideoEvent

_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_GREEN = "\x1b[32m"
_RED = "\x1b[31m"
_YELLOW = "\x1b[33m"
_BLUE = "\x1b[34m"
_CYAN = "\x1b[36m"

_LOOKS = {  # event: glyph, the same in ASCII, colour
    EventName.SUBMITTED: ("○", "o", _BLUE),
    EventName.STARTED: ("▶", ">", _CYAN),
    EventName.PROGRESS: ("·", ".", _CYAN),
    EventName.COMPLETED: ("✓", "+", _GREEN),
    EventName.FAILED: ("✗", "x", _RED),
    EventName.CANCELLED: ("■", "-", _YELLOW),
    EventName.EXPIRED: ("■", "-", _YELLOW),
    EventName.UNKNOWN: ("?", "?", _YELLOW),
    EventName.DOWNLOADED: ("↓", "v", _GREEN),
    EventName.EXPIRING: ("!", "!", _YELLOW),
    EventName.STUCK: ("!", "!", _YELLOW),
    EventName.CALL_FAILED: ("✗", "x", _RED),
    EventName.BUDGET_EXCEEDED: ("✗", "x", _RED),
    EventName.BUDGET_WARNING: ("!", "!", _YELLOW),
    EventName.GUARDRAIL_BLOCKED: ("✗", "x", _RED),
    EventName.GUARDRAIL_PASSED: ("✓", "+", _GREEN),
    EventName.EXPORTER_DOWN: ("!", "!", _YELLOW),
    EventName.EXPORTER_RECOVERED: ("✓", "+", _GREEN),
}
_UNLISTED = ("·", ".", _RESET)
_NAME_WIDTH = max(len(name) for name in EventName if name.startswith("video."))
_MODEL_WIDTH = 10
_SHORT = 8  # characters kept of an id
_TEXT = 200  # characters kept of an error message
_MB = 1_000_000


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


class Line:
    """Turns an event into a line, for one kind of terminal."""

    def __init__(self, *, colour: bool, ascii_only: bool) -> None:
        self._colour = colour
        self._ascii = ascii_only

    def of(self, event: VideoEvent) -> str:
        """Return the line, without its line break."""
        glyph, plain_glyph, colour = _LOOKS.get(event.name, _UNLISTED)
        job = event.job
        head = (
            self._paint(f"{event.at.astimezone():%H:%M:%S}", _DIM),
            self._paint(plain_glyph if self._ascii else glyph, colour),
            self._paint(event.name.value.ljust(_NAME_WIDTH), _BOLD + colour),
            safe(job.model or job.served_model or "-").ljust(_MODEL_WIDTH),
            self._id(job),
        )
        facts = [self._paint(text, paint) for text, paint in facts_of(event)]
        between = ", " if self._ascii else self._paint(" · ", _DIM)
        return " ".join(head) + "  " + between.join(facts)

    def _id(self, job: Job) -> str:
        ours = job.job_id[-_SHORT:]
        if job.provider_job_id is None:
            return safe(ours)
        return safe(f"{ours}/{short(job.provider_job_id, '..' if self._ascii else '…')}")

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour and colour else text


def facts_of(event: VideoEvent) -> Iterator[tuple[str, str]]:
    """Yield what is worth reading of an event, each with its colour."""
    job = event.job
    if event.name is EventName.SUBMITTED and (asked := asked_for(job)):
        yield asked, ""
    if event.name is EventName.PROGRESS and job.progress is not None:
        yield f"{job.progress} %", ""
    if event.name is EventName.DOWNLOADED and job.file is not None:
        yield from _file(job)
    if job.queue_s is not None and event.name is not EventName.PROGRESS:
        yield f"queue {job.queue_s:.1f}s", ""
    if job.render_s is not None:
        yield f"render {job.render_s:.1f}s", ""
    if job.reason is not None or job.error is not None or event.detail:
        yield failure_of(event), _RED
    if cost := cost_of(job):
        yield cost, _GREEN if job.cost.status is CostStatus.SETTLED else ""
    yield f"trace {safe(event.trace_id)[:_SHORT]}", _DIM


def asked_for(job: Job) -> str:
    """Say how long and how large a video was asked for."""
    request = job.request
    length = None if request.seconds is None else f"{request.seconds.normalize():f}s"
    return safe(" ".join(part for part in (length, request.size) if part))


def failure_of(event: VideoEvent) -> str:
    """Say why: the reason, and the message of the provider or of the call that raised."""
    job = event.job
    said = job.error and (job.error.message or job.error.code)
    parts = [part for part in (job.reason and job.reason.value, said) if part]
    if event.detail:
        parts = [event.detail]
    text = safe(": ".join(parts))
    return text if len(text) <= _TEXT else text[: _TEXT - 3] + "..."


def cost_of(job: Job) -> str:
    """Say what a job costs, as far as that is known."""
    cost = job.cost
    if cost.usd is not None:
        figure = f"${format_usd(cost.usd)} {cost.status.value}"
    elif cost.possible_usd is None and not job.state.terminal:
        return ""
    else:
        figure = "cost unknown"
    if cost.possible_usd:
        figure += f" (possibly ${format_usd(cost.possible_usd)})"
    return figure


def _file(job: Job) -> Iterator[tuple[str, str]]:
    if job.file is None:
        return
    if job.file.size_bytes is not None:
        yield f"{job.file.size_bytes / _MB:.1f} MB", ""
    if not job.file.complete:
        yield "incomplete", _RED


def short(identifier: str, ellipsis: str) -> str:
    """Keep the prefix and the end of a long id: ids of one minute begin alike."""
    prefix, underscore, rest = identifier.rpartition("_")
    if len(rest) <= 2 * _SHORT:
        return identifier
    return f"{prefix}{underscore}{ellipsis}{rest[-_SHORT:]}"


def safe(text: str) -> str:
    """Write everything that could move the cursor or hide text as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _write(stream: TextIO, batch: Sequence[VideoEvent]) -> None:
    line = Line(colour=_coloured(stream), ascii_only=not _can_write(stream, "✓▶↓"))
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
