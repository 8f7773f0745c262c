"""How figures look on a page: short, exact where it matters, and a dash where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from vidobs.core.money import plain

UNKNOWN = "-"
_CENTS = Decimal("0.01")
_MILLI = Decimal("0.0001")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MOST_MS = 0.1  # seconds; a longer time is not told in thousandths
_SIZES = ("B", "kB", "MB", "GB", "TB")
_KILO = 1000
_DIGITS = 3


def usd(amount: Decimal | str | None) -> str:
    """Return an amount of dollars: cents, and more places where it is less than a cent.

    >>> usd(Decimal("1234.5")), usd(Decimal("0.0042")), usd(Decimal(0)), usd(None)
    ('$1,234.50', '$0.0042', '$0.00', '-')
    """
    if amount is None:
        return UNKNOWN
    value = Decimal(amount)
    small = value != 0 and abs(value) < _CENTS
    if small and abs(value) < _MILLI:
        return f"${plain(value)}"
    return f"${value.quantize(_MILLI).normalize():f}" if small else f"${value:,.2f}"


def rate(amount: Decimal | None) -> str:
    """Return dollars for one of something, with three digits that say something.

    >>> rate(Decimal("0.104166667")), rate(Decimal("0.5")), rate(Decimal("12.3456"))
    ('$0.104', '$0.50', '$12.35')
    """
    if amount is None:
        return UNKNOWN
    places = max(2, _DIGITS - 1 - amount.adjusted()) if amount else 2
    return f"${plain(round(amount, places))}"


def exact_usd(amount: Decimal | str | None) -> str:
    """Return an amount with every place it has."""
    return UNKNOWN if amount is None else f"${plain(Decimal(amount))}"


def length(seconds: float | Decimal | None) -> str:
    """Return a length of time.

    >>> length(0.0042), length(0.53), length(41.23), length(125), length(10920), length(None)
    ('4 ms', '0.53 s', '41.2 s', '2m 05s', '3h 02m', '-')
    """
    if seconds is None:
        return UNKNOWN
    value = float(seconds)
    if 0 < value < _MOST_MS:
        return f"{max(1, round(value * 1000))} ms"
    if value < _MINUTE:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"  # noqa: PLR2004 - three digits
    whole = round(value)
    for big, small, names in ((_DAY, _HOUR, "dh"), (_HOUR, _MINUTE, "hm"), (_MINUTE, 1, "ms")):
        if whole >= big:
            return f"{whole // big}{names[0]} {whole % big // small:02}{names[1]}"
    return f"{whole} s"


def video_length(seconds: float | Decimal | None) -> str:
    """Return a length of video, in seconds without needless places.

    >>> video_length(Decimal("8.0")), video_length(Decimal("7.25"))
    ('8 s', '7.25 s')
    """
    return UNKNOWN if seconds is None else f"{float(seconds):,.10g} s"


def number(value: float | None) -> str:
    """Return a count with commas.

    >>> number(1234567)
    '1,234,567'
    """
    return UNKNOWN if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """Return a share of one in per cent.

    >>> percent(0.0314), percent(1.0), percent(None)
    ('3.1 %', '100 %', '-')
    """
    if share is None:
        return UNKNOWN
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


def size(count_bytes: int | None) -> str:
    """Return a number of bytes.

    >>> size(999), size(1_234_567)
    ('999 B', '1.2 MB')
    """
    if count_bytes is None:
        return UNKNOWN
    value = float(count_bytes)
    for unit in _SIZES:
        if value < _KILO or unit == _SIZES[-1]:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= _KILO
    raise AssertionError  # the last unit takes everything


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago something was.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 5, tzinfo=UTC))
    '5 min ago'
    """
    if moment is None:
        return UNKNOWN
    seconds = (now - moment).total_seconds()
    said = span(abs(seconds))
    return f"in {said}" if seconds < 0 else f"{said} ago"


def span(seconds: float) -> str:
    """Return a rough length of time: `12 s`, `5 min`, `3 h`, `8 d`."""
    for big, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= big:
            return f"{int(seconds // big)} {unit}"
    return f"{int(seconds)} s"


def moment(at: datetime | None) -> str:
    """Return a time in UTC, to the second."""
    return UNKNOWN if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: datetime | None) -> str:
    """Return a time for a `datetime` attribute."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")
