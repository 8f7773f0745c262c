"""`vidobs relay`: a process of its own that delivers."""

from __future__ import annotations

import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from vidobs.cli._read import doors
from vidobs.cli.options import Json, print_json
from vidobs.cli.relay_lines import Change, RelayLines
from vidobs.core.errors import ConfigError
from vidobs.runtime.exporter_objects import standings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from vidobs.config import Loaded
    from vidobs.runtime.relaying import Relaying

END_S = 2.0  # what a batch that is under way gets at the end
_LOOK_S = 0.5  # between two looks for a ledger that is not there yet


class DrainedObject(msgspec.Struct, frozen=True, kw_only=True):
    """One exporter of `vidobs relay --drain`."""

    exporter: str
    sent: int  # events that arrived
    refused: int  # events that became dead letters
    left: int  # events that it has not had
    why: str | None = None  # what it said last, where some are left


def relay(
    ctx: typer.Context,
    *,
    drain: Annotated[
        bool,
        typer.Option("--drain", help="Send everything that waits now, and end."),
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long --drain may take.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Deliver what waits for the exporters that are configured here, until SIGINT or SIGTERM.

    It takes what any process has recorded. With --drain every exporter is tried at once, even one
    that was left alone because it kept failing; the exit code is 0 when nothing is left, else 1.
    """
    from vidobs import config

    loaded = config.load()
    if loaded.settings.disabled:
        typer.echo(f"vidobs is switched off by {loaded.provenance['disabled']}", err=True)
        return
    now = doors(ctx).now
    lines = RelayLines(now, as_json=as_json)
    relaying = _relaying(loaded, lines)
    try:
        if drain:
            _drain(relaying, lines, loaded, timeout, now=now(), as_json=as_json)
        else:
            _serve(relaying, lines)
    finally:
        relaying.close(END_S)


def _relaying(loaded: Loaded, lines: RelayLines) -> Relaying:
    from vidobs.runtime.relaying import Relaying

    relaying = Relaying(loaded, tell=lines)
    for exporter in relaying.skipped:
        typer.echo(f"{exporter.name} is not durable: nothing waits for it", err=True)
    if not relaying.exporters:
        raise ConfigError(
            "there is no exporter to deliver to; name durable ones in `callbacks`, such as "
            "VIDOBS_CALLBACKS=webhook"
        )
    return relaying


# -- until somebody ends it ------------------------------------------------------------------------


def _serve(relaying: Relaying, lines: RelayLines) -> None:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _wait_for_ledger(relaying)
        relaying.start()
        for exporter, waiting in relaying.behind().items():
            lines.say(exporter, Change.STARTED, f"{waiting} events wait", events=waiting)
        while True:
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_for_ledger(relaying: Relaying) -> None:
    if not relaying.has_ledger:
        typer.echo(f"no ledger at {relaying.path} yet; waiting for the first job", err=True)
    while not relaying.has_ledger:
        time.sleep(_LOOK_S)


# -- everything, once ------------------------------------------------------------------------------


def _drain(
    relaying: Relaying,
    lines: RelayLines,
    loaded: Loaded,
    timeout: float,
    *,
    now: datetime,
    as_json: bool,
) -> None:
    left: Mapping[str, int] = Counter()
    if relaying.has_ledger:
        lines.quiet = True
        relaying.start()
        relaying.drain(timeout)
        left = relaying.behind()
    said = {one.exporter: one for one in standings(relaying.path, loaded.settings, now)}
    drained = [
        DrainedObject(
            exporter=one.name,
            sent=lines.sent[one.name],
            refused=lines.refused[one.name],
            left=left[one.name],
            why=(said[one.name].disabled or said[one.name].error) if left[one.name] else None,
        )
        for one in relaying.exporters
    ]
    if as_json:
        print_json(drained)
    else:
        for text in _texts(drained):
            typer.echo(text)
    if any(one.left for one in drained):
        raise typer.Exit(1)


def _texts(drained: list[DrainedObject]) -> Iterator[str]:
    for one in drained:
        parts = [f"{one.sent} events sent"]
        if one.refused:
            parts.append(f"{one.refused} refused, see vidobs dead list")
        parts.append("nothing left" if not one.left else f"{one.left} left")
        why = f": {one.why or 'there was not time enough'}" if one.left else ""
        yield f"{one.exporter}: {', '.join(parts)}{why}"
