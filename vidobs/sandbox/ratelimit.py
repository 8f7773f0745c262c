"""The count behind the `x-ratelimit-*` headers: what is left of a minute's requests.

It only counts; a request is refused by the fault `rate_limit` alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.sandbox.jobs import NS

if TYPE_CHECKING:
    from vidobs.core.protocols import Clock

REQUESTS_PER_MINUTE = 1000


class RateLimit:
    """A bucket that is filled evenly in a minute, and from which each request takes one."""

    def __init__(self, clock: Clock, per_minute: int = REQUESTS_PER_MINUTE) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._left = float(per_minute)
        self._at_ns = clock.time_ns()

    def take(self) -> dict[str, str]:
        """Count one request and return the headers for its answer."""
        now_ns = self._clock.time_ns()
        filled = max(0, now_ns - self._at_ns) / NS * self._per_minute / 60
        self._at_ns = now_ns
        self._left = max(0.0, min(self._per_minute, self._left + filled) - 1)
        reset_s = (self._per_minute - self._left) * 60 / self._per_minute
        return {
            "x-ratelimit-limit-requests": str(self._per_minute),
            "x-ratelimit-remaining-requests": str(int(self._left)),
            "x-ratelimit-reset-requests": duration(reset_s),
        }


def duration(seconds: float) -> str:
    """Write a duration as OpenAI's headers do: `120ms`, `6.4s`, `1m0s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
