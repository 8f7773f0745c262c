"""`vidobs reconcile`: how did the jobs end that nobody asked about?"""

from __future__ import annotations

import json
import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from vidobs.cli._read import Doors, doors, ledger_path
from vidobs.cli.options import Json, print_json, read_since
from vidobs.cli.reconcile_rows import line, line_object, report_object, tables
from vidobs.core.errors import ConfigError
from vidobs.core.reconciled import ReconcileReport

if TYPE_CHECKING:
    from datetime import datetime

    from vidobs.core.reconciled import Double, Orphan, Reconciled
    from vidobs.sdk.reconcile._reconciler import Reconciler

_LEAST_INTERVAL = timedelta(seconds=1)

Watch = Annotated[
    bool, typer.Option("--watch", help="Go on until SIGINT or SIGTERM, at each server's pace.")
]
Lately = Annotated[
    str,
    typer.Option(
        "--since", metavar="WHEN", help="Only jobs created since then: 24h, 7d, or a time."
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The server, instead of OPENAI_BASE_URL and its like."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say who would be asked about what; ask nobody.")
]
Interval = Annotated[
    str, typer.Option(metavar="TIME", help="How often --watch looks for other jobs: 60s, 5m.")
]


def reconcile(
    ctx: typer.Context,
    *,
    watch: Watch = False,
    since: Lately = "7d",
    provider: Annotated[str | None, typer.Option(help="Only jobs at this provider.")] = None,
    base_url: BaseUrl = None,
    dry_run: DryRun = False,
    interval: Interval = "60s",
    as_json: Json = False,
) -> None:
    """Ask servers about the jobs that have not ended, and settle them.

    Jobs that are queued, running or of unknown outcome are asked about at the server that made
    them, if the environment has its key: OPENAI_BASE_URL and OPENAI_API_KEY, or those of another
    dialect. Videos that the ledger does not know, and requests that may have been made twice, are
    shown. Any number of processes share the work. The exit code is 0 when every job has ended,
    else 1; docs/reconcile.md has the rules.
    """
    from vidobs import config

    loaded = config.load()
    if loaded.settings.disabled:
        typer.echo(f"vidobs is switched off by {loaded.provenance['disabled']}", err=True)
        return
    now = doors(ctx).now()
    ago = now - (read_since(since, now) or now)
    pause = read_interval(interval, now)
    path = ledger_path()
    if not watch and not Path(path).exists():
        _show(ReconcileReport(), as_json=as_json)
        return
    reconciler = _reconciler(ago, provider, base_url)
    try:
        if watch:
            _watch(reconciler, doors(ctx), pause, as_json=as_json)
            return
        report = reconciler.plan() if dry_run else reconciler.everything()
    finally:
        reconciler.close()
    _show(report, as_json=as_json)
    if report.left:
        raise typer.Exit(1)


def read_interval(text: str, now: datetime) -> timedelta:
    """Read a length of time; raise `ConfigError` when it is none."""
    try:
        pause = now - (read_since(text, now) or now)
    except ConfigError:
        pause = timedelta()
    if pause < _LEAST_INTERVAL or pause > timedelta(days=1):
        raise ConfigError(f"--interval: got {text!r}; write 60s, 5m or 1h, a second at least")
    return pause


def _reconciler(since: timedelta, provider: str | None, base_url: str | None) -> Reconciler:
    from vidobs import runtime
    from vidobs.sdk.reconcile._reconciler import Reconciler, Scope

    running = runtime.current()
    if running is None:
        raise ConfigError("vidobs is switched off")
    return Reconciler(running, Scope(since=since, provider=provider, base_url=base_url))


def _show(report: ReconcileReport, *, as_json: bool) -> None:
    if as_json:
        print_json(report_object(report))
        return
    console = Console(highlight=False)
    for one in tables(report):
        console.print(one, soft_wrap=isinstance(one, Text))


def _watch(reconciler: Reconciler, door: Doors, pause: timedelta, *, as_json: bool) -> None:
    from vidobs.sdk.reconcile._watching import Watcher

    console = Console(highlight=False, soft_wrap=True)

    def tell(said: Reconciled | Orphan | Double) -> None:
        if as_json:
            typer.echo(json.dumps(msgspec.to_builtins(line_object(said))))
        else:
            console.print(line(said, door.now()))

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        Watcher(reconciler, tell, interval_s=pause.total_seconds()).run()
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
