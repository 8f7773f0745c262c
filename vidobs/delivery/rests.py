"""Rests that being woken does not end, because nothing could be done in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.delivery.worker import Rest


class Rests:
    """The rest that somebody takes. `behind()` counts what is left to do, and may be slow."""

    def __init__(self, behind: Callable[[], int]) -> None:
        self._behind = behind
        self._rest: tuple[datetime, Rest] | None = None

    def take(self, rest: Rest, now: datetime) -> Rest:
        """Begin to rest; one who would be idle is not, as long as anything is left."""
        rest = self._looked_at(rest)
        self._rest = now + timedelta(seconds=rest.seconds or 0.0), rest
        return rest

    def left(self, now: datetime) -> Rest | None:
        """Return what remains of it; `None` when it is over."""
        if self._rest is None:
            return None
        until, rest = self._rest
        remaining = (until - now).total_seconds()
        if remaining > (rest.seconds or 0.0):  # the clock was put back
            return self.take(rest, now)
        if remaining > 0:
            return self._looked_at(msgspec.structs.replace(rest, seconds=remaining))
        self._rest = None
        return None

    def _looked_at(self, rest: Rest) -> Rest:
        idle = rest.idle and self._behind() == 0
        return msgspec.structs.replace(rest, idle=idle)
