"""A real server of the OpenAI Videos protocol that renders real MP4 files, with scripted faults.

Importing this package loads the standard library only; the server needs `vidobs[sandbox]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidobs.sandbox.fault_table import FAULTS as FAULTS
    from vidobs.sandbox.process import run as run

_HOMES = {"FAULTS": "vidobs.sandbox.fault_table", "run": "vidobs.sandbox.process"}

__all__ = ["FAULTS", "run"]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    from importlib import import_module

    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(_HOMES[name]), name)
    return value
