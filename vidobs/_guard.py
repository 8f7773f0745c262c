"""The one place where vidobs catches everything: the border between a user's call and vidobs.

Whatever breaks inside vidobs must not reach the user's code. But a guard that hides a fault also
hides that nothing is observed any more, so each trip is counted and the first of each kind is said;
the test suite asserts that there is none.
"""

from __future__ import annotations

import logging
from collections import Counter
from traceback import format_tb
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("vidobs")


class Guard:
    """Runs vidobs' own code for the user's call, catches what it raises, and counts.

    `tell(where)` is told of every trip; what it raises is dropped.
    """

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self.trips: Counter[str] = Counter()
        self._tell = tell

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
        """Count a fault, and say the first of each place and kind.

        What is said are places in the code. The text of the exception, and the exception during
        which it was raised, may quote the prompt or a key.
        """
        kind = f"{where}: {type(error).__name__}"
        self.trips[kind] += 1
        try:
            if self._tell is not None:
                self._tell(where)
            if self.trips[kind] == 1:
                _log.error(
                    "vidobs failed inside (%s); your call is not affected, but it is not fully "
                    "observed. Please report this:\n%s",
                    kind,
                    "".join(format_tb(error.__traceback__)),
                )
        except Exception:
            self.trips["guard"] += 1
