"""What the boxes of an MP4 file add up to: the length, size and frame rate of its video track.

The length is that of the samples, as the edit list shows them; where those cannot be read, what
the headers of the track and of the movie say. Figures that no video has count as not said. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from vidobs.core import mp4_boxes as boxes

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_TRACKS = 32  # more are not looked at
MOST_SECONDS = 86_400  # a longer video is a mistake in its header
MOST_FPS = 1000
MOST_EDGE = 32_768  # pixels

_SECOND = Decimal("0.000001")
_RATE = Decimal("0.001")
_NTSC = Fraction(1000, 1001)


class VideoProbe(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a video file says of itself. `None` means that it does not, or not credibly."""

    seconds: Decimal | None = None  # of the video track as it is shown, to the microsecond
    size: str | None = None  # "WIDTHxHEIGHT" in pixels, as it is shown
    fps: Decimal | None = None  # on average, to three places: 29.97, 23.976
    audio: bool | None = None  # whether there is a sound track
    codec: str | None = None  # of the picture, as in the file: `avc1`, `hvc1`, `av01`, `vp09`


@dataclass(slots=True)
class Pieces:
    """The samples of a track that are in fragments."""

    count: int = 0
    ticks: int = 0
    begin: int | None = None  # the earliest decode time
    end: int = 0  # the latest
    unknown: bool = False  # a run said nothing of its length

    def add(self, run: boxes.Run, default: int | None, at: int | None) -> int:
        """Add a run that begins at `at`, `None` for behind the last one; return where it ends."""
        ticks = run.ticks
        if ticks is None:
            ticks = run.total * (default or 0)
            self.unknown = self.unknown or not default
        self.count += run.total
        self.ticks += ticks
        begin = self.end if at is None else at
        self.begin = begin if self.begin is None else min(self.begin, begin)
        self.end = max(self.end, begin + ticks)
        return begin + ticks

    @property
    def length(self) -> int:
        """Ticks of video: a piece that is there twice is shown once, a hole is none."""
        return self.ticks if self.begin is None else min(self.ticks, self.end - self.begin)


@dataclass(slots=True)
class Track:
    """What is known of one track so far."""

    header: boxes.TrackHeader | None = None
    media: boxes.Header | None = None
    handler: bytes | None = None
    entry: boxes.Entry | None = None
    samples: boxes.Samples | None = None
    offset: int | None = None  # of the first sample, from decoding to showing
    edits: tuple[boxes.Edit, ...] = ()
    pieces: Pieces = field(default_factory=Pieces)

    @property
    def count(self) -> int:
        """Samples in the track."""
        return (self.samples.total if self.samples is not None else 0) + self.pieces.count


class Movie:
    """Takes the boxes of a file as they come, in any order, and adds them up."""

    def __init__(self) -> None:
        self.fragmented = False
        self._header: boxes.Header | None = None
        self._announced: int | None = None  # length in ticks of the movie, of a fragmented file
        self._tracks: list[Track] = []
        self._track = Track()  # that boxes inside `trak` belong to
        self._defaults: dict[int, int | None] = {}
        self._piece: Track | None = None  # that boxes inside `traf` belong to
        self._default: int | None = None
        self._time: int | None = None

    def begin(self, kind: bytes) -> None:
        """Enter a container."""
        if kind == b"trak":
            self._track = Track()
            if len(self._tracks) < MOST_TRACKS:
                self._tracks.append(self._track)
        elif kind == b"mvex":
            self.fragmented = True
        elif kind == b"traf":
            self._piece = self._default = self._time = None

    def take(self, kind: bytes, data: bytes) -> None:
        """Take the payload of a box."""
        if kind in _OF_TRACK:
            name, read = _OF_TRACK[kind]
            value = read(data)
            if value is not None:
                setattr(self._track, name, value)
        elif kind == b"mvhd":
            self._header = boxes.header(data)
        elif kind == b"mehd":
            self._announced = boxes.duration(data)
        elif kind == b"trex":
            self._take_defaults(data)
        else:
            self._take_piece(kind, data)

    def miss(self, kind: bytes) -> None:
        """Hear that a box is too large to be read."""
        if kind == b"trun" and self._piece is not None:
            self._piece.pieces.unknown = True

    def stop(self) -> None:
        """Hear that the file goes on, and that no more of it will be read."""
        if self.fragmented:
            for track in self._tracks:
                track.pieces.unknown = True

    def probe(self, *, whole: bool) -> VideoProbe | None:
        """Return what is known; `None` without a video track. `whole`: the index was read."""
        track = self._video()
        if track is None:
            return None
        return VideoProbe(
            seconds=_decimal(self._seconds(track), MOST_SECONDS, _SECOND),
            size=_size(track),
            fps=_decimal(self._rate(track), MOST_FPS, _RATE),
            audio=self._has_audio() or (False if whole else None),
            codec=None if track.entry is None else track.entry.codec,
        )

    # -- fragments ---------------------------------------------------------------------------------

    def _take_defaults(self, data: bytes) -> None:
        given = boxes.defaults(data)
        if given is not None and len(self._defaults) < MOST_TRACKS:
            self._defaults[given.track_id] = given.default_duration

    def _take_piece(self, kind: bytes, data: bytes) -> None:
        if kind == b"tfhd":
            given = boxes.fragment(data)
            if given is not None:
                self._piece = self._by_id(given.track_id)
                own = given.default_duration
                self._default = self._defaults.get(given.track_id) if own is None else own
        elif kind == b"tfdt":
            self._time = boxes.duration(data)
        elif kind == b"trun" and self._piece is not None:
            run = boxes.run(data)
            if run is None:
                self._piece.pieces.unknown = True
                return
            if self._piece.offset is None:
                self._piece.offset = run.first_offset
            self._time = self._piece.pieces.add(run, self._default, self._time)

    def _by_id(self, track_id: int) -> Track | None:
        having = (each for each in self._tracks if each.header is not None)
        return next((each for each in having if each.header.track_id == track_id), None)  # type: ignore[union-attr]  # asked in the line above

    # -- adding up ---------------------------------------------------------------------------------

    def _video(self) -> Track | None:
        """The video track that is shown: enabled and with samples where there is such a one."""
        videos = [track for track in self._tracks if track.handler == b"vide"]
        return max(videos, key=_shown, default=None)

    def _has_audio(self) -> bool:
        sounds = (track for track in self._tracks if track.handler == b"soun")
        return any(track.count or track.samples is None or self.fragmented for track in sounds)

    def _seconds(self, track: Track) -> Fraction | None:
        """The length of a track as it is shown."""
        media = self._media_seconds(track)
        if media == 0:
            return None
        tick = None if self._header is None else _ticks(1, self._header.timescale)
        if media is not None and tick is not None and track.edits:
            return self._edited(track, media, tick)
        if media is not None or tick is None or self._header is None:
            return media
        said = None if track.header is None else track.header.duration
        ticks = said or self._announced or self._header.duration
        return None if ticks is None else ticks * tick

    def _media_seconds(self, track: Track) -> Fraction | None:
        """The length of a track's samples; without them, what its header says."""
        media = track.media
        if media is None:
            return None
        ticks = None if track.samples is None else track.samples.ticks
        if self.fragmented or track.pieces.count:
            pieces = track.pieces
            read = (ticks or 0) + (0 if pieces.unknown else pieces.length)
            return _ticks(read or media.duration or None, media.timescale)
        if ticks and media.duration:
            ticks = min(ticks, media.duration)
        return _ticks(media.duration if ticks is None else ticks, media.timescale)

    def _edited(self, track: Track, media: Fraction, tick: Fraction) -> Fraction:
        """The length of what an edit list shows of the media."""
        shown = Fraction(0)
        showing = [
            edit for edit in track.edits if edit.media_time >= 0
        ]  # else: nothing for a while
        growing = self.fragmented and len(showing) == 1  # its length may be that of the beginning
        for edit in showing:
            length = edit.duration * tick
            if edit.rate == boxes.NORMAL_RATE:
                rest = max(media - self._cut(track, edit), Fraction(0))
                length = rest if growing or not edit.duration else min(length, rest)
            shown += length
        close = abs(shown - media) <= len(track.edits) * tick  # the movie's ticks may be coarse
        return media if close or not shown else shown

    def _cut(self, track: Track, edit: boxes.Edit) -> Fraction:
        """What an edit leaves out at the beginning: not what only waits for reordered frames."""
        scale = track.media.timescale if track.media is not None else 0
        return _ticks(max(edit.media_time - (track.offset or 0), 0), scale) or Fraction(0)

    def _rate(self, track: Track) -> Fraction | None:
        """Samples per second, without the noise of a coarse time scale."""
        media, first, pieces = track.media, track.samples, track.pieces
        if media is None or pieces.unknown or track.count <= 1:
            return None
        ticks = (first.ticks if first is not None else 0) + pieces.ticks
        length = _ticks(ticks, media.timescale)
        if not length:
            return None
        rate = track.count / length
        nominal = min(round(rate) * Fraction(1), round(rate / _NTSC) * _NTSC, key=_far_from(rate))
        off = abs(track.count / nominal - length) if nominal else length
        near = _far_from(rate)(nominal) < rate / 1000
        return nominal if near and off * media.timescale < 1 else rate


_OF_TRACK = {
    b"tkhd": ("header", boxes.track_header),
    b"mdhd": ("media", boxes.header),
    b"hdlr": ("handler", boxes.handler),
    b"stsd": ("entry", boxes.entry),
    b"stts": ("samples", boxes.samples),
    b"ctts": ("offset", boxes.first_offset),
    b"elst": ("edits", boxes.edits),
}


def _far_from(rate: Fraction) -> Callable[[Fraction], Fraction]:
    return lambda other: abs(other - rate)


def _shown(track: Track) -> tuple[bool, bool]:
    """How likely it is that a player shows a track; the first one wins among equals."""
    enabled = track.header is not None and track.header.enabled
    return enabled, bool(track.count)


def _size(track: Track) -> str | None:
    """The pixels of a frame, turned as it is shown."""
    header, entry = track.header, track.entry
    pairs = [(entry.width, entry.height)] if entry is not None else []
    pairs += [(header.width, header.height)] if header is not None else []
    for width, height in pairs:
        if 0 < width <= MOST_EDGE and 0 < height <= MOST_EDGE:
            turned = header is not None and header.turned
            return f"{height}x{width}" if turned else f"{width}x{height}"
    return None


def _ticks(ticks: int | None, timescale: int) -> Fraction | None:
    return Fraction(ticks, timescale) if ticks is not None and timescale else None


def _decimal(value: Fraction | None, most: int, places: Decimal) -> Decimal | None:
    """A figure in decimals, where a video can have it."""
    if value is None or not 0 < value <= most:
        return None
    rounded = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(places)
    return rounded.normalize() + 0 if rounded else None
