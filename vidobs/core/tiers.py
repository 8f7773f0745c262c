"""Resolution tiers: what a provider calls the size of a video when it sells it."""

from __future__ import annotations

import re

# Short edge of the frame in pixels, by tier. `vidobs/data/prices.json` carries the same table for
# other readers of that file.
SHORT_EDGE = {
    "360p": 360,
    "480p": 480,
    "540p": 540,
    "720p": 720,
    "768p": 768,
    "1080p": 1080,
    "2k": 1440,
    "4k": 2160,
}
# Encoders round edges to multiples of 16: 496 is sold as 480p, 1088 as 1080p; 768 is not 720p.
TOLERANCE = 0.04

_ALIASES = {"1440p": "2k", "2160p": "4k"}
_PAIR = re.compile(r"(\d{1,5})\s*[x×*:]\s*(\d{1,5})", re.IGNORECASE)  # noqa: RUF001 - people type it
_LEAST_EDGE = 64  # below that, a pair such as 16:9 is an aspect ratio


def frame(size: str) -> tuple[int, int] | None:
    """Return width and height of "1280x720" (also with `*`, `:`), or `None` for anything else."""
    pair = _PAIR.fullmatch(size.strip())
    if pair is None:
        return None
    width, height = int(pair[1]), int(pair[2])
    return (width, height) if min(width, height) >= _LEAST_EDGE else None


def names_of(size: str | None) -> tuple[str, ...]:
    """Return the names that a price row may have for a size, the most exact first.

    Empty when the size says nothing about the resolution: not given, "auto", "16:9".

    >>> names_of("1280X720"), names_of("720P"), names_of("1024x1792"), names_of("16:9")
    (('1280x720', '720p'), ('720p',), ('1024x1792',), ())
    """
    if size is None:
        return ()
    text = size.strip().lower()
    if pixels := frame(text):
        exact = f"{pixels[0]}x{pixels[1]}"
        tier = _nearest(min(pixels))
        return (exact, tier) if tier else (exact,)
    if text in ("", "auto") or _PAIR.fullmatch(text):
        return ()
    return (_ALIASES.get(text, text),)


def _nearest(edge: int) -> str | None:
    """The tier whose short edge is close enough to `edge`."""
    tier = min(SHORT_EDGE, key=lambda name: abs(SHORT_EDGE[name] - edge))
    return tier if abs(SHORT_EDGE[tier] - edge) <= TOLERANCE * SHORT_EDGE[tier] else None
