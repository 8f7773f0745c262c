"""How often this process looks for cycles of objects, when it is a gateway's own."""

from __future__ import annotations

import gc
import threading

_SELDOM = (50_000, 50, 100)


def collect_seldom() -> None:
    """Look for cycles seldom, from the start on: what is loaded stays, and there is much of it."""
    gc.set_threshold(*_SELDOM)


def spare_what_stays() -> None:
    """Never look for cycles among what lives as long as the process.

    There are few cycles, and many objects that stay: looking at all of them costs a tenth of the
    time of a create, and makes somebody wait.
    """
    if threading.current_thread() is threading.main_thread():  # a process of its own
        gc.freeze()
        collect_seldom()
