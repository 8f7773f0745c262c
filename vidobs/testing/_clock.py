"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from decimal import Decimal

START = datetime(2026, 1, 1, tzinfo=UTC)
_NS = 1_000_000_000
_US = 1_000


class FrozenClock:
    """Tells the time it was given, for `Sandbox(clock=...)` and `isolated(clock=...)`.

    Thread-safe. Only times that are recorded come from it: waiting (timeouts, the pauses between
    polls) goes on in real time.
    """

    def __init__(self, start: datetime = START) -> None:
        """Start at an aware time."""
        if start.tzinfo is None:
            message = f"the start of a FrozenClock needs a time zone, got {start!r}"
            raise ValueError(message)
        since = start - datetime.fromtimestamp(0, tz=UTC)
        self._now_ns = (
            (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        ) * _US
        self._lock = threading.Lock()

    def time_ns(self) -> int:
        """Return nanoseconds since 1970, UTC."""
        return self._now_ns

    @property
    def now(self) -> datetime:
        """The time as an aware one, UTC, to the microsecond."""
        seconds, rest_ns = divmod(self._now_ns, _NS)
        return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest_ns // _US)

    def advance(self, seconds: Decimal | float) -> None:
        """Move the clock on; raises `ValueError` for a way back."""
        step_ns = int(Decimal(str(seconds)) * _NS)
        if step_ns < 0:
            message = f"a clock never runs backwards, got advance({seconds!r})"
            raise ValueError(message)
        with self._lock:
            self._now_ns += step_ns

    def __repr__(self) -> str:
        return f"FrozenClock({self.now.isoformat()})"
