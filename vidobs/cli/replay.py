"""`vidobs replay`: what an exporter had once, or never, once more."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
import typer

from vidobs.cli._read import doors, ledger_path
from vidobs.cli.options import Json, print_json, read_since
from vidobs.core.errors import ConfigError, unknown_name
from vidobs.runtime.exporter_objects import known_names, standings


class ReplayObject(msgspec.Struct, frozen=True):
    """What `vidobs replay --json` prints."""

    exporter: str
    events: int
    dry_run: bool


def replay(
    ctx: typer.Context,
    *,
    since: Annotated[
        str,
        typer.Option(metavar="WHEN", help="From then on: 24h, 7d, 2026-01-01 or a time (UTC)."),
    ],
    exporter: Annotated[str, typer.Option(metavar="ID", help="To this exporter.")],
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Up to then; else up to now.")
    ] = None,
    all_events: Annotated[
        bool,
        typer.Option(
            "--all-events",
            help="Also what was not for it when it was recorded, or was dropped from its queue.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    as_json: Json = False,
) -> None:
    """Have an exporter's events of a time delivered once more, with the ids they had.

    They go beside what waits, which is not held up; what it has not had yet comes anyway and is
    not counted. Without --all-events only events that were for this exporter are sent: those
    recorded by programs that had it configured.
    """
    from vidobs.ledger import exporters
    from vidobs.ledger.sweeper import sweeping

    now = doors(ctx).now()
    first, last = read_since(since, now), read_since(until, now, option="--until")
    if first is None or (last is not None and last <= first):
        raise ConfigError(f"--until: got {until!r}, which is not after --since {since!r}")
    path = ledger_path()
    _check_known(ctx, path, exporter)
    past = exporters.Past(exporter=exporter, since=first, until=last, every=all_events)
    with sweeping(path) as sweeper:
        ask = exporters.count if dry_run else partial(exporters.replay, now=now)
        count = ask(sweeper, past)
    if as_json:
        print_json(ReplayObject(exporter, count, dry_run))
        return
    events = f"{count} event{'' if count == 1 else 's'}"
    typer.echo(f"{events} {'would' if dry_run else 'will'} be delivered to {exporter} once more")


def _check_known(ctx: typer.Context, path: str, exporter: str) -> None:
    from vidobs import config

    known = known_names(standings(path, config.load().settings, doors(ctx).now()))
    if exporter not in known:
        raise ConfigError(unknown_name("exporter", exporter, known))
