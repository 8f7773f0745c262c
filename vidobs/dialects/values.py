"""Values as they stand on the wire, read leniently: what makes no sense is not known."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

_FIRST = 978_307_200  # 2001: a time before it is a duration, a zero or noise
_LAST = 4_102_444_800  # 2100
_YEARS = (2001, 2099)
_MOST = Decimal(10**9)  # seconds, tokens or dollars of one video; more is noise
_WIDE = 10**20  # integers beyond it are no ids, codes or times
_SHORT = 9  # digits that need no further check
_DIGITS = 40  # a longer figure is none
_NUMBERS = (int, float)
_FIGURES = (int, float, str, Decimal)
_SCALES = (1, 1_000, 1_000_000, 1_000_000_000)  # seconds, milliseconds, microseconds, nanoseconds


def number(value: object) -> Decimal | None:
    """Return a figure of zero or more; numbers may come as text."""
    if type(value) is str and len(value) <= _SHORT and value.isdecimal():
        return Decimal(value)
    if value is None or isinstance(value, bool) or not isinstance(value, _FIGURES):
        return None
    if isinstance(value, int) and not 0 <= value <= _MOST:
        return None
    text = str(value)
    if len(text) > _DIGITS:
        return None
    try:
        figure = Decimal(text.strip())
    except InvalidOperation:
        return None
    return figure if figure.is_finite() and 0 <= figure <= _MOST else None


def positive(value: object) -> Decimal | None:
    """Return a figure above zero: no video is zero seconds long."""
    return number(value) or None


def whole(value: object) -> int | None:
    """Return a whole number of zero or more."""
    figure = number(value)
    return None if figure is None else int(figure)


def per_cent(value: object) -> int | None:
    """Return a progress from 0 to 100; fractions of a per cent are cut, "85%" is understood."""
    if type(value) is int:
        return value if 0 <= value <= 100 else min(max(value, 0), 100)  # noqa: PLR2004
    if value is None:
        return None
    if isinstance(value, str):
        value = value.strip().removesuffix("%")
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    return int(min(max(value, 0.0), 100.0))


def text(value: object, limit: int = 256) -> str | None:
    """Return a short text, or a number as text; anything else, and nothing at all, is `None`."""
    if isinstance(value, str):
        return value[:limit] or None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WIDE:
        return str(value)
    return None


def truth(value: object) -> bool | None:
    """Return a boolean; form fields carry it as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    return None


def moment(value: object) -> datetime | None:
    """Return an aware UTC time from Unix seconds, milliseconds and finer, or ISO 8601."""
    if type(value) is int and _FIRST <= value <= _LAST:
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        return _iso(value.strip())
    if isinstance(value, datetime):
        return _aware(value)
    if value is None or not isinstance(value, _NUMBERS) or abs(value) > _WIDE:
        return None
    for scale in _SCALES:
        if _FIRST <= value / scale <= _LAST:
            return datetime.fromtimestamp(value / scale, UTC)
    return None


def _iso(value: str) -> datetime | None:
    if value.replace(".", "", 1).isdecimal():
        return moment(float(value))
    try:
        return _aware(datetime.fromisoformat(value))
    except ValueError:
        return None


def _aware(value: datetime) -> datetime | None:
    if not _YEARS[0] <= value.year <= _YEARS[1]:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
