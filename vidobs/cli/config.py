"""`vidobs config`: what holds, and where each value came from."""

from __future__ import annotations

import json

import msgspec
from rich.console import Console

from vidobs import config as configuration
from vidobs.cli.options import Json, print_json
from vidobs.cli.render import safe, table


class ConfigObject(msgspec.Struct, frozen=True):
    """What `vidobs config --json` prints."""

    file: str | None
    warnings: tuple[str, ...]
    settings: tuple[configuration.Shown, ...]


def config(*, as_json: Json = False) -> None:
    """Show the settings that hold here, and where each came from. Secrets are masked."""
    loaded = configuration.load()
    rows = configuration.shown(loaded)
    if as_json:
        print_json(ConfigObject(loaded.file, loaded.warnings, rows))
        return
    for warning in loaded.warnings:
        Console(stderr=True).print(safe(f"warning: {warning}", style="yellow"))
    result = table("setting", "value", "from")
    for row in rows:
        result.add_row(safe(row.name), safe(_words(row.value)), safe(row.source, _style(row)))
    Console(highlight=False).print(result)


def _words(value: object) -> str:
    """A value in one line; JSON where it is more than a word."""
    if value is None or value in ([], {}):
        return "-"
    if isinstance(value, str):
        return value
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)


def _style(row: configuration.Shown) -> str:
    return "dim" if row.source == "default" else "green"
