"""`vidobs dead`: events that an exporter refused for good."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from vidobs.cli._read import doors, ledger_path
from vidobs.cli.options import Json, Yes, print_json
from vidobs.cli.render import NOTHING, safe, table
from vidobs.core.errors import ConfigError
from vidobs.core.objects import letter_object
from vidobs.delivery.encoding import event_to_json

if TYPE_CHECKING:
    from vidobs.ledger.dead_letters import Chosen

_ID_CHARS = 23  # of an event's id: its time, to a fraction of a millisecond, and some chance
Exporter = Annotated[
    str | None, typer.Option(metavar="ID", help="Only what this exporter refused.")
]
EventIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="EVENT", help="Ids of events, or their beginnings."),
]
All = Annotated[bool, typer.Option("--all", help="Every dead letter there is.")]

dead = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look after dead letters: events that an exporter refused for good.",
)


@dead.command(name="list")
def list_letters(
    *,
    exporter: Exporter = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 100,
    as_json: Json = False,
) -> None:
    """List dead letters, those given up last first."""
    from vidobs.ledger.dead_letters import dead_letters

    found = dead_letters(ledger_path(), exporter=exporter, limit=limit)
    if as_json:
        print_json([letter_object(letter) for letter in found])
        return
    console = Console(highlight=False)
    if not found:
        console.print("no dead letters")
        return
    result = table("event id", "exporter", "given up (UTC)", "event", "error")
    result.columns[0].no_wrap = True
    for letter in found:
        result.add_row(
            safe(letter.event_id[:_ID_CHARS]),
            safe(letter.exporter),
            f"{letter.at:%Y-%m-%d %H:%M:%S}",
            safe(NOTHING if letter.event is None else letter.event.name),
            safe(letter.error),
        )
    console.print(result)


@dead.command()
def show(
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="Id of the event, or its beginning.")
    ],
    *,
    exporter: Exporter = None,
    as_json: Json = False,
) -> None:
    """Show a dead letter: who refused it when and why, and the whole event."""
    from vidobs.ledger.dead_letters import dead_letters, whole_ids

    path = ledger_path()
    (event_id,) = whole_ids(path, [event], exporter=exporter)
    found = dead_letters(path, exporter=exporter, prefix=event_id)
    event_there = found[0].event
    whole = None if event_there is None else json.loads(event_to_json(event_there))
    if as_json:
        letters = [letter_object(letter) for letter in found]
        print_json({"letters": letters, "event": whole})
        return
    console = Console(highlight=False, soft_wrap=True)
    for letter in found:
        console.print(safe(f"{letter.exporter} gave up at {letter.at:%Y-%m-%d %H:%M:%S} UTC"))
        console.print(safe(f"  {letter.error}" if letter.error else "  the text was purged"))
    typer.echo("the event cannot be read" if whole is None else json.dumps(whole, indent=2))


@dead.command()
def replay(
    ctx: typer.Context,
    events: EventIds = None,
    *,
    exporter: Exporter = None,
    every: All = False,
    as_json: Json = False,
) -> None:
    """Have dead letters delivered once more, by whichever process has the exporter.

    One that is refused again is among the dead letters again.
    """
    from vidobs.ledger import codec
    from vidobs.ledger import dead_letters as letters
    from vidobs.ledger.sweeper import sweeping

    path = ledger_path()
    chosen = _chosen(path, events, exporter, every=every)
    with sweeping(path) as sweeper:
        asked = letters.replay(sweeper, chosen, codec.us(doors(ctx).now()))
    if as_json:
        print_json({"asked_again": asked})
        return
    typer.echo(f"{_letters(asked)} will be delivered once more; vidobs exporters shows how it goes")


@dead.command()
def purge(
    events: EventIds = None,
    *,
    exporter: Exporter = None,
    every: All = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Forget dead letters: nobody delivers them any more. The events stay in the ledger."""
    from vidobs.ledger import dead_letters as letters
    from vidobs.ledger.sweeper import sweeping

    path = ledger_path()
    chosen = _chosen(path, events, exporter, every=every)
    count = letters.count(path, chosen)
    if count and not yes:
        typer.confirm(f"{_letters(count)} will be forgotten. Go on?", abort=True, err=True)
    with sweeping(path) as sweeper:
        purged = letters.purge(sweeper, chosen)
    if as_json:
        print_json({"purged": purged})
        return
    typer.echo(f"{_letters(purged)} forgotten")


def _chosen(path: str, events: list[str] | None, exporter: str | None, *, every: bool) -> Chosen:
    """Return which dead letters are meant."""
    from vidobs.ledger.dead_letters import Chosen, whole_ids

    if every and (events or exporter):
        raise ConfigError("--all means every dead letter; leave the ids and --exporter out")
    if not (events or exporter or every):
        raise ConfigError("say which dead letters: ids of events, --exporter ID or --all")
    if events:
        return Chosen(exporter=exporter, event_ids=whole_ids(path, events, exporter=exporter))
    return Chosen(exporter=exporter)


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"
