"""The command `vidobs`."""

from vidobs.cli.entry import main

__all__ = ["main"]
