"""The SQL of the ledger, read from the `.sql` files beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 2


@cache
def schema() -> str:
    """Return the statements that make an empty file a ledger."""
    return files("vidobs.ledger").joinpath("schema.sql").read_text("utf-8")


def steps_from(version: int) -> list[str]:
    """Return the statements that bring an older schema up to this one, step by step.

    Those that lead to schema 2 stand in `schema_2.sql`, and so on.
    """
    folder = files("vidobs.ledger")
    return [
        folder.joinpath(f"schema_{step}.sql").read_text("utf-8")
        for step in range(version + 1, SCHEMA_VERSION + 1)
    ]


@cache
def queries() -> Mapping[str, str]:
    """Return every named statement of `queries.sql`."""
    return named(files("vidobs.ledger").joinpath("queries.sql").read_text("utf-8"))


def named(text: str) -> dict[str, str]:
    """Return the statements of a file by name; a name stands in a line `-- name --`."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("-- ") and line.endswith(" --"):
            name = line[3:-3]
            found[name] = ""
        elif line and not line.startswith("--"):
            found[name] += line + "\n"
    return {name: statement.strip().rstrip(";") for name, statement in found.items()}
