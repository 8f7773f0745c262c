"""Parameters that a server does not take: left out, and said."""

from __future__ import annotations

import warnings
from types import MappingProxyType
from typing import TYPE_CHECKING

from vidobs.core.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Mapping

WARN, ERROR = "warn", "error"
_OF_REMIX = MappingProxyType(
    {
        "input_reference": "a remix is made from the video itself; use video_edit",
        "seconds": "a remix is as long as its source; use video_extension",
        "size": "a remix is as large as its source",
        "model": "a remix is made by the model of its source",
    }
)
REASONS: Mapping[str, Mapping[str, str]] = MappingProxyType({"remix": _OF_REMIX})


class UnsupportedParameterWarning(UserWarning):
    """A parameter was left out, because the server does not take it."""


def left_out(
    operation: str, given: Mapping[str, object], *, on_unsupported: str
) -> tuple[str, ...]:
    """Say which of these parameters are left out, and why; return their names.

    Raises:
        ConfigError: `on_unsupported` is `error` and there are some, or it is neither that nor
            `warn`.
    """
    if on_unsupported not in (WARN, ERROR):
        raise ConfigError(unknown_name("on_unsupported", on_unsupported, (WARN, ERROR)))
    reasons = REASONS.get(operation, {})
    named = tuple(name for name, value in given.items() if value is not None)
    if not named:
        return named
    said = "; ".join(f"{name}: {reasons.get(name, 'the server takes none')}" for name in named)
    if on_unsupported == ERROR:
        raise ConfigError(f"video_{operation} cannot send {said}")
    warnings.warn(f"video_{operation} leaves out {said}", UnsupportedParameterWarning, stacklevel=4)
    return named
