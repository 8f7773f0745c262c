"""The way into the packages of the extra `gateway`, which are imported nowhere else."""

from __future__ import annotations

from importlib.util import find_spec

from vidobs.core.errors import MissingExtraError

PACKAGES = ("httptools", "limits", "python_multipart", "starlette", "uvicorn")


def check_installed() -> None:
    """Raise `MissingExtraError`, with the install command, when a package is missing."""
    if any(find_spec(package) is None for package in PACKAGES):
        raise MissingExtraError("gateway", "the gateway")
