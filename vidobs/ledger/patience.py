"""Work that can wait for a busy ledger, on threads that no call waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from vidobs.core.errors import LedgerBusyError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PATIENCE_S = 5.0
_PAUSE_S = 0.01


def patiently(work: Callable[[], T], *, patience_s: float = PATIENCE_S) -> T:
    """Do something with the ledger, again while somebody else holds it.

    Raises:
        LedgerBusyError: it is still held after so many seconds.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return work()
        except LedgerBusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
