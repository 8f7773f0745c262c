"""Drawing the frames of a video: a still scene, and a light and a progress bar that move on it.

Frames are drawn in the encoder's own layout (planar YCbCr 4:2:0), because converting every frame
from RGB costs more than encoding it.
"""

from __future__ import annotations

import colorsys
import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vidobs.sandbox.jobs import Size

Colour: TypeAlias = tuple[int, int, int]

_WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """What a rendered file shows: a text and a caption, in colours that `hue` (0 to 1) chooses."""

    text: str
    caption: str
    size: Size
    seconds: int
    hue: float


@dataclass(frozen=True, slots=True)
class _Plane:
    """One of the three planes, its rows padded to the encoder's stride."""

    still: Image.Image
    scale: int  # 1 for luma, 2 for chroma
    light: int  # the light's value in this plane
    white: int


class Scene:
    """The pictures of one clip. `strides` are the bytes per row of the three planes."""

    def __init__(self, clip: Clip, strides: Sequence[int]) -> None:
        self._size = clip.size
        self._radius = max(2, min(clip.size.width, clip.size.height) // 6)
        light = _limited(Image.new("RGB", (1, 1), _colour(clip.hue + 0.45, 0.45, 1.0)))
        white = _limited(Image.new("RGB", (1, 1), _WHITE))
        still = _limited(_still(clip))
        self._planes = [
            _Plane(_padded(still[i], 1 if i == 0 else 2, stride), 1 if i == 0 else 2, lit, blank)
            for i, (stride, lit, blank) in enumerate(
                zip(strides, _pixels(light), _pixels(white), strict=True)
            )
        ]
        disc = _disc(self._radius)
        self._discs = {1: disc, 2: disc.resize((self._radius, self._radius))}

    def frame(self, share: float) -> list[bytes]:
        """Return the three planes of the frame at a share (0 to 1) of the clip."""
        x, y = self._place(share)
        return [self._draw(plane, x, y, share) for plane in self._planes]

    def _place(self, share: float) -> tuple[int, int]:
        """Return the left upper corner of the light, on a Lissajous curve above the text."""
        free_x = self._size.width - 2 * self._radius
        free_y = max(0, self._size.height * 0.56 - 2 * self._radius)
        x = free_x * (0.5 - 0.5 * math.cos(2 * math.pi * share))
        y = free_y * (0.5 + 0.5 * math.sin(6 * math.pi * share))
        return round(x), round(y)

    def _draw(self, plane: _Plane, x: int, y: int, share: float) -> bytes:
        image = plane.still.copy()
        scale = plane.scale
        image.paste(plane.light, (x // scale, y // scale), self._discs[scale])
        width, height = self._size.width // scale, self._size.height // scale
        bar = (0, height - max(1, height // 120), round(width * share), height)
        if bar[2] > 0:
            image.paste(plane.white, bar)
        return image.tobytes()


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _limited(image: Image.Image) -> tuple[Image.Image, ...]:
    """Return Y, Cb and Cr in the limited range that H.264 players expect."""
    luma, blue, red = image.convert("YCbCr").split()
    return (
        luma.point([16 + round(i * 219 / 255) for i in range(256)]),
        blue.point([16 + round(i * 224 / 255) for i in range(256)]),
        red.point([16 + round(i * 224 / 255) for i in range(256)]),
    )


def _pixels(planes: Sequence[Image.Image]) -> list[int]:
    return [plane.tobytes()[0] for plane in planes]


def _padded(plane: Image.Image, scale: int, stride: int) -> Image.Image:
    width, height = plane.width // scale, plane.height // scale
    padded = Image.new("L", (stride, height))
    padded.paste(plane.resize((width, height)) if scale > 1 else plane, (0, 0))
    return padded


def _disc(radius: int) -> Image.Image:
    """Return the mask of a light with a soft edge."""
    steps = [max(0, min(255, round((128 - i) * 255 / 64))) for i in range(256)]
    return Image.radial_gradient("L").point(steps).resize((2 * radius, 2 * radius))


def _still(clip: Clip) -> Image.Image:
    width, height = clip.size.width, clip.size.height
    top = Image.new("RGB", (width, height), _colour(clip.hue, 0.70, 0.42))
    bottom = Image.new("RGB", (width, height), _colour(clip.hue + 0.12, 0.85, 0.10))
    image = Image.composite(bottom, top, Image.linear_gradient("L").resize((width, height)))
    _write(image, clip)
    return image


def _write(image: Image.Image, clip: Clip) -> None:
    """Draw the text in the lower part and the caption under it."""
    draw = ImageDraw.Draw(image)
    margin = image.width * 0.07
    height = max(6.0, math.sqrt(image.width * image.height) / 22)
    large, small = _font(height), _font(height / 2)
    columns = max(1, int(1.1 * (image.width - 2 * margin) / large.getlength("n")))
    fitting = max(1, int(0.3 * image.height / (1.25 * height)))
    lines = textwrap.wrap(_printable(clip.text), columns, max_lines=fitting, placeholder=" ...")
    draw.multiline_text((margin, image.height * 0.60), "\n".join(lines), font=large, fill=_WHITE)
    caption = (margin, image.height * 0.925)
    draw.text(caption, _printable(clip.caption), font=small, fill=_colour(clip.hue, 0.25, 0.85))


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
