"""Prints the report."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from rows import Row

_WIDTH = 110
_LARGE = 100.0


def show(rows: list[Row], machine: dict[str, object]) -> None:
    """Print one table with a section for each thing measured."""
    table = Table(
        title="What vidobs costs", caption=", ".join(f"{k} {v}" for k, v in machine.items())
    )
    for name in ("", "median", "min - max", "x vidobs", "target", ""):
        table.add_column(name, justify="left" if not name else "right", overflow="fold")
    for what, group in groupby(rows, key=lambda row: (row.what, row.unit)):
        table.add_row(f"[bold]{what[0]}[/bold] ({what[1]})")
        for row in group:
            verdict = row.note if row.median is None else f"{row.verdict} {row.note}".strip()
            spread = (
                "" if row.low is None or row.high is None else f"{_n(row.low)} - {_n(row.high)}"
            )
            table.add_row(
                f"  {row.who}",
                _n(row.median),
                spread,
                "" if row.ratio is None else f"{row.ratio:.1f}",
                "" if row.target is None else ("" if row.at_least else "<= ") + _n(row.target),
                verdict,
            )
        table.add_section()
    console = Console()
    Console(width=max(console.width, _WIDTH)).print(table)


def _n(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:.1f}"
