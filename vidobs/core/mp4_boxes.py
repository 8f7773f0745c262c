"""The boxes of an MP4 file that say how long, how large and how fast its video is.

Pure readers of one box's payload (what follows size and type), by ISO/IEC 14496-12. A count in a
box is never believed: entries are read where they are, and a box that is shorter than it has to
be, or than its own count says, is `None`.
"""

from __future__ import annotations

from struct import Struct, iter_unpack, unpack_from
from typing import NamedTuple

MOST_EDITS = 1024  # an edit list with more is not read
NORMAL_RATE = 0x00010000  # of an edit, 16.16 fixed point

_UNKNOWN = (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF)  # a duration that the muxer did not know
_MOST_DELTA = 0x7FFF_FFFF  # a longer one is a negative number in the wrong type
_HEADER = (Struct(">12xII"), Struct(">20xIQ"))  # mvhd, mdhd: time scale, duration
_TRACK = (Struct(">12xI4xI16x9iII"), Struct(">20xI4xQ16x9iII"))  # tkhd: id, duration, matrix, size
_EDIT = (Struct(">Iii"), Struct(">Qqi"))
_DURATION = (Struct(">4xI"), Struct(">4xQ"))  # mehd, tfdt
_ENTRY = Struct(">8x4x4s24xHH")  # stsd: the format and size of the first entry
_HANDLER = Struct(">8x4s")
_COUNT = Struct(">4xI")
_DEFAULTS = Struct(">4xI4xI")  # trex: track, sample duration
_OFFSET = Struct(">8x4xi")  # ctts: the offset of the first entry
_DELTAS = ">II"

ENTRY_BYTES = _ENTRY.size
OFFSET_BYTES = _OFFSET.size

# Flags of tfhd and trun: which of the optional fields are there.
_BASE_OFFSET, _DESCRIPTION, _SAMPLE_DURATION = 0x01, 0x02, 0x08
_DATA_OFFSET, _FIRST_FLAGS = 0x001, 0x004
_DURATIONS, _SIZES, _FLAGS, _OFFSETS = 0x100, 0x200, 0x400, 0x800


class Header(NamedTuple):
    """`mvhd` or `mdhd`: ticks per second, and a length in ticks where it is known."""

    timescale: int
    duration: int | None


class TrackHeader(NamedTuple):
    """`tkhd`. The duration is in ticks of the movie."""

    track_id: int
    enabled: bool
    duration: int | None
    width: int
    height: int
    turned: bool  # shown with width and height exchanged


class Entry(NamedTuple):
    """The first sample entry of `stsd`."""

    codec: str
    width: int
    height: int


class Samples(NamedTuple):
    """`stts`: how many samples, and how long they take together."""

    total: int
    ticks: int


class Edit(NamedTuple):
    """One row of `elst`: ticks of the movie, and where in the media it begins, -1 for nowhere."""

    duration: int
    media_time: int
    rate: int


class Fragment(NamedTuple):
    """`tfhd`: the track, and the length of samples that do not give their own."""

    track_id: int
    default_duration: int | None


class Run(NamedTuple):
    """`trun`: samples in a row. `ticks` is `None` where they take the default length."""

    total: int
    ticks: int | None
    first_offset: int


def header(data: bytes) -> Header | None:
    """Read `mvhd` or `mdhd`."""
    shape = _HEADER[_version(data)]
    if len(data) < shape.size:
        return None
    timescale, duration = shape.unpack_from(data)
    return Header(timescale, _known(duration))


def track_header(data: bytes) -> TrackHeader | None:
    """Read `tkhd`."""
    shape = _TRACK[_version(data)]
    if len(data) < shape.size:
        return None
    track_id, duration, a, b, _, c, d, _, _, _, _, width, height = shape.unpack_from(data)
    turned = a == 0 and d == 0 and b != 0 and c != 0
    enabled = bool(_flags(data) & 1)
    return TrackHeader(track_id, enabled, _known(duration), width >> 16, height >> 16, turned)


def handler(data: bytes) -> bytes | None:
    """Read the type of a track from `hdlr`: `vide`, `soun`, ..."""
    return _HANDLER.unpack_from(data)[0] if len(data) >= _HANDLER.size else None


def entry(data: bytes) -> Entry | None:
    """Read the first entry from the beginning of the `stsd` of a video track."""
    if len(data) < ENTRY_BYTES:
        return None
    codec, width, height = _ENTRY.unpack_from(data)
    name = codec.decode("latin-1")
    return Entry(name.rstrip(), width, height) if name.isascii() and name.isprintable() else None


def samples(data: bytes) -> Samples | None:
    """Read `stts`."""
    rows = _rows(data, 8)
    if rows is None:
        return None
    total = ticks = 0
    for count, delta in iter_unpack(_DELTAS, rows):
        if delta > _MOST_DELTA:
            return None
        total += count
        ticks += count * delta
    return Samples(total, ticks)


def first_offset(data: bytes) -> int | None:
    """Read how much later the first sample is shown than decoded, from the beginning of `ctts`."""
    return _OFFSET.unpack_from(data)[0] if len(data) >= OFFSET_BYTES else None


def edits(data: bytes) -> tuple[Edit, ...] | None:
    """Read `elst`."""
    shape = _EDIT[_version(data)]
    rows = _rows(data, shape.size)
    if rows is None or len(rows) > MOST_EDITS * shape.size:
        return None
    return tuple(Edit(*row) for row in shape.iter_unpack(rows))


def duration(data: bytes) -> int | None:
    """Read `mehd`, or the time of `tfdt`."""
    shape = _DURATION[_version(data)]
    return _known(shape.unpack_from(data)[0]) if len(data) >= shape.size else None


def defaults(data: bytes) -> Fragment | None:
    """Read `trex`."""
    return Fragment(*_DEFAULTS.unpack_from(data)) if len(data) >= _DEFAULTS.size else None


def fragment(data: bytes) -> Fragment | None:
    """Read `tfhd`."""
    if len(data) < _COUNT.size:
        return None
    flags = _flags(data)
    (track_id,) = _COUNT.unpack_from(data)
    if not flags & _SAMPLE_DURATION:
        return Fragment(track_id, None)
    at = _COUNT.size + (8 if flags & _BASE_OFFSET else 0) + (4 if flags & _DESCRIPTION else 0)
    if len(data) < at + 4:
        return None
    return Fragment(track_id, unpack_from(">I", data, at)[0])


def run(data: bytes) -> Run | None:
    """Read `trun`."""
    if len(data) < _COUNT.size:
        return None
    flags = _flags(data)
    (count,) = _COUNT.unpack_from(data)
    at = _COUNT.size + (4 if flags & _DATA_OFFSET else 0) + (4 if flags & _FIRST_FLAGS else 0)
    fields = [flag for flag in (_DURATIONS, _SIZES, _FLAGS, _OFFSETS) if flags & flag]
    stride = 4 * len(fields)
    if len(data) < at + count * stride:
        return None
    ticks = None
    if flags & _DURATIONS:
        rows = memoryview(data)[at : at + count * stride]
        ticks = sum(row[0] for row in iter_unpack(f">I{stride - 4}x", rows))
    offset = 0
    if flags & _OFFSETS and count:
        (offset,) = unpack_from(">i", data, at + stride - 4)
    return Run(count, ticks, offset)


def _version(data: bytes) -> int:
    """The layout of a box: 1 has times of 64 bits, and nothing above 1 is known."""
    return int(data[:1] == b"\x01")


def _flags(data: bytes) -> int:
    return int.from_bytes(data[1:4], "big")


def _known(ticks: int) -> int | None:
    return None if ticks in _UNKNOWN else ticks


def _rows(data: bytes, size: int) -> memoryview | None:
    """The rows of a table that begins with their number, where all of them are there."""
    if len(data) < _COUNT.size:
        return None
    (count,) = _COUNT.unpack_from(data)
    end = _COUNT.size + count * size
    return memoryview(data)[_COUNT.size : end] if len(data) >= end else None
