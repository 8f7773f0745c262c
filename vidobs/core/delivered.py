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
    from collections.abc import Iterator

    from vidobs.core.jobs import Job

BLOCK = 16  # pixels; servers round the edges of a frame to whole blocks of an encoder
EQUAL_WITHIN_FPS = Decimal("0.5")  # 29.97 is what was asked for with 30


class Transfer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How one download went."""

    file: VideoFile  # as far as it was read
    first_byte_s: float | None = None  # from the request to the first byte; `None`: not seen
    bytes_per_s: float | None = None  # over the whole call, the reader's pauses included
    part: str | None = None  # which bytes were sent, "FIRST-LAST/SIZE", where not all


def mismatch(job: Job) -> str | None:
    """Say in what the delivered file is not what was asked for; `None` where it is, or may be.

    Lengths within half a second are equal, and edges that were rounded to whole blocks. The file
    of an extension holds its source too: its length is not compared.
    """
    found = list(_differences(job))
    if not found:
        return None
    request = job.request
    asked = [text for text in (_seconds(sane(request.seconds)), request.size) if text]
    asked += [asks for asks, _ in found if asks and asks not in asked]
    return f"asked {' '.join(asked)}, got {' '.join(got for _, got in found)}"


def _differences(job: Job) -> Iterator[tuple[str, str]]:
    """What was asked for and what came, where they differ."""
    file, request = job.file, job.request
    if file is None:
        return
    length = sane(request.seconds)
    if job.operation is not Operation.EXTEND and _apart(length, file.seconds, EQUAL_WITHIN_S):
        yield _seconds(length), _seconds(file.seconds)
    if request.size and file.size and not _same_size(request.size, file.size):
        yield request.size, file.size
    rate = sane(request.fps)
    if _apart(rate, file.fps, EQUAL_WITHIN_FPS):
        yield f"{_plain(rate)} fps", f"{_plain(file.fps)} fps"
    if request.audio and file.audio is False:
        yield "with sound", "no sound"


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
