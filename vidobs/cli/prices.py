"""`vidobs prices`: the price book, with the rows of the settings in it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from vidobs import config
from vidobs.cli.options import Json, print_json
from vidobs.cli.render import safe, table
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.core.money import plain
from vidobs.core.prices import PriceBook, PriceRow, read_price_table
from vidobs.data import price_table

if TYPE_CHECKING:
    from collections.abc import Iterator


def prices(
    *,
    model: Annotated[str | None, typer.Option(help="Only rows that price this model.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only rows of this provider.")] = None,
    as_json: Json = False,
) -> None:
    """List what models cost, where each price was read, and when."""
    book = PriceBook(read_price_table(price_table()).rows).with_rows(config.load().settings.prices)
    if provider is not None and provider.lower() not in book.providers():
        raise ConfigError(unknown_name("provider", provider, book.providers()))
    rows = book.rows(provider, model)
    if as_json:
        print_json([dict(_object(row)) for row in rows])
        return
    console = Console(highlight=False)
    if not rows:
        console.print(safe(f"no price of {model!r}; add one under `prices` in vidobs.yaml"))
        return
    result = table("provider", "model", "unit", "for", "USD", "status", "as of", right=("USD",))
    for row in rows:
        result.add_row(
            safe(row.provider),
            safe(row.model),
            safe(row.unit),
            safe(_for(row)),
            "-" if row.usd is None else plain(row.usd),
            safe(row.status),
            safe(str(row.as_of or "-")),
        )
    console.print(result)


def _object(row: PriceRow) -> Iterator[tuple[str, object]]:
    """The row for `--json`, amounts as plain digits."""
    yield "id", row.row_id
    for name, value in msgspec.structs.asdict(row).items():
        yield name, plain(value) if name == "usd" and value is not None else _digits(value)


def _digits(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) else value


def _for(row: PriceRow) -> str:
    """Which videos the row is for: what stands behind the `@` of its id."""
    return row.row_id.partition("@")[2] or "any"
