"""Which provider of a signal is set up right now, if any.

A user may set the global provider before or after vidobs starts, so it is looked up each time; what
was made from it (a tracer, a set of instruments, a logger) is kept for as long as it stays the same
object.
"""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Generic, TypeVar

from vidobs.core.names import SCOPE

if TYPE_CHECKING:
    from collections.abc import Callable

P = TypeVar("P")
M = TypeVar("M")

# Classes of these modules only stand in for a provider that nobody has set yet, or do nothing.
_STAND_INS = ("opentelemetry.trace", "opentelemetry.metrics", "opentelemetry._logs")


class Current(Generic[P, M]):
    """What is made from the provider that is set up now; `None` while there is none."""

    def __init__(
        self, given: P | None, find: Callable[[], P], make: Callable[[P], M | None]
    ) -> None:
        self._given = given
        self._find = find
        self._make = make
        self._seen: tuple[P | None, M | None] = (None, None)  # one object: threads see both or none

    def get(self) -> M | None:
        """Return what the provider gave, asking it only when it is a new one."""
        provider = self._given if self._given is not None else self._find()
        seen, made = self._seen
        if provider is not seen:
            made = self._make(provider) if is_real(provider) and not sdk_disabled() else None
            self._seen = (provider, made)
        return made


def is_real(provider: object) -> bool:
    """Tell a provider of an SDK from the stand-ins of the API. Any API-compatible SDK counts."""
    return not type(provider).__module__.startswith(_STAND_INS)


def sdk_disabled() -> bool:
    """Tell whether the user switched OpenTelemetry off by its standard variable."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def scope_version() -> str | None:
    """Return the version of vidobs, or `None` when it runs without having been installed."""
    try:
        return version(SCOPE)
    except PackageNotFoundError:
        return None
