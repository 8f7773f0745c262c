"""`vidobs spend`: what the jobs cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from vidobs.cli._read import doors
from vidobs.cli.options import Json, Since, print_json, read_since
from vidobs.cli.render import length, safe, spend_text, table
from vidobs.core.money import plain
from vidobs.core.objects import spend_object


class By(StrEnum):
    """What the rows of spend are."""

    MODEL = "model"
    PROVIDER = "provider"
    DAY = "day"
    USER = "user"
    TAG = "tag"


def spend(
    ctx: typer.Context,
    *,
    by: Annotated[By, typer.Option(help="What the rows are.")] = By.MODEL,
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Show what the jobs cost, and what nobody knows about it."""
    moment = read_since(since, doors(ctx).now())
    found = doors(ctx).open_reader().spend(by.value, moment)
    if as_json:
        print_json(spend_object(found))
        return
    numbers = ("jobs", "video", "unknown", "possible", "cost")
    result = table(by.value, *numbers, right=numbers)
    for row in found.rows:
        result.add_row(
            safe(row.key if row.key is not None else "(none)"),
            str(row.jobs),
            length(row.seconds),
            str(row.unknown or "-"),
            f"${plain(row.possible_usd)}" if row.possible_usd else "-",
            f"${plain(row.usd)}" if row.priced else "unknown",
        )
    console = Console(highlight=False)
    console.print(result)
    console.print(spend_text(found.total_usd, found.possible_usd))
