"""Data files that ship with vidobs. Where each price comes from: docs/prices.md."""

from __future__ import annotations

from importlib.resources import files


def price_table() -> bytes:
    """Return the built-in price table, JSON. Reads the file on every call."""
    return files(__name__).joinpath("prices.json").read_bytes()
