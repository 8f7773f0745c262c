"""The command `vidobs`."""

from vidobs.cli.app import main

__all__ = ["main"]
