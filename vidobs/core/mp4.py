"""Probes an MP4 file while it goes by: `Mp4Reader.feed` takes it in pieces of any size.

Only the few boxes that say something are kept, each for a moment; the media is passed over. No
length in the file is trusted: depth, number and size of boxes are bounded, nothing is allocated
by a number that stands in the file, and nothing is raised. The index (`moov`) may stand anywhere,
and the file may be fragmented.
"""

from __future__ import annotations

from struct import unpack_from
from typing import NamedTuple

from vidobs.core.mp4_boxes import ENTRY_BYTES, OFFSET_BYTES
from vidobs.core.mp4_tracks import Movie, VideoProbe

__all__ = ["Mp4Reader", "VideoProbe", "probe"]

MOST_BOXES = 100_000  # in a file; what comes behind them is not looked at
MOST_BOX_BYTES = 1 << 20  # of a box that is read; a table of 130,000 rows
MOST_READ_BYTES = 1 << 24  # of all boxes that are read; four hours in fragments

_HEADER_BYTES = 8
_LARGE_HEADER_BYTES = 16
_LARGE = 1  # as the size: it follows in 64 bits
_TO_THE_END = 0  # as the size: whatever comes
_ENDLESS = 1 << 80

# What a file may begin with. Anything else is no MP4, and is not looked at further.
_FIRST = frozenset(
    {b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"}
)
# The boxes that hold others, by the one they are in; `b""` is the file.
_HOLDS = {
    b"": frozenset({b"moov", b"moof"}),
    b"moov": frozenset({b"trak", b"mvex"}),
    b"trak": frozenset({b"edts", b"mdia"}),
    b"mdia": frozenset({b"minf"}),
    b"minf": frozenset({b"stbl"}),
    b"moof": frozenset({b"traf"}),
}
# The boxes that are read, by the one they are in: how much of them, `None` for all.
_READ: dict[bytes, dict[bytes, int | None]] = {
    b"moov": {b"mvhd": None},
    b"mvex": {b"mehd": None, b"trex": None},
    b"trak": {b"tkhd": None},
    b"edts": {b"elst": None},
    b"mdia": {b"mdhd": None, b"hdlr": 12},
    b"stbl": {b"stsd": ENTRY_BYTES, b"stts": None, b"ctts": OFFSET_BYTES},
    b"traf": {b"tfhd": None, b"tfdt": None, b"trun": None},
}
_NOTHING: dict[bytes, int | None] = {}
_CUTTABLE = frozenset({b"moov", b"moof", b"mdat"})


class _Box(NamedTuple):
    kind: bytes
    end: int  # its place in the file


class Mp4Reader:
    """Reads a file as it comes. Thread-compatible; `feed` costs nothing worth measuring."""

    __slots__ = (
        "_at", "_boxes", "_inside", "_kept", "_leaf", "_movie", "_read", "_skip", "_top", "_want",
        "_whole",
    )  # fmt: skip

    def __init__(self) -> None:
        self._movie = Movie()
        self._at = 0  # place in the file of the next byte, but for those in `feed`'s short cut
        self._skip = 0  # bytes to pass over
        self._want = _HEADER_BYTES  # bytes to have in `_kept` before the next step
        self._kept = bytearray()
        self._inside: list[_Box] = []  # the boxes around this place, the innermost last
        self._leaf: _Box | None = None  # the box that `_kept` is the payload of
        self._top = _Box(b"", 0)  # the outermost box of this place
        self._whole = False  # the index was read to its end
        self._boxes = 0
        self._read = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of the file."""
        size = len(chunk)
        if self._skip >= size:  # amid the media, or no MP4
            self._skip -= size
            self._at += size
            return
        at = 0
        while at < size:
            if self._skip:
                step = min(self._skip, size - at)
                self._skip -= step
            else:
                step = min(self._want - len(self._kept), size - at)
                self._kept += chunk[at : at + step]
            at += step
            self._at += step
            if len(self._kept) == self._want:
                self._turn()

    @property
    def probe(self) -> VideoProbe | None:
        """What the file says of its video, as far as it was read; `None`: no video, or no MP4."""
        return self._movie.probe(whole=self._whole)

    @property
    def cut(self) -> bool:
        """Whether the file ended, if this was its end, amid the media or the index."""
        return self._top.kind in _CUTTABLE and self._at < self._top.end < _ENDLESS

    # -- one box after another ---------------------------------------------------------------------

    def _turn(self) -> None:
        """Take what was collected: a box's payload, or the header of the next box."""
        data = bytes(self._kept)
        leaf = self._leaf
        if leaf is not None:
            self._kept.clear()
            self._leaf = None
            self._movie.take(leaf.kind, data)
            self._pass(leaf.end)
            return
        size, kind = unpack_from(">I4s", data)
        if size == _LARGE and len(data) == _HEADER_BYTES:
            if self._room() >= _LARGE_HEADER_BYTES - _HEADER_BYTES:
                self._want = _LARGE_HEADER_BYTES
                return
        elif size == _LARGE:
            (size,) = unpack_from(">Q", data, _HEADER_BYTES)
        self._kept.clear()
        self._enter(kind, size, len(data))

    def _enter(self, kind: bytes, size: int, header: int) -> None:
        """Decide what to do with a box, from its header."""
        self._boxes += 1
        top = not self._inside
        if self._boxes > MOST_BOXES:
            self._movie.stop()
            self._give_up()
            return
        if self._boxes == 1 and kind not in _FIRST:
            self._give_up()
            return
        if size == _TO_THE_END and top:
            size = _ENDLESS
        if size < header:  # nothing behind it can be found
            if top:
                self._give_up()
            else:
                self._pass(self._inside[-1].end)
            return
        box = _Box(kind, min(self._at - header + size, self._end()))
        if top:
            self._top = box
        self._go_into(box, b"" if top else self._inside[-1].kind)

    def _go_into(self, box: _Box, parent: bytes) -> None:
        """Enter a box that holds others, collect one that says something, pass over the rest."""
        if box.kind in _HOLDS.get(parent, ()) and not (box.kind == b"moov" and self._whole):
            self._movie.begin(box.kind)
            self._inside.append(box)
            self._pass(self._at)
            return
        wanted = _READ.get(parent, _NOTHING)
        size = box.end - self._at
        if box.kind not in wanted or not size:
            self._pass(box.end)
            return
        size = min(size, wanted[box.kind] or size)
        if size > MOST_BOX_BYTES:
            self._movie.miss(box.kind)
            self._pass(box.end)
            return
        self._read += size
        if self._read > MOST_READ_BYTES:
            self._movie.stop()
            self._give_up()
            return
        self._leaf = box
        self._want = size

    def _pass(self, end: int) -> None:
        """Go on at a place, outside of every box that has no room for another one there."""
        while self._inside and self._inside[-1].end - end < _HEADER_BYTES:
            box = self._inside.pop()
            end = max(end, box.end)
            self._whole = self._whole or box.kind == b"moov"
        self._skip = end - self._at
        self._want = _HEADER_BYTES

    def _give_up(self) -> None:
        """Look at nothing any more."""
        self._skip = _ENDLESS
        self._top = _Box(b"", 0)

    def _end(self) -> int:
        return self._inside[-1].end if self._inside else _ENDLESS

    def _room(self) -> int:
        return self._end() - self._at


def probe(data: bytes) -> VideoProbe | None:
    """Return what a whole file says of its video.

    >>> probe(b'{"error": {}}') is None
    True
    """
    reader = Mp4Reader()
    reader.feed(data)
    return reader.probe
