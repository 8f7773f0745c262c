"""MP4 files for tests: real ones made by PyAV, and boxes built by hand."""

import io
import struct
from fractions import Fraction

import av

SOUND_HZ = 48_000


def real_mp4(
    *,
    codec="libx264",
    size=(128, 96),
    rate=Fraction(24),
    frames=24,
    sound=False,
    fmt="mp4",
    options=None,
    first_pts=0,
    encoder=None,
):
    """Return a file of a plain picture that changes, encoded and written by PyAV."""
    file = io.BytesIO()
    with av.open(file, "w", format=fmt, options=options or {}) as container:
        video = container.add_stream(codec, rate=rate, options=encoder or _QUICK.get(codec, {}))
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.thread_count = 1
        audio = container.add_stream("aac", rate=SOUND_HZ) if sound else None
        for number in range(frames):
            frame = av.VideoFrame(*size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([number % 200 + 20]) * plane.buffer_size)
            frame.pts, frame.time_base = first_pts + number, 1 / Fraction(rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            _sing(container, audio, frames / Fraction(rate))
    return file.getvalue()


def probed(data):
    """Return what FFmpeg reads: seconds, size, frame rate, audio, codec of the picture."""
    with av.open(io.BytesIO(data)) as container:
        video = container.streams.video[0]
        return (
            None if video.duration is None else video.duration * video.time_base,
            f"{video.width}x{video.height}",
            video.average_rate,
            bool(container.streams.audio),
            video.codec_context.codec_tag,
        )


_QUICK = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
}


def _sing(container, audio, seconds):
    length = 1024
    for start in range(0, int(seconds * SOUND_HZ), length):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=length)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = SOUND_HZ, start
        frame.time_base = Fraction(1, SOUND_HZ)
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def box(kind, *parts, size=None):
    """Return a box of the parts, with a lie about its size where one is given."""
    payload = b"".join(parts)
    return struct.pack(">I4s", 8 + len(payload) if size is None else size, kind) + payload


def full(kind, *parts, version=0, flags=0, size=None):
    """Return a box that has a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts, size=size)


def ints(*numbers):
    """Return numbers of 32 bits; negative ones too."""
    return b"".join(struct.pack(">I", number & 0xFFFF_FFFF) for number in numbers)


def mvhd(*, timescale=1000, duration=8000, version=0):
    """Return a movie header."""
    if version:
        times = struct.pack(">QQIQ", 0, 0, timescale, duration)
    else:
        times = ints(0, 0, timescale, duration)
    return full(b"mvhd", times, bytes(80), version=version)


def tkhd(*, track_id=1, duration=8000, size=(720, 1280), turned=False, enabled=True, version=0):
    """Return a track header."""
    if version:
        times = struct.pack(">QQIIQ", 0, 0, track_id, 0, duration)
    else:
        times = ints(0, 0, track_id, 0, duration)
    one = 0x10000
    matrix = (
        (0, one, 0, -one, 0, 0, 0, 0, 1 << 30) if turned else (one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    )
    shape = ints(*matrix, size[0] << 16, size[1] << 16)
    return full(b"tkhd", times, bytes(16), shape, version=version, flags=int(enabled))


def mdhd(*, timescale=24_000, duration=192_000, version=0):
    """Return a media header."""
    if version:
        times = struct.pack(">QQIQ", 0, 0, timescale, duration)
    else:
        times = ints(0, 0, timescale, duration)
    return full(b"mdhd", times, bytes(4), version=version)


def hdlr(kind=b"vide"):
    """Return a handler reference."""
    return full(b"hdlr", bytes(4), kind, bytes(13))


def stsd(codec=b"avc1", size=(720, 1280)):
    """Return a sample description with one entry."""
    entry = box(codec, bytes(24), struct.pack(">HH", *size), bytes(50))
    return full(b"stsd", ints(1), entry)


def stts(*rows, count=None):
    """Return decoding times: rows of a number of samples and the length of each."""
    flat = [number for row in rows for number in row]
    return full(b"stts", ints(len(rows) if count is None else count, *flat))


def ctts(*rows):
    """Return composition offsets."""
    return full(b"ctts", ints(len(rows), *[number for row in rows for number in row]))


def elst(*rows, version=0):
    """Return an edit list: rows of duration and media time, and a rate where it is not 1."""
    shape = ">QqI" if version else ">IiI"
    packed = [struct.pack(shape, *row[:2], *(row[2:] or (0x10000,))) for row in rows]
    return full(b"elst", ints(len(rows)), *packed, version=version)


def trak(*, head=None, media=None, handler=None, table=(), edits=b""):
    """Return a track of the boxes given, usual ones where none are."""
    stbl = box(b"stbl", *(table or (stsd(), stts((192, 1000)))))
    mdia = box(
        b"mdia",
        mdhd() if media is None else media,
        hdlr() if handler is None else handler,
        box(b"minf", stbl),
    )
    return box(b"trak", tkhd() if head is None else head, edits, mdia)


def movie(*tracks, head=None, after=b"", media=b"\0" * 64):
    """Return a file: 8 s of 720x1280 at 24 frames a second where nothing else is given."""
    moov = box(b"moov", mvhd() if head is None else head, *(tracks or (trak(),)), after)
    return box(b"ftyp", b"isom", bytes(4), b"isom") + moov + box(b"mdat", media)


def mvex(*, duration=None, track_id=1, default=1000):
    """Return what makes a movie a fragmented one."""
    mehd = b"" if duration is None else full(b"mehd", ints(duration))
    return box(b"mvex", mehd, full(b"trex", ints(track_id, 1, default, 0, 0)))


def moof(*runs, track_id=1, time=None, default=None):
    """Return a fragment of runs."""
    flags = 0x020000 | (0x8 if default is not None else 0)
    tfhd = full(b"tfhd", ints(track_id, *([] if default is None else [default])), flags=flags)
    tfdt = b"" if time is None else full(b"tfdt", struct.pack(">Q", time), version=1)
    mfhd = full(b"mfhd", ints(1))
    return box(b"moof", mfhd, box(b"traf", tfhd, tfdt, *runs)) + box(b"mdat", bytes(16))


def trun(count, *, durations=None):
    """Return a run of samples that give their durations, or take the default."""
    if durations is None:
        return full(b"trun", ints(count, 100), flags=0x001)
    return full(b"trun", ints(count, 100, *durations), flags=0x101)
