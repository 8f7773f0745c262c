"""Times as OpenTelemetry counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def ns(at: datetime) -> int:
    """Return an aware time in nanoseconds since 1970, exactly."""
    return (at - _EPOCH) // _MICROSECOND * 1000
