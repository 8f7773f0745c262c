"""`vidobs tail`: what happens in the ledger, as it happens, whichever process does it."""

from __future__ import annotations

import json
import os
import select
import sys
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from vidobs.cli._read import doors, ledger_path
from vidobs.cli.event_filter import EventFilter, names_of, tags_of
from vidobs.cli.options import read_since
from vidobs.cli.render import safe
from vidobs.core.errors import LedgerBusyError, LedgerMissingError
from vidobs.core.jobs import JobState  # noqa: TC001 - typer resolves the annotations at run time
from vidobs.delivery.encoding import event_to_json
from vidobs.delivery.event_line import EventLine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from vidobs.core.events import VideoEvent
    from vidobs.ledger.follower import Follower

FIRST_REST_S = 0.02
MOST_REST_S = 0.5
_CALMER = 1.5


def tail(
    ctx: typer.Context,
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(help="Only these events, such as video.failed or 'video.*'; repeatable."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only jobs of this model.")] = None,
    provider: Annotated[str | None, typer.Option(help="Only jobs at this provider.")] = None,
    state: Annotated[JobState | None, typer.Option(help="Only jobs then in this state.")] = None,
    user: Annotated[str | None, typer.Option(help="Only jobs for this user.")] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only jobs with this tag; repeatable."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="Show the past first, from then on: 10m, 24h, or a time."
        ),
    ] = None,
    follow: Annotated[bool, typer.Option(help="Wait for more, or end at the last one.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="End when this many were shown.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
) -> None:
    """Show events as they happen, whichever process they happen in; Ctrl-C ends.

    With --since the past comes first, with --no-follow alone all of it.
    """
    from vidobs.ledger.follower import Follower

    wanted = EventFilter(
        names=names_of(event or ()),
        model=model,
        provider=provider,
        state=state,
        user=user,
        tags=tags_of(tag or ()),
    )
    moment = read_since(since, doors(ctx).now())
    follower = Follower(ledger_path(), since=moment, everything=not follow)
    _watch_until_told(follower, Page(_as_json if as_json else _as_lines(), wanted, limit), follow)


def _watch_until_told(follower: Follower, page: Page, follow: bool) -> None:
    """Watch until Ctrl-C, or until nobody reads stdout any more."""
    try:
        watch(follower, page, stop=Event(), follow=follow)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        follower.close()


class Page:
    """Writes the wanted events to stdout, until it is full."""

    def __init__(
        self,
        write: Callable[[Sequence[VideoEvent]], str],
        wanted: EventFilter,
        limit: int | None = None,
    ) -> None:
        self._write = write
        self._wanted = wanted
        self._left = limit

    @property
    def full(self) -> bool:
        """Whether as many as wanted were shown."""
        return self._left == 0

    def show(self, events: Sequence[VideoEvent]) -> None:
        """Write those of the events that are wanted."""
        fitting = [event for event in events if self._wanted.fits(event)][: self._left]
        if self._left is not None:
            self._left -= len(fitting)
        if fitting:
            sys.stdout.write(self._write(fitting))
            sys.stdout.flush()


def watch(follower: Follower, page: Page, *, stop: Event, follow: bool) -> None:
    """Show what comes until `stop` is set or the page is full, looking less often in quiet times.

    Raises `BrokenPipeError` when nobody reads stdout any more.
    """
    rest_s = FIRST_REST_S
    missing = False
    while not (page.full or stop.is_set()):
        events: Sequence[VideoEvent] = ()
        busy = False
        try:
            events = follower.read()
            missing = False
        except LedgerBusyError:
            busy = True
        except LedgerMissingError:
            if not missing:
                _tell_missing(follower.path, waiting=follow)
            missing = True
        page.show(events)
        if events:
            rest_s = FIRST_REST_S
        elif not (follow or busy):
            return
        else:
            _check_reader()
            stop.wait(rest_s)
            rest_s = min(rest_s * _CALMER, MOST_REST_S)


def _tell_missing(path: str, *, waiting: bool) -> None:
    more = "; waiting for the first job" if waiting else ""
    Console(stderr=True, soft_wrap=True).print(
        safe(f"no ledger at {path} yet{more}", style="dim"), highlight=False
    )


def _check_reader() -> None:
    """Raise `BrokenPipeError` when stdout is a pipe that nobody reads, before there is a line."""
    if not hasattr(select, "poll"):
        return
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # not a stream of the system's
        return
    poller = select.poll()
    poller.register(descriptor, 0)
    if any(state & select.POLLERR for _, state in poller.poll(0)):
        raise BrokenPipeError


def _as_json(events: Sequence[VideoEvent]) -> str:
    """Return what exporters send, with everything but ASCII escaped."""
    objects = (json.loads(event_to_json(event)) for event in events)
    return "".join(f"{json.dumps(found, separators=(',', ':'))}\n" for found in objects)


def _as_lines() -> Callable[[Sequence[VideoEvent]], str]:
    """Return what makes lines for the terminal that there is, with a line for each new day."""
    console = Console()
    on_terminal = console.is_terminal
    last: date | None = None

    def write(events: Sequence[VideoEvent]) -> str:
        nonlocal last
        line = EventLine(
            colour=on_terminal and console.color_system is not None,
            ascii_only=console.options.ascii_only,
            width=console.width if on_terminal else None,  # it may have changed
        )
        lines = []
        for event in events:
            day = event.at.astimezone().date()
            if last is not None and day != last:
                lines.append(f"{day:%A, %Y-%m-%d}")
            last = day
            lines.append(line.of(event))
        return "".join(f"{text}\n" for text in lines)

    return write
