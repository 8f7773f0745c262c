"""A job's phases as bars in time, in per cent of the width: full where certain, hatched where not.

Rows have a height in pixels and the width is whatever the page gives: an SVG without a view box
takes its places in per cent, so that letters stay as large as those around it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.job_objects import PhaseObject
from vidobs.core.phases import PhaseName
from vidobs.dashboard import formats

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW = 30  # pixels from one row to the next
BAR = 14  # pixels of a bar
SCALE = 24  # pixels of the scale above
_MARKS = 6  # of the scale, about
_LEAST = 0.35  # per cent that a bar has at least
_NEAR = 2  # a download that begins this many times later than the job took has no bar
_ROOM = 1.03  # behind now, for the line that marks it
_SHOWN_S = 0.005  # what a length shows
_STEPS = (1, 2, 5)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_ROUND = (10, 15, 30, _MINUTE, 120, 300, 600, 900, 1800, _HOUR, 7200, 10_800, 21_600, 43_200, _DAY)


class PollMark(msgspec.Struct, frozen=True):
    """A poll that was worth recording, in seconds after `created_at`."""

    at_s: float
    status: str | None
    error_type: str | None


class Bar(msgspec.Struct, frozen=True):
    """A stretch of a phase, in per cent."""

    x: float
    width: float
    sure: bool


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `note` says what the bar alone does not."""

    name: str
    y: int  # of its middle, in pixels
    length_s: float | None
    bars: tuple[Bar, ...] = ()
    marks: tuple[tuple[float, bool], ...] = ()  # of polls: the place, and whether it failed
    note: str = ""
    failed: bool = False
    later: bool = False  # too late to be drawn to scale

    @property
    def top(self) -> float:
        """Where its bars begin, in pixels."""
        return self.y - BAR / 2


class Waterfall(msgspec.Struct, frozen=True):
    """What is drawn."""

    rows: tuple[Row, ...]
    scale: tuple[tuple[float, str], ...]  # places and what stands there
    height: int
    now: float | None  # where now is, while something goes on


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a job's time, in seconds after `created_at`."""

    phases: Sequence[PhaseObject]
    polls: Sequence[PollMark] = ()
    asked: int = 0  # polls, those included that changed nothing
    attempts: int = 1  # requests that were sent for the create
    queue_s: float | None = None  # as they are told everywhere
    render_s: float | None = None


def waterfall(life: Life) -> Waterfall:
    """Return the drawing of a job's life."""
    made_s = max([0.0, *(p.end_s for p in life.phases if p.name != PhaseName.DOWNLOAD)])
    made_s = max([made_s, *(poll.at_s for poll in life.polls)])
    near = [p.end_s for p in life.phases if p.start_s <= _NEAR * max(made_s, 1.0)]
    end_s = max([made_s, *near])
    going_on = any(phase.open for phase in life.phases)
    scale = _Scale(max(end_s * (_ROOM if going_on else 1.0), 1e-3))
    rows = tuple(_rows(life, scale, _NEAR * max(made_s, 1.0)))
    return Waterfall(
        rows,
        tuple(scale.marks()),
        SCALE + ROW * len(rows),
        scale.place(end_s) if going_on else None,
    )


class _Scale:
    """Turns seconds into per cent."""

    def __init__(self, total_s: float) -> None:
        self._total_s = total_s

    def place(self, seconds: float) -> float:
        return round(min(100.0, max(0.0, seconds / self._total_s * 100)), 3)

    def bar(self, start_s: float, end_s: float, *, sure: bool) -> Bar:
        x = self.place(start_s)
        width = max(self.place(end_s) - x, _LEAST)
        return Bar(round(min(x, 100 - width), 3), round(width, 3), sure)

    def marks(self) -> Iterator[tuple[float, str]]:
        step = _step(self._total_s / _MARKS)
        for number in range(int(self._total_s / step) + 1):
            yield self.place(number * step), _mark(number * step)


def _rows(life: Life, scale: _Scale, last_s: float) -> Iterator[Row]:
    made = [phase for phase in life.phases if phase.name != PhaseName.DOWNLOAD]
    downloads = [phase for phase in life.phases if phase.name == PhaseName.DOWNLOAD]
    y = SCALE + ROW // 2
    for phase in made:
        yield _phase(life, phase, scale, y=y, later=False)
        y += ROW
    if life.asked or life.polls:
        yield _polls(life, scale, y)
        y += ROW
    for phase in downloads:
        yield _phase(life, phase, scale, y=y, later=phase.start_s > last_s)
        y += ROW


def _phase(life: Life, phase: PhaseObject, scale: _Scale, *, y: int, later: bool) -> Row:
    return Row(
        name=phase.name,
        y=y,
        length_s=_length_s(life, phase),
        bars=() if later else tuple(_bars(phase, scale)),
        note=", ".join(_notes(life, phase, later=later)),
        failed=phase.failed,
        later=later,
    )


def _bars(phase: PhaseObject, scale: _Scale) -> Iterator[Bar]:
    """Yield what may be, what is certain, and what may be."""
    if (
        phase.sure_start_s > phase.sure_end_s
        or phase.sure_start_s == phase.sure_end_s < phase.end_s
    ):
        yield scale.bar(phase.start_s, phase.end_s, sure=False)
        return
    if phase.start_s < phase.sure_start_s:
        yield scale.bar(phase.start_s, phase.sure_start_s, sure=False)
    yield scale.bar(phase.sure_start_s, phase.sure_end_s, sure=True)
    if phase.sure_end_s < phase.end_s:
        yield scale.bar(phase.sure_end_s, phase.end_s, sure=False)


def _length_s(life: Life, phase: PhaseObject) -> float:
    """Return the length as it is told everywhere, else the longest possible."""
    known = {PhaseName.QUEUE.value: life.queue_s, PhaseName.RENDER.value: life.render_s}
    told = None if phase.open else known.get(phase.name)
    return phase.end_s - phase.start_s if told is None else told


def _notes(life: Life, phase: PhaseObject, *, later: bool) -> Iterator[str]:
    least_s = max(0.0, phase.sure_end_s - phase.sure_start_s)
    most_s = phase.end_s - phase.start_s
    if phase.failed:
        yield "failed"
    if phase.open:
        yield "so far"
    elif most_s - least_s >= _SHOWN_S:
        about = "about " if phase.estimated else ""
        yield f"{about}{formats.length(least_s)} to {formats.length(most_s)}"
    if phase.name == PhaseName.SUBMIT and life.attempts > 1:
        yield f"{life.attempts} attempts"
    if later:
        yield f"{formats.length(phase.start_s)} after the create"


def _polls(life: Life, scale: _Scale, y: int) -> Row:
    failed = sum(poll.error_type is not None for poll in life.polls)
    asked = max(life.asked, len(life.polls))
    recorded = f", {len(life.polls)} recorded" if len(life.polls) < asked else ""
    return Row(
        name="polls",
        y=y,
        length_s=None,
        marks=tuple((scale.place(p.at_s), p.error_type is not None) for p in life.polls),
        note=f"{asked:,}{recorded}{f', {failed} failed' if failed else ''}",
    )


def _step(wanted: float) -> float:
    """Return the round number of seconds that is not below what is wanted."""
    if wanted > _ROUND[-1]:
        return math.ceil(wanted / _DAY) * _DAY
    if wanted > _STEPS[-1]:
        return next(step for step in _ROUND if step >= wanted)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next((step * power for step in _STEPS if step * power >= wanted), 10 * power)


def _mark(seconds: float) -> str:
    """Return a round length: `0`, `0.5 s`, `30 s`, `1m 30s`, `2m`, `3h`, `2d`."""
    if seconds < _MINUTE:
        return f"{seconds:.3g} s" if seconds else "0"
    whole = round(seconds)
    for big, small, names in ((_DAY, _HOUR, "dh"), (_HOUR, _MINUTE, "hm"), (_MINUTE, 1, "ms")):
        if whole >= big:
            rest = whole % big // small
            return f"{whole // big}{names[0]}" + (f" {rest:02}{names[1]}" if rest else "")
    return f"{whole} s"
