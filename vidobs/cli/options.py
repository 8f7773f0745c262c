"""Options that several commands share, and how they are read."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from vidobs.core.errors import ConfigError

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Only jobs created since then: 24h, 7d, 2026-01-01 or 2026-01-01T12:00 (UTC).",
    ),
]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

_AGO = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_since(text: str | None, now: datetime, *, option: str = "--since") -> datetime | None:
    """Read a time: so long ago, or a date or time, in UTC where it names no zone.

    Raises:
        ConfigError: it is neither.
    """
    if text is None:
        return None
    try:
        ago = _AGO.fullmatch(text.strip())
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        when = datetime.fromisoformat(text.strip())
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{option}: got {text!r}; write 24h, 7d, 2026-01-01 or 2026-01-01T12:00"
        ) from None


def print_json(value: object) -> None:
    """Print a record or a list of records; everything but ASCII is escaped."""
    typer.echo(json.dumps(msgspec.to_builtins(value), indent=2))
