"""`vidobs ledger`: the file itself - what it holds, whether it is sound, and what may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from vidobs.cli._read import doors, ledger_path
from vidobs.cli.options import Json, print_json
from vidobs.cli.purge import purge
from vidobs.cli.render import STYLES, safe, table
from vidobs.core.jobs import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from vidobs.core.reports import LedgerSurvey

_KB = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")

ledger = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look after the file of the ledger.",
)


@ledger.command()
def info(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Show what the ledger holds and who uses it."""
    from vidobs.ledger.survey import survey

    found = survey(ledger_path(), doors(ctx).now())
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    grid = table("", "")
    grid.show_header = False
    grid.box = None
    for name, text in _facts(found):
        grid.add_row(Text(name, style="dim"), text)
    console.print(grid)
    if found.exporters:
        console.print()
        console.print(_exporters(found))
    if found.processes:
        console.print()
        console.print(_processes(found))


@ledger.command()
def check(*, as_json: Json = False) -> None:
    """Look for damage and broken rules; exit code 1 if so.

    The rules are SQLite's own, one settlement and one last event for each job that ended, and a
    place for every event, cursor and dead letter. Reads the whole file.
    """
    from vidobs.ledger.invariants import INVARIANTS, violations

    found = violations(ledger_path())
    if as_json:
        print_json({"ok": not found, "violations": found})
    elif not found:
        typer.echo(f"nothing wrong: no damage, and {len(INVARIANTS)} rules hold")
    console = Console(highlight=False, quiet=as_json, soft_wrap=True)
    for violation in found:
        text = Text("WRONG ", style="red").append(violation.rule, style="default")
        text.append(f": not so {violation.count} time{'' if violation.count == 1 else 's'}")
        console.print(text.append(", such as " if violation.examples else "", style="default"))
        for example in violation.examples:
            console.print(Text("  ").append_text(safe(example)))
    if found:
        raise typer.Exit(1)


@ledger.command()
def migrate(*, as_json: Json = False) -> None:
    """Bring an older ledger to the tables of this version.

    A program that uses the ledger does so by itself; this does it at a time of your choice.
    """
    from vidobs.ledger.database import migrate as bring_up

    path = ledger_path()
    before, after = bring_up(path)
    if as_json:
        print_json({"path": path, "before": before, "after": after})
    elif before == after:
        typer.echo(f"nothing to do: {path} has schema {after} already")
    else:
        typer.echo(f"brought {path} from schema {before} to {after}")


ledger.command()(purge)


def _facts(found: LedgerSurvey) -> Iterator[tuple[str, Text]]:
    yield "file", safe(found.path)
    log = f", and {size(found.wal_bytes)} in its write-ahead log" if found.wal_bytes else ""
    yield "size", Text(f"{size(found.size_bytes)}{log}")
    yield "schema", Text(str(found.schema))
    jobs = Text(str(sum(found.jobs.values())))
    for state, count in found.jobs.items():
        jobs.append(f"  {count} ").append(state, style=STYLES[JobState(state)])
    yield "jobs", jobs
    if found.oldest is not None and found.newest is not None:
        yield "created", Text(f"{found.oldest:%Y-%m-%d %H:%M} to {found.newest:%Y-%m-%d %H:%M} UTC")
    yield "events", Text(str(found.events))
    yield "spend", Text(f"{found.spend_entries} entries")
    letters = sum(one.dead_letters for one in found.exporters)
    yield "dead letters", Text(str(letters), style="red" if letters else "")


def _exporters(found: LedgerSurvey) -> Table:
    numbers = ("place", "behind", "dead letters")
    result = table("exporter", *numbers, "delivered by", right=numbers)
    for one in found.exporters:
        result.add_row(
            safe(one.exporter),
            str(one.cursor),
            Text(str(one.behind), style="yellow" if one.behind else ""),
            Text(str(one.dead_letters), style="red" if one.dead_letters else ""),
            safe(one.worker or "-"),
        )
    return result


def _processes(found: LedgerSurvey) -> Table:
    result = table("process", "host", "last seen", "")
    for one in found.processes:
        result.add_row(
            str(one.pid),
            safe(one.host),
            f"{one.seen_at:%Y-%m-%d %H:%M:%S} UTC",
            Text("alive", style="green") if one.alive else Text("gone", style="dim"),
        )
    return result


def size(count: int) -> str:
    """Return a number of bytes for people, such as `12.3 MB`."""
    number, units = float(count), list(_UNITS)
    while number >= _KB and len(units) > 1:
        number /= _KB
        units.pop(0)
    return f"{count} bytes" if units[0] == "bytes" else f"{number:.1f} {units[0]}"
