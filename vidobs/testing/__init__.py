"""Tools for testing code that makes videos; docs/testing.md shows them.

Importing this package loads the standard library only; each tool is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidobs.sandbox.records import SandboxJob as SandboxJob
    from vidobs.sandbox.records import SandboxRequest as SandboxRequest
    from vidobs.testing._assertions import ExpectedJob as ExpectedJob
    from vidobs.testing._assertions import assert_one_job as assert_one_job
    from vidobs.testing._clock import FrozenClock as FrozenClock
    from vidobs.testing._events import EventLog as EventLog
    from vidobs.testing._events import capture_events as capture_events
    from vidobs.testing._exporter import InMemoryExporter as InMemoryExporter
    from vidobs.testing._isolated import Isolated as Isolated
    from vidobs.testing._isolated import isolated as isolated
    from vidobs.testing._sandbox import Sandbox as Sandbox

_HOMES = {
    "EventLog": "vidobs.testing._events",
    "ExpectedJob": "vidobs.testing._assertions",
    "FrozenClock": "vidobs.testing._clock",
    "InMemoryExporter": "vidobs.testing._exporter",
    "Isolated": "vidobs.testing._isolated",
    "Sandbox": "vidobs.testing._sandbox",
    "SandboxJob": "vidobs.sandbox.records",
    "SandboxRequest": "vidobs.sandbox.records",
    "assert_one_job": "vidobs.testing._assertions",
    "capture_events": "vidobs.testing._events",
    "isolated": "vidobs.testing._isolated",
}

__all__ = [
    "EventLog",
    "ExpectedJob",
    "FrozenClock",
    "InMemoryExporter",
    "Isolated",
    "Sandbox",
    "SandboxJob",
    "SandboxRequest",
    "assert_one_job",
    "capture_events",
    "isolated",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used (PEP 562)."""
    from importlib import import_module

    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """Offer the public names."""
    return sorted(__all__)
