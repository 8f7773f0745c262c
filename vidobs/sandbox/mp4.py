"""Encoding a clip to an MP4 file, and reading the length and size of one."""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from vidobs.sandbox.jobs import Size
from vidobs.sandbox.picture import Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from PIL.Image import Image

    from vidobs.sandbox.picture import Clip

FRAME_RATES = (24, 12, 6)  # the first one that keeps a clip below the budget of pixels
PIXEL_BUDGET = 300_000_000  # about half a second of one slow core
_THREADS = 2  # fixed: the same clip is always the same bytes


class RenderStoppedError(Exception):
    """The rendering was given up because the server stops."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a video file says of itself."""

    size: Size
    seconds: float


def frame_rate(clip: Clip) -> int:
    """Return the frames per second a clip is drawn with."""
    pixels = clip.size.width * clip.size.height * clip.seconds
    affordable = (rate for rate in FRAME_RATES if pixels * rate <= PIXEL_BUDGET)
    return next(affordable, FRAME_RATES[-1])


def render_mp4(clip: Clip, *, stopped: Callable[[], bool] = lambda: False) -> bytes:
    """Return H.264 (yuv420p) in an MP4 whose index stands at the start. Takes about a second.

    The same clip gives the same bytes. `stopped` is asked before each frame; when it says yes,
    `RenderStoppedError` is raised.
    """
    rate = frame_rate(clip)
    frames = rate * clip.seconds
    file = io.BytesIO()
    # Room for the index in front of the media: `faststart` would need to open the file again.
    options = {"moov_size": str(4096 + 16 * frames)}
    with av.open(file, "w", format="mp4", options=options) as container:
        stream = container.add_stream(
            "libx264", rate=rate, options={"preset": "ultrafast", "crf": "26", "g": str(rate)}
        )
        stream.width, stream.height = clip.size.width, clip.size.height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = _THREADS
        scene = _scene(clip)
        for number in range(frames):
            if stopped():
                raise RenderStoppedError
            frame = _fill(_blank(clip.size), scene.frame(number / max(1, frames - 1)))
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def draw_frames(clip: Clip, shares: Iterable[float]) -> Iterator[Image]:
    """Draw the pictures at some shares (0 to 1) of a clip, as a player would show them."""
    scene = _scene(clip)
    for share in shares:
        frame = _fill(_blank(clip.size), scene.frame(share))
        yield frame.to_image()  # type: ignore[no-untyped-call] # PyAV leaves its options untyped


def _scene(clip: Clip) -> Scene:
    return Scene(clip, [plane.line_size for plane in _blank(clip.size).planes])


def _blank(size: Size) -> av.VideoFrame:
    return av.VideoFrame(size.width, size.height, "yuv420p")


def _fill(frame: av.VideoFrame, planes: list[bytes]) -> av.VideoFrame:
    for plane, data in zip(frame.planes, planes, strict=True):
        plane.update(data)
    return frame


def probe_mp4(data: bytes) -> Probe | None:
    """Return the size and length of a video file, or `None` when it is not one."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = next(iter(container.streams.video), None)
            if stream is None or container.duration is None:
                return None
            return Probe(Size(stream.width, stream.height), container.duration / av.time_base)
    except av.FFmpegError:
        return None
