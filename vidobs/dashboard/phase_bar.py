"""Where a job's time went, as one small bar: queue, render, download, as far as it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from vidobs.core.phases import PhaseName
from vidobs.dashboard import formats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vidobs.core.events import SpanRecord
    from vidobs.core.jobs import Job

WHOLE = 100.0
_LEAST = 2.0  # of the whole, for a phase that took any time at all
_DOWNLOAD = "download_video"


class PhaseLength(msgspec.Struct, frozen=True):
    """How long a phase took, in seconds; where it is `open`, so far."""

    name: str
    seconds: float
    open: bool = False


class Segment(msgspec.Struct, frozen=True):
    """A stretch of the bar, of 100 in all."""

    name: str
    x: float
    width: float


def lengths(job: Job, spans: Sequence[SpanRecord], now: datetime) -> tuple[PhaseLength, ...]:
    """Return queue, render and all downloads of a job together, without those that there are not.

    `spans` are those of the job's events. A phase that goes on counts until `now`.
    """
    found: list[PhaseLength] = []
    accepted, started = job.submitted_at, job.started_at
    left_queue = started or job.finished_at
    if accepted is not None:
        found.append(_between(PhaseName.QUEUE, accepted, left_queue, now))
    if started is not None:
        found.append(_between(PhaseName.RENDER, started, job.finished_at, now))
    read_s = sum(span.duration_s for span in spans if span.name.startswith(_DOWNLOAD))
    if read_s > 0:
        found.append(PhaseLength(PhaseName.DOWNLOAD.value, read_s))
    return tuple(found)


def segments(phases: Sequence[PhaseLength]) -> tuple[Segment, ...]:
    """Return the bar: each phase as wide as it was long, and none too thin to be seen."""
    total_s = sum(phase.seconds for phase in phases)
    if total_s <= 0:
        return ()
    wide = [max(phase.seconds / total_s * WHOLE, _LEAST) for phase in phases]
    scale = WHOLE / sum(wide)
    found: list[Segment] = []
    x = 0.0
    for phase, width in zip(phases, wide, strict=True):
        found.append(Segment(phase.name, round(x, 2), round(width * scale, 2)))
        x += width * scale
    return tuple(found)


def said(phases: Sequence[PhaseLength]) -> str:
    """Return the bar in words."""
    told = [
        f"{phase.name} {formats.length(phase.seconds)}{' so far' if phase.open else ''}"
        for phase in phases
    ]
    return ", ".join(told) or "nothing is known of its phases"


def _between(name: PhaseName, start: datetime, end: datetime | None, now: datetime) -> PhaseLength:
    seconds = ((end or now) - start).total_seconds()
    return PhaseLength(name.value, max(0.0, seconds), end is None)
