"""Options of `vidobs keys`, the fields they set, and the file that they work on."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vidobs.cli._read import ledger_path
from vidobs.core.errors import ConfigError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vidobs.gateway.governance.fields import Fields
    from vidobs.gateway.governance.spend_rows import SpendRows
    from vidobs.gateway.governance.sqlite_store import SqliteKeyStore

FileOf = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="The gateway's file; else beside the ledger."),
]
Named = Annotated[str, typer.Argument(metavar="KEY", help="Its id, alias, hash or text.")]
Alias = Annotated[str | None, typer.Option(metavar="NAME", help="What people call it.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Only this model of model_list; repeatable."),
]
MaxBudget = Annotated[
    str | None, typer.Option(metavar="USD", help="What may be spent in each window.")
]
SoftBudget = Annotated[
    str | None, typer.Option(metavar="USD", help="Somebody is told when this is reached.")
]
Window = Annotated[
    str | None,
    typer.Option("--budget-duration", metavar="SPAN", help="Length of a window: 24h, 7d, 1mo."),
]
Duration = Annotated[
    str | None, typer.Option(metavar="SPAN", help="The key expires so much later: 24h, 90d.")
]
Rpm = Annotated[
    int | None, typer.Option(metavar="N", help="Creates and downloads a minute; polls are free.")
]
Seconds = Annotated[
    int | None, typer.Option(metavar="N", help="Seconds of video asked for in a minute.")
]
Jobs = Annotated[int | None, typer.Option(metavar="N", help="Jobs that run at a time.")]
UserId = Annotated[str | None, typer.Option(metavar="ID", help="Whose key it is.")]
TeamId = Annotated[str | None, typer.Option(metavar="ID", help="The team it belongs to.")]


@contextmanager
def opened_file(
    file: Path | None, *, make: bool = False
) -> Iterator[tuple[SqliteKeyStore, SpendRows]]:
    """Open the gateway's file; only `create` makes one."""
    from vidobs.gateway.governance.database import beside
    from vidobs.gateway.governance.spend_rows import SpendRows
    from vidobs.gateway.governance.sqlite_store import SqliteKeyStore

    path = beside(ledger_path()) if file is None else str(file.expanduser())
    if not make and not Path(path).exists():
        raise ConfigError(f"there is no {path} yet; vidobs keys create makes it, or name --file")
    store = SqliteKeyStore(path)
    rows = SpendRows(path)
    try:
        yield store, rows
    finally:
        rows.close()
        store.close()


def fields_of(clear: Sequence[str] = (), **given: object) -> Fields:
    """Return what was given as the gateway's own calls have it."""
    from vidobs.gateway.governance.fields import Fields

    values: dict[str, Any] = {
        name: value for name, value in given.items() if value not in (None, [])
    }
    for name in ("max_budget", "soft_budget"):
        if name in values:
            values[name] = _usd(name, str(values[name]))
    for name in clear:
        if name not in given:
            raise ConfigError(unknown_name("field", name, given))
        values[name] = None
    return Fields(**values)


def _usd(name: str, text: str) -> Decimal:
    try:
        return Decimal(text.removeprefix("$"))
    except InvalidOperation:
        raise ConfigError(f"--{name.replace('_', '-')}: got {text!r}; write 12.50") from None
