"""What was delivered: how a download went, and whether the file is what was asked for. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from vidobs.core.calls import Operation
from vidobs.core.evidence import EQUAL_WITHIN_S, sane
from vidobs.core.jobs import VideoFile
from vidobs.core.tiers import SHORT_EDGE, frame, names_of

if TYPE_CHECKING:
    from vidobs.core.jobs import Job

BLOCK = 16  # pixels; servers round the edges of a frame to whole blocks of an encoder
EQUAL_WITHIN_FPS = Decimal("0.5")  # 29.97 is what was asked for with 30
_SOUND = {True: "with sound", False: "no sound", None: None}


class Transfer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How one download went."""

    file: VideoFile  # as far as it was read
    first_byte_s: float | None = None  # from the request to the first byte; `None`: not seen
    bytes_per_s: float | None = None  # over the whole call, the reader's pauses included
    part: str | None = None  # which bytes were sent, "FIRST-LAST/SIZE", where not all


class Compared(msgspec.Struct, frozen=True):
    """One property of a video: what was asked for, what came, and whether that is another thing."""

    name: str
    asked: str | None  # None: the request did not say
    got: str | None  # None: not known, for nobody downloaded it here, or the file does not say
    differs: bool


def compared(job: Job) -> tuple[Compared, ...]:
    """Return length, size, frame rate and sound of a job side by side, as `mismatch` sees them."""
    file, request = job.file or VideoFile(), job.request
    length, rate = sane(request.seconds), sane(request.fps)
    longer = job.operation is Operation.EXTEND
    return (
        Compared(
            "length",
            _seconds(length) or None,
            _seconds(file.seconds) or None,
            not longer and _apart(length, file.seconds, EQUAL_WITHIN_S),
        ),
        Compared(
            "size",
            request.size,
            file.size,
            bool(request.size and file.size and not _same_size(request.size, file.size)),
        ),
        Compared(
            "frame rate",
            f"{_plain(rate)} fps" if rate is not None else None,
            f"{_plain(file.fps)} fps" if file.fps is not None else None,
            _apart(rate, file.fps, EQUAL_WITHIN_FPS),
        ),
        Compared(
            "sound",
            _SOUND[request.audio],
            _SOUND[file.audio],
            bool(request.audio) and file.audio is False,
        ),
    )


def mismatch(job: Job) -> str | None:
    """Say in what the delivered file is not what was asked for; `None` where it is, or may be.

    Lengths within half a second are equal, and edges that were rounded to whole blocks. The file
    of an extension holds its source too: its length is not compared.
    """
    found = [each for each in compared(job) if each.differs]
    if not found:
        return None
    request = job.request
    asked = [text for text in (_seconds(sane(request.seconds)), request.size) if text]
    asked += [each.asked for each in found if each.asked and each.asked not in asked]
    return f"asked {' '.join(asked)}, got {' '.join(each.got or '' for each in found)}"


def _same_size(asked: str, got: str) -> bool:
    """Whether a frame has the size, or is of the tier, that was asked for."""
    pixels, delivered = frame(asked), frame(got)
    if pixels is not None and delivered is not None:
        return all(map(_same_edge, pixels, delivered))
    names = names_of(asked)
    known = all(name in SHORT_EDGE for name in names)
    return not known or delivered is None or set(names) <= set(names_of(got))


def _same_edge(asked: int, got: int) -> bool:
    below = asked - asked % BLOCK
    return got in (asked, below, below + BLOCK)


def _apart(asked: Decimal | None, got: Decimal | None, within: Decimal) -> bool:
    return asked is not None and got is not None and abs(asked - got) > within


def _seconds(length: Decimal | None) -> str:
    return "" if length is None else f"{_plain(length)} s"


def _plain(figure: Decimal | None) -> str:
    return "" if figure is None else f"{round(figure, 3).normalize():f}"
