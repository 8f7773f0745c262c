"""The command line: which commands there are, and what an error looks like.

A command's module is imported when the command runs, so that `vidobs jobs` does not wait for what
only `vidobs demo` needs.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup
from typer.main import get_command

from vidobs.core.errors import ConfigError, VidobsError, unknown_name
from vidobs.core.scrub import scrub

COMMANDS = {
    "demo": "vidobs.cli.demo:demo",
    "ui": "vidobs.cli.ui:ui",
    "gateway": "vidobs.cli.gateway:gateway",
    "keys": "vidobs.cli.keys:keys",
    "dashboards": "vidobs.cli.dashboards:dashboards",
    "sandbox": "vidobs.cli.sandbox:sandbox",
    "jobs": "vidobs.cli.jobs:jobs",
    "job": "vidobs.cli.job:job",
    "tail": "vidobs.cli.tail:tail",
    "spend": "vidobs.cli.spend:spend",
    "prices": "vidobs.cli.prices:prices",
    "reconcile": "vidobs.cli.reconcile:reconcile",
    "exporters": "vidobs.cli.exporters:exporters",
    "relay": "vidobs.cli.relay:relay",
    "dead": "vidobs.cli.dead:dead",
    "replay": "vidobs.cli.replay:replay",
    "webhook": "vidobs.cli.webhook:webhook",
    "ledger": "vidobs.cli.ledger:ledger",
    "config": "vidobs.cli.config:config",
    "doctor": "vidobs.cli.doctor:doctor",
}
WRONG = 2  # exit code of every error that vidobs reports itself


class Commands(TyperGroup):
    """The commands of the table, each imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own signature
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer's own signature
        """Import a command."""
        if cmd_name in COMMANDS:
            return _imported(cmd_name)
        if ctx.resilient_parsing:  # completion in a shell asks about half a word
            return None
        raise ConfigError(unknown_name("command", cmd_name, COMMANDS))

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own signature
        """Run a command; our own errors become one red line and exit code 2."""
        try:
            return super().invoke(ctx)
        except VidobsError as error:
            say(error)
            raise typer.Exit(WRONG) from None


def say(error: VidobsError) -> None:
    """Write an error to stderr as one red line."""
    said = scrub(str(error))
    Console(stderr=True, soft_wrap=True).print(Text(f"error: {said}", style="red"))


def _imported(name: str) -> Any:  # noqa: ANN401 - click's command class, whose module differs by version
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):  # a command of commands
        return get_command(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return get_command(alone)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def installed_version() -> str:
    """Return the version of vidobs, as its package says."""
    try:
        return version("vidobs")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vidobs {installed_version()}")
        raise typer.Exit


@app.callback()
def vidobs(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Follow video jobs: what they cost, where they stand, and whether they were paid twice."""
