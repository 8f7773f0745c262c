"""Tools for testing code that makes videos.

Importing this package loads the standard library only; each tool is loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vidobs.sandbox.records import SandboxJob as SandboxJob
    from vidobs.sandbox.records import SandboxRequest as SandboxRequest
    from vidobs.sandbox.records import SandboxWebhook as SandboxWebhook
    from vidobs.testing._sandbox import Sandbox as Sandbox

_HOMES = {
    "Sandbox": "vidobs.testing._sandbox",
    "SandboxJob": "vidobs.sandbox.records",
    "SandboxRequest": "vidobs.sandbox.records",
    "SandboxWebhook": "vidobs.sandbox.records",
}

__all__ = ["Sandbox", "SandboxJob", "SandboxRequest", "SandboxWebhook"]


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
