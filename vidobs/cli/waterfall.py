"""A job's phases as bars in time: heavy where a phase is certain, light where it is not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from rich.text import Text

from vidobs.cli.render import safe
from vidobs.core.phases import Phase, PhaseName, Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from rich.console import Console, ConsoleOptions, RenderResult

    from vidobs.core.jobs import Job

_STYLES = {
    PhaseName.SUBMIT: "default",
    PhaseName.QUEUE: "cyan",
    PhaseName.RENDER: "blue",
    PhaseName.DOWNLOAD: "green",
}
_LABEL = 10  # columns before the bars
_LENGTH = 9  # columns of a length
_NOTE = 20  # columns that a note is given in a narrow terminal
_LEAST, _MOST = 16, 72  # columns of the bars
_TICK_ROOM = 9  # columns from one mark of the scale to the next, at least
_NEAR = 2  # a download that begins this many times later than the job took has no bar
_STEPS = (1, 2, 5)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_ROUND_STEPS = (15, 30, _MINUTE, 120, 300, 600, 1800, _HOUR, 7200, 21_600, 43_200, _DAY)
_MB = 1_000_000


class Glyphs(NamedTuple):
    """What bars are drawn with."""

    sure: str
    maybe: str
    poll: str
    failed: str
    later: str


_LINES = Glyphs("━", "┄", "╷", "✗", "»")
_ASCII = Glyphs("=", "-", "|", "x", ">")


class Waterfall:
    """One line for each phase, one for the polls, a scale above; as wide as the terminal allows."""

    def __init__(self, job: Job, story: Story) -> None:
        self._job = job
        self._story = story
        near = [phase for phase in story.phases if self._near(phase)]
        self._end = max([story.end, *(phase.end for phase in near)])
        self._total_s = max((self._end - story.start).total_seconds(), 1e-6)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the lines for the width that there is."""
        room = options.max_width - _LABEL - _LENGTH - _NOTE - 3
        width = max(_LEAST, min(_MOST, room))
        glyphs = _ASCII if options.ascii_only else _LINES
        yield self._scale(width)
        for line in self._lines(width, glyphs):
            line.rstrip()
            line.no_wrap = True
            line.overflow = "ellipsis"
            yield line

    def _near(self, phase: Phase) -> bool:
        """Whether a phase is not so late that it would squeeze all others."""
        made_s = (self._story.end - self._story.start).total_seconds()
        return (phase.start - self._story.start).total_seconds() <= _NEAR * max(made_s, 1.0)

    def _lines(self, width: int, glyphs: Glyphs) -> Iterator[Text]:
        downloads = []
        for phase in self._story.phases:
            line = self._phase(phase, width, glyphs)
            if phase.name is PhaseName.DOWNLOAD:
                downloads.append(line)
            else:
                yield line
        if self._job.polls or self._story.polls:
            yield self._polls(width, glyphs)
        yield from downloads

    def _phase(self, phase: Phase, width: int, glyphs: Glyphs) -> Text:
        style = "red" if phase.failed else _STYLES[phase.name]
        line = Text(phase.name.ljust(_LABEL), style="bold")
        if self._near(phase):
            line.append_text(self._bar(phase, width, glyphs, style))
        else:
            line.append(glyphs.later.rjust(width), style=style)
        line.append(_length(self._official_s(phase)).rjust(_LENGTH + 1))
        return line.append("  ").append_text(_joined(self._notes(phase)))

    def _bar(self, phase: Phase, width: int, glyphs: Glyphs, style: str) -> Text:
        first, last = self._cell(phase.start, width), self._cell(phase.end, width)
        cells = Text(" " * first)
        for cell in range(first, max(last, first + 1)):
            middle = self._story.start.timestamp() + (cell + 0.5) / width * self._total_s
            sure = phase.sure_start.timestamp() <= middle < phase.sure_end.timestamp()
            narrow = last - first <= 1 and phase.sure_start < phase.sure_end
            if sure or narrow:
                cells.append(glyphs.sure, style=style)
            else:
                cells.append(glyphs.maybe, style=style)
        cells.pad_right(width - len(cells))
        return cells

    def _polls(self, width: int, glyphs: Glyphs) -> Text:
        marks = [(" ", "")] * width
        for poll in self._story.polls:
            cell = self._cell(poll.at, width)
            failed = poll.error_type is not None
            if failed or marks[cell][0] == " ":
                marks[cell] = (glyphs.failed, "red") if failed else (glyphs.poll, "default")
        line = Text("polls".ljust(_LABEL), style="bold")
        for glyph, style in marks:
            line.append(glyph, style=style)
        line.append(str(max(self._job.polls, len(self._story.polls))).rjust(_LENGTH + 1))
        return line.append("  ").append_text(_joined(self._poll_notes()))

    def _poll_notes(self) -> Iterator[Text]:
        failed = sum(poll.error_type is not None for poll in self._story.polls)
        if len(self._story.polls) < self._job.polls:
            yield Text(f"{len(self._story.polls)} recorded", style="dim")
        if failed:
            yield Text(f"{failed} failed", style="red")

    def _official_s(self, phase: Phase) -> float | None:
        """Return the length as it is reported everywhere, else the longest possible."""
        known = {PhaseName.QUEUE: self._job.queue_s, PhaseName.RENDER: self._job.render_s}
        return phase.most_s if phase.open else known.get(phase.name, phase.most_s)

    def _notes(self, phase: Phase) -> Iterator[Text]:
        if phase.open:
            yield Text("so far", style="yellow")
        elif phase.most_s - phase.least_s >= 0.005:  # noqa: PLR2004 - what a length shows
            about = "about " if phase.estimated else ""
            yield Text(f"{about}{_range(phase.least_s, phase.most_s)}", style="dim")
        if phase.name is PhaseName.SUBMIT and self._job.attempts > 1:
            yield Text(f"{self._job.attempts} attempts", style="yellow")
        if not self._near(phase):
            after_s = (phase.start - self._story.start).total_seconds()
            yield Text(f"{_length(after_s)} later", style="dim")
        if phase.file is not None and phase.file.size_bytes is not None:
            yield Text(f"{phase.file.size_bytes / _MB:.1f} MB", style="dim")
        if phase.file is not None and not phase.file.complete:
            yield Text("incomplete", style="red")
        if phase.error_type:
            yield safe(phase.error_type, style="red")

    def _scale(self, width: int) -> Text:
        step = _step(self._total_s, width // _TICK_ROOM)
        line = [" "] * (_LABEL + width + _LENGTH)
        for mark in range(int(self._total_s / step) + 1):
            place = _LABEL + int(mark * step / self._total_s * width)
            label = _mark(mark * step)
            if place + len(label) <= len(line):
                line[place : place + len(label)] = label
        return Text("".join(line).rstrip(), style="dim")

    def _cell(self, moment: datetime, width: int) -> int:
        share = (moment - self._story.start).total_seconds() / self._total_s
        return max(0, min(width - 1, round(share * width)))


def _joined(notes: Iterable[Text]) -> Text:
    return Text(", ", style="dim").join(notes)


def _step(total_s: float, marks: int) -> float:
    """Return a round number of seconds, so that about as many marks fit into the whole."""
    wanted = total_s / max(1, marks)
    if wanted > _STEPS[-1]:
        days = math.ceil(wanted / _DAY) * _DAY
        return next((step for step in (10, *_ROUND_STEPS) if step >= wanted), days)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next((step * power for step in _STEPS if step * power >= wanted), 10 * power)


def _mark(seconds: float) -> str:
    return "0" if seconds == 0 else _length(seconds, exact=False)


def _length(seconds: float | None, *, exact: bool = True) -> str:
    """Return a length of time: `0.53 s`, `41.2 s`, `2m 05s`, `3h 02m`, `4d 01h`."""
    if seconds is None:
        return "-"
    if seconds < _MINUTE:
        if not exact:
            return f"{seconds:g} s"
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"  # noqa: PLR2004 - three digits
    whole = round(seconds)
    for big, small, names in ((_DAY, _HOUR, "dh"), (_HOUR, _MINUTE, "hm"), (_MINUTE, 1, "ms")):
        if whole >= big:
            rest = whole % big // small
            head = f"{whole // big}{names[0]}"
            return head if not (exact or rest) else f"{head} {rest:02}{names[1]}"
    return f"{whole} s"


def _range(least_s: float, most_s: float) -> str:
    low, high = _length(least_s), _length(most_s)
    return f"{low.removesuffix(' s') if high.endswith(' s') else low} to {high}"
