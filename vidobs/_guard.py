"""The one place where vidobs catches everything: the border between a user's call and vidobs.

Whatever breaks inside vidobs must not reach the user's code. But a guard that hides a fault also
hides that nothing is observed any more, so each trip is counted and the first of each kind is said;
the test suite asserts that there is none.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("vidobs")


class Guard:
    """Runs vidobs' own code for the user's call, catches what it raises, and counts."""

    def __init__(self) -> None:
        self.trips: Counter[str] = Counter()

    def run(
        self, where: str, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T | None:
        """Return what `action` returns, or `None` after it raised."""
        try:
            return action(*args, **kwargs)
        except Exception as error:
            self.trip(where, error)
            return None

    def trip(self, where: str, error: BaseException) -> None:
        """Count a fault, and say the first of each place and kind."""
        kind = f"{where}: {type(error).__name__}"
        self.trips[kind] += 1
        if self.trips[kind] == 1:
            _log.error(
                "vidobs failed inside (%s); your call is not affected, but it is not observed. "
                "Please report this",
                kind,
                exc_info=error,
            )
