"""Things that a process makes once and keeps, such as connections."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Kept:
    """Made at first use, by key; given back when vidobs is shut down. Thread-safe.

    Beyond `most` the oldest is given up: whoever uses it still has it, nobody else gets it.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._things: dict[Hashable, tuple[object, Callable[[], object]]] = {}

    def get(self, key: Hashable, make: Callable[[], T], close: Callable[[T], object]) -> T:
        """Return the thing of a key, made now if there is none."""
        with self._lock:
            found = self._things.get(key)
            if found is not None:
                return cast("T", found[0])
            made = make()
            self._things[key] = made, lambda: close(made)
            if len(self._things) > self._most:
                del self._things[next(iter(self._things))]
            return made

    def close(self) -> None:
        """Give everything back."""
        with self._lock:
            things, self._things = self._things, {}
        for _, close in things.values():
            close()
