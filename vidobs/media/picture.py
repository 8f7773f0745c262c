"""The poster of a video: a small JPEG of the first frame near its beginning that is not black.

The only place that imports PyAV and Pillow, the extra `media`, and only when there is a picture to
be made. The file comes from a provider: it is read as MP4 and as nothing else, so that it can name
no other file, and the work is bounded by frames and pixels.
"""

from __future__ import annotations

import io
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL.Image import Image

PACKAGES = ("av", "PIL")
WIDTH = 320  # pixels
MOST_HEIGHT = 4 * WIDTH
SHARE = 10  # the picture is taken at a tenth of the length
MOST_FRAMES = 600  # decoded for one picture
MOST_BLACK = 120  # frames looked at for one that is not black
MOST_PIXELS = 8192 * 8192  # of a frame
QUALITY = 82

_LIGHT = 40  # of 255; a pixel below counts as black
_LIT_SHARE = 50  # one pixel in so many must be light


class _Seen(NamedTuple):
    light: int
    image: Image


def missing() -> bool:
    """Tell whether a package of the extra is not installed."""
    return any(find_spec(package) is None for package in PACKAGES)


def poster(path: Path) -> bytes | None:
    """Return the poster of an MP4 file as JPEG, 320 pixels wide; `None` where there is no picture.

    Raises `ImportError` when the packages cannot be loaded.
    """
    import av

    try:
        with av.open(str(path), format="mp4") as container:
            image = _chosen(container)
    except (av.FFmpegError, ArithmeticError, IndexError, MemoryError, OSError, ValueError):
        return None
    if image is None:
        return None
    jpeg = io.BytesIO()
    image.save(jpeg, "JPEG", quality=QUALITY)
    return jpeg.getvalue()


def _chosen(container: InputContainer) -> Image | None:
    """The first frame that is not black, else the lightest of those looked at."""
    best: _Seen | None = None
    stream = next(iter(container.streams.video), None)
    codec = getattr(stream, "codec_context", None)  # None too where the codec is not known
    if stream is None or codec is None or codec.width * codec.height > MOST_PIXELS:
        return None
    for frame in islice(_frames(container, stream), MOST_BLACK):
        seen = _looked_at(frame)
        if best is None or seen.light > best.light:
            best = seen
        if best.light * _LIT_SHARE >= best.image.width * best.image.height:
            break
    return None if best is None else best.image


def _frames(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames from a tenth of the length on; where there is none, the last one before."""
    stream.codec_context.thread_count = 1
    start = stream.start_time or 0
    at = start + (stream.duration or 0) // SHARE
    container.seek(at, stream=stream)
    last: VideoFrame | None = None
    reached = False
    for frame in islice(container.decode(stream), MOST_FRAMES):
        reached = reached or frame.pts is None or frame.pts >= at
        if reached:
            yield frame
        last = frame
    if not reached and last is not None:
        yield last


def _looked_at(frame: VideoFrame) -> _Seen:
    turned = frame.rotation % 180 != 0
    wide, high = (frame.height, frame.width) if turned else (frame.width, frame.height)
    height = min(max(round(WIDTH * high / wide), 1), MOST_HEIGHT)
    size = (height, WIDTH) if turned else (WIDTH, height)
    small = frame.reformat(*size, format="rgb24", interpolation="AREA")
    image: Image = small.to_image()  # type: ignore[no-untyped-call]  # PyAV's stubs lack it
    if frame.rotation:
        image = image.rotate(frame.rotation, expand=True)
    light = sum(image.convert("L").histogram()[_LIGHT:])
    return _Seen(light, image)
