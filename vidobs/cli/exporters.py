"""`vidobs exporters`: how each stands, wherever it runs, and what can be done about one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from vidobs.cli._read import doors, ledger_path
from vidobs.cli.options import Json, Yes, print_json
from vidobs.cli.render import NOTHING, safe, table
from vidobs.core.errors import ConfigError, VidobsError, unknown_name
from vidobs.core.protocols import BreakerState
from vidobs.runtime.exporter_objects import ExporterObject, known_names, span, standings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rich.table import Table

_STATES = {
    BreakerState.CLOSED: ("ok", "green"),
    BreakerState.OPEN: ("down", "red"),
    BreakerState.HALF_OPEN: ("trying", "yellow"),
    BreakerState.DISABLED: ("off", "red"),
}
ExporterId = Annotated[str, typer.Argument(metavar="ID", help="Such as webhook/audit.")]

exporters = typer.Typer(add_completion=False, invoke_without_command=True, rich_markup_mode=None)


@exporters.callback()
def show(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Show how far each exporter is, what it has not had, and what it said last.

    The ledger knows it of every process that shares it. `waiting` are events that an exporter has
    not had, `lag` is the age of the oldest; `retried` counts batches, the others count events.
    """
    if ctx.invoked_subcommand is not None:
        return
    from vidobs import config

    now = doors(ctx).now()
    found = standings(ledger_path(), config.load().settings, now)
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    if not found:
        console.print("no exporters; name some in `callbacks`, such as VIDOBS_CALLBACKS=jsonl")
        return
    console.print(_table(found))
    notes = [note for one in found for note in _notes(one, now)]
    if notes:
        console.print()
    for note in notes:
        console.print(note, soft_wrap=True)


@exporters.command()
def enable(ctx: typer.Context, exporter: ExporterId, *, as_json: Json = False) -> None:
    """Let an exporter try again that was switched off, because its receiver was gone."""
    from vidobs.ledger.exporters import enable as switch_on
    from vidobs.ledger.sweeper import sweeping

    path = ledger_path()
    _find(ctx, path, exporter)
    with sweeping(path) as sweeper:
        done = switch_on(sweeper, exporter)
    if as_json:
        print_json({"exporter": exporter, "enabled": done})
    elif done:
        typer.echo(f"{exporter} is on again; what waits for it is sent within half a minute")
    else:
        typer.echo(f"nothing to do: {exporter} is on")


@exporters.command()
def forget(
    ctx: typer.Context,
    exporter: ExporterId,
    *,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Forget an exporter that is configured nowhere any more: nothing waits for it any longer.

    Its place in the outbox, its dead letters and its counts go. The events stay in the ledger.
    """
    from vidobs.ledger.exporters import forget as let_go
    from vidobs.ledger.sweeper import sweeping

    path = ledger_path()
    found = _find(ctx, path, exporter)
    if found.configured:
        raise ConfigError(
            f"{exporter} is configured here; take it out of `callbacks` first, or it starts anew "
            "with the next process"
        )
    if not yes:
        question = (
            f"{exporter}: {found.waiting} events that it has not had and {found.dead_letters} dead "
            "letters will not be sent by anybody. Go on?"
        )
        typer.confirm(question, abort=True, err=True)
    with sweeping(path) as sweeper:
        gone = let_go(sweeper, exporter, doors(ctx).now())
    if as_json:
        print_json(gone)
        return
    typer.echo(
        f"{exporter} is forgotten, with {gone.waiting} events that it had not had, "
        f"{gone.asked_again} that were asked for again and {gone.dead_letters} dead letters"
    )


def _find(ctx: typer.Context, path: str, exporter: str) -> ExporterObject:
    """Return an exporter that the ledger knows."""
    from vidobs import config

    found = standings(path, config.load().settings, doors(ctx).now())
    known = [one for one in found if one.known]
    for one in known:
        if one.exporter == exporter:
            return one
    if exporter in known_names(found):
        raise VidobsError(f"the ledger knows nothing of {exporter}: it was never set up yet")
    raise ConfigError(unknown_name("exporter", exporter, known_names(known)))


def _table(found: list[ExporterObject]) -> Table:
    numbers = ("waiting", "lag", "delivered", "retried", "dropped", "dead")
    result = table("exporter", "state", *numbers, "delivered by", right=numbers)
    for column in result.columns[:2]:
        column.no_wrap = True  # an id is copied into other commands
    for one in found:
        dropped = sum(one.dropped.values())
        result.add_row(
            safe(one.exporter),
            _state(one),
            Text(str(one.waiting), style="yellow" if one.waiting else ""),
            NOTHING if one.lag_s is None else span(one.lag_s),
            str(one.delivered),
            str(one.retried),
            Text(str(dropped), style="red" if dropped else ""),
            Text(str(one.dead_letters), style="red" if one.dead_letters else ""),
            safe(one.delivered_by or NOTHING),
        )
    return result


def _state(one: ExporterObject) -> Text:
    if not one.known:
        return Text("new", style="dim")
    word, style = _STATES[one.state]
    if one.state is BreakerState.CLOSED and one.failures:
        word, style = "retrying", "yellow"
    return Text(word, style=style)


def _notes(one: ExporterObject, now: datetime) -> Iterator[Text]:
    """Say what people want to know of an exporter beside its numbers."""
    said = [*_here(one), *_trouble(one, now), *_lost(one)]
    for text in said:
        yield safe(f"{one.exporter}: {text}")


def _here(one: ExporterObject) -> Iterator[str]:
    if one.configured and not one.known:
        yield "configured here, new to the ledger: not durable, or used by no program yet"
    if not one.configured and one.waiting:
        yield f"not configured here: its {one.waiting} events wait for a process that has it"
    elif not one.configured:
        yield "not configured here"


def _trouble(one: ExporterObject, now: datetime) -> Iterator[str]:
    if one.disabled is not None:
        yield f"switched off: {one.disabled}; once that is mended: vidobs exporters enable " + (
            one.exporter
        )
    if one.failures and one.error is not None:
        again = ""
        if one.retry_at is not None and one.retry_at > now:
            again = f", tried again in {span((one.retry_at - now).total_seconds())}"
        yield f"failed {one.failures} times in a row{again}: {one.error}"
    elif one.error is not None and one.failed_at is not None and one.disabled is None:
        yield f"last error, {span((now - one.failed_at).total_seconds())} ago: {one.error}"


def _lost(one: ExporterObject) -> Iterator[str]:
    if one.dropped:
        counts = ", ".join(f"{events} by {reason}" for reason, events in one.dropped.items())
        yield f"never had: {counts}; see outbox_max_days and outbox_max_bytes"
    if one.dead_letters:
        yield f"refused {one.dead_letters} events: vidobs dead list --exporter {one.exporter}"
