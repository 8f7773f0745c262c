"""The SQL of the index, read from the `.sql` files beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from vidobs.ledger.statements import named

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 3  # of the cache; one of another version is made anew


@cache
def schema() -> str:
    """Return the statements that make an empty file a cache."""
    return _text("schema.sql")


@cache
def indices() -> Mapping[str, str]:
    """Return the statements for the indices, which are made when every job was read once."""
    return named(_text("indices.sql"))


@cache
def queries() -> Mapping[str, str]:
    """Return every named statement: those that write, and those that ask."""
    return named(_text("writes.sql")) | named(_text("questions.sql"))


@cache
def source_queries() -> Mapping[str, str]:
    """Return every named statement that reads the ledger."""
    return named(_text("source.sql"))


def _text(name: str) -> str:
    return files("vidobs.dashboard.index").joinpath(name).read_text("utf-8")
