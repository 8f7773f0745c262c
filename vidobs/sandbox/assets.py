"""The files of a finished video: the video itself, and the pictures made from it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PIL import Image

from vidobs.sandbox.mp4 import RenderStoppedError, draw_frames, render_mp4

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.sandbox.picture import Clip

THUMBNAIL_SIDE = 512  # the longer side, at most
TILE_SIDE = 192  # of a spritesheet, the longer side, at most
COLUMNS, ROWS = 5, 2


class Variant(StrEnum):
    """What can be downloaded of a video."""

    VIDEO = "video"  # MP4
    THUMBNAIL = "thumbnail"  # one picture from the middle, WebP
    SPRITESHEET = "spritesheet"  # ten pictures from the start to the end, JPEG


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, its media type and the end of its name."""

    data: bytes
    media_type: str
    suffix: str


def make_asset(clip: Clip, variant: Variant, *, stopped: Callable[[], bool]) -> Asset:
    """Return one file of a clip; the same clip gives the same bytes.

    Takes about a second for the video and a tenth of that for a picture. `stopped` is asked
    before each frame; when it says yes, `RenderStoppedError` is raised.
    """
    if variant is Variant.VIDEO:
        return Asset(render_mp4(clip, stopped=stopped), "video/mp4", "mp4")
    if variant is Variant.THUMBNAIL:
        return Asset(_encode(_thumbnail(clip), "WEBP"), "image/webp", "webp")
    return Asset(_encode(_spritesheet(clip, stopped), "JPEG"), "image/jpeg", "jpg")


def _thumbnail(clip: Clip) -> Image.Image:
    (image,) = draw_frames(clip, [0.5])
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return image


def _spritesheet(clip: Clip, stopped: Callable[[], bool]) -> Image.Image:
    """Return the tiles row by row, the first frame in the left upper corner."""
    count = COLUMNS * ROWS
    sheet: Image.Image | None = None
    for number, tile in enumerate(draw_frames(clip, [i / (count - 1) for i in range(count)])):
        if stopped():
            raise RenderStoppedError
        tile.thumbnail((TILE_SIDE, TILE_SIDE))
        if sheet is None:
            sheet = Image.new("RGB", (COLUMNS * tile.width, ROWS * tile.height))
        row, column = divmod(number, COLUMNS)
        sheet.paste(tile, (column * tile.width, row * tile.height))
    assert sheet is not None  # noqa: S101 - there are ten tiles
    return sheet


def _encode(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, quality=80)
    return file.getvalue()
