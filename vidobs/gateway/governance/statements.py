"""The SQL of the gateway's file, read from the `.sql` files beside this module."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
_HOME = "vidobs.gateway.governance"


@cache
def schema() -> str:
    """Return the statements that make an empty file one of the gateway's."""
    return files(_HOME).joinpath("schema.sql").read_text("utf-8")


@cache
def statements(file: str) -> Mapping[str, str]:
    """Return every named statement of a file; a name stands in a line `-- name --`."""
    text = files(_HOME).joinpath(file).read_text("utf-8")
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("-- ") and line.endswith(" --"):
            name = line[3:-3]
            found[name] = ""
        elif line and not line.startswith("--"):
            found[name] += line + "\n"
    return {name: statement.strip().rstrip(";") for name, statement in found.items()}
