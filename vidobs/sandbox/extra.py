"""The way into the packages of the extra `sandbox`, which are imported nowhere else."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from vidobs.core.errors import MissingExtraError

if TYPE_CHECKING:
    from vidobs.sandbox.server import ThreadedServer
    from vidobs.sandbox.settings import Settings

PACKAGES = ("starlette", "uvicorn", "h11", "python_multipart", "av", "PIL")


def launch(settings: Settings, *, host: str, port: int) -> ThreadedServer:
    """Return a server that listens on an address (port 0 = a free one) and answers.

    Raises `MissingExtraError`, with the install command, when a package is missing, `OSError` when
    the address cannot be had, and whatever else stops the server from starting.
    """
    if any(find_spec(package) is None for package in PACKAGES):
        raise MissingExtraError("sandbox", "the sandbox")
    from vidobs.sandbox.server import ThreadedServer

    server = ThreadedServer(settings, host=host, port=port)
    server.start()
    return server
