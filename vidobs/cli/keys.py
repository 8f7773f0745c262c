"""`vidobs keys`: the virtual keys of the gateway, in its file, whether it runs or not."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from vidobs.cli._read import doors
from vidobs.cli.keys_options import (
    Alias,
    Duration,
    FileOf,
    Jobs,
    MaxBudget,
    Models,
    Named,
    Rpm,
    Seconds,
    SoftBudget,
    TeamId,
    UserId,
    Window,
    fields_of,
    opened_file,
)
from vidobs.cli.options import Json, Yes, print_json, read_since

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from vidobs.cli.keys_shown import KeyLine
    from vidobs.gateway.governance.changes import Act, Opened
    from vidobs.gateway.governance.records import Account
    from vidobs.gateway.governance.spend_rows import SpendRows
    from vidobs.gateway.governance.sqlite_store import SqliteKeyStore

keys = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look after the gateway's virtual keys; a running gateway notices within a second.",
)


@keys.command()
def create(
    ctx: typer.Context,
    *,
    alias: Alias = None,
    models: Models = None,
    max_budget: MaxBudget = None,
    soft_budget: SoftBudget = None,
    budget_duration: Window = None,
    duration: Duration = None,
    rpm_limit: Rpm = None,
    output_seconds_per_minute: Seconds = None,
    max_parallel_requests: Jobs = None,
    user_id: UserId = None,
    team_id: TeamId = None,
    file: FileOf = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it: the only time that anybody sees it."""
    from vidobs.gateway.governance import changes, placing
    from vidobs.gateway.governance.records import Account, Kind
    from vidobs.gateway.governance.tokens import new_owner

    fields = fields_of(
        key_alias=alias,
        models=models,
        max_budget=max_budget,
        soft_budget=soft_budget,
        budget_duration=budget_duration,
        duration=duration,
        rpm_limit=rpm_limit,
        output_seconds_per_minute=output_seconds_per_minute,
        max_parallel_requests=max_parallel_requests,
        user_id=user_id,
        team_id=team_id,
    )
    act = _act(ctx)
    with opened_file(file, make=True) as (store, rows):
        new = Account(kind=Kind.KEY, id=new_owner(), created_at=act.now, updated_at=act.now)
        made = changes.create_key(store, placing.placed(store, new, fields, act.now), act)
        _print_once(made, _line(store, rows, made.account, act.now), as_json=as_json)


@keys.command(name="list")
def list_keys(
    ctx: typer.Context,
    *,
    user_id: UserId = None,
    team_id: TeamId = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 100,
    file: FileOf = None,
    as_json: Json = False,
) -> None:
    """List keys, the newest first."""
    from vidobs.cli.keys_shown import keys_table
    from vidobs.gateway.governance.records import Kind
    from vidobs.gateway.governance.store import Wanted

    wanted = Wanted(kind=Kind.KEY, user_id=user_id, team_id=team_id, limit=limit)
    now = doors(ctx).now()
    with opened_file(file) as (store, rows):
        lines = [_line(store, rows, key, now) for key in store.accounts(wanted)]
    if as_json:
        print_json(lines)
        return
    Console(highlight=False).print(keys_table(lines) if lines else "no keys")


@keys.command()
def info(ctx: typer.Context, key: Named, *, file: FileOf = None, as_json: Json = False) -> None:
    """Show a key: its budget, its limits, and what it spent."""
    from vidobs.gateway.governance.changes import key_named

    with opened_file(file) as (store, rows):
        _print(_line(store, rows, key_named(store, key), doors(ctx).now()), as_json=as_json)


@keys.command()
def update(
    ctx: typer.Context,
    key: Named,
    *,
    alias: Alias = None,
    models: Models = None,
    max_budget: MaxBudget = None,
    soft_budget: SoftBudget = None,
    budget_duration: Window = None,
    duration: Duration = None,
    rpm_limit: Rpm = None,
    output_seconds_per_minute: Seconds = None,
    max_parallel_requests: Jobs = None,
    user_id: UserId = None,
    team_id: TeamId = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Take a field away, such as max_budget; repeatable."),
    ] = None,
    file: FileOf = None,
    as_json: Json = False,
) -> None:
    """Change a key; what is not named stays as it is."""
    from vidobs.gateway.governance import changes, placing

    fields = fields_of(
        clear or (),
        key_alias=alias,
        models=models,
        max_budget=max_budget,
        soft_budget=soft_budget,
        budget_duration=budget_duration,
        duration=duration,
        rpm_limit=rpm_limit,
        output_seconds_per_minute=output_seconds_per_minute,
        max_parallel_requests=max_parallel_requests,
        user_id=user_id,
        team_id=team_id,
    )
    act = _act(ctx)
    with opened_file(file) as (store, rows):
        changed = changes.change(
            store,
            changes.key_named(store, key),
            act,
            to=lambda now: placing.placed(store, now, fields, act.now),
        )
        _print(_line(store, rows, changed, act.now), as_json=as_json)


@keys.command()
def block(ctx: typer.Context, key: Named, *, file: FileOf = None, as_json: Json = False) -> None:
    """Close a key until it is opened again; its jobs go on."""
    _set_blocked(ctx, key, file, blocked=True, as_json=as_json)


@keys.command()
def unblock(ctx: typer.Context, key: Named, *, file: FileOf = None, as_json: Json = False) -> None:
    """Open a blocked key again."""
    _set_blocked(ctx, key, file, blocked=False, as_json=as_json)


@keys.command()
def delete(
    ctx: typer.Context,
    key: Named,
    *,
    yes: Yes = False,
    file: FileOf = None,
    as_json: Json = False,
) -> None:
    """Delete a key for good. What it spent keeps counting for its user, team and gateway."""
    from vidobs.gateway.governance import changes

    with opened_file(file) as (store, _):
        found = changes.key_named(store, key)
        if not yes:
            name = found.alias or found.id
            typer.confirm(f"{name} will open nothing any more. Go on?", abort=True, err=True)
        changes.delete(store, found, _act(ctx))
    if as_json:
        print_json({"deleted": found.id})
        return
    typer.echo(f"{found.id} is deleted")


@keys.command()
def rotate(
    ctx: typer.Context,
    key: Named,
    *,
    grace: Annotated[
        str | None,
        typer.Option(metavar="SPAN", help="The old text works so much longer; else no more."),
    ] = None,
    file: FileOf = None,
    as_json: Json = False,
) -> None:
    """Give a key a new text and print it; its videos, budget and spend stay."""
    from vidobs.gateway.governance import changes
    from vidobs.gateway.governance.durations import read_span

    span = None if grace is None else read_span(grace, "--grace")
    act = _act(ctx)
    with opened_file(file) as (store, rows):
        made = changes.rotate(store, changes.key_named(store, key), act, grace=span)
        _print_once(made, _line(store, rows, made.account, act.now), as_json=as_json)


@keys.command()
def log(
    ctx: typer.Context,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="Only of this one, by its id.")
    ] = None,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only since then: 24h, 7d, 2026-01-01.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 100,
    file: FileOf = None,
    as_json: Json = False,
) -> None:
    """List who changed what in keys, users and teams, the newest first."""
    from vidobs.cli.keys_shown import change_line, changes_table
    from vidobs.gateway.governance.store import AuditWanted

    wanted = AuditWanted(object_id=key, since=read_since(since, doors(ctx).now()), limit=limit)
    with opened_file(file) as (store, _):
        lines = [change_line(entry) for entry in store.audit(wanted)]
    if as_json:
        print_json(lines)
        return
    Console(highlight=False).print(changes_table(lines) if lines else "no changes")


def _act(ctx: typer.Context) -> Act:
    from vidobs.gateway.governance.changes import Act

    try:
        person = f"cli:{getpass.getuser()}"
    except (KeyError, ImportError, OSError):  # a user id without a name
        person = "cli"
    return Act(person, doors(ctx).now())


def _line(store: SqliteKeyStore, rows: SpendRows, key: Account, now: datetime) -> KeyLine:
    from vidobs.cli.keys_shown import key_line

    return key_line(key, store.tokens_of(key.id), rows, now)


def _set_blocked(
    ctx: typer.Context, key: str, file: Path | None, *, blocked: bool, as_json: bool
) -> None:
    from vidobs.gateway.governance import changes

    act = _act(ctx)
    with opened_file(file) as (store, rows):
        changed = changes.block(store, changes.key_named(store, key), act, blocked=blocked)
        line = _line(store, rows, changed, act.now)
    if as_json:
        print_json(line)
        return
    typer.echo(f"{line.id} is {line.state}")


def _print_once(made: Opened, line: KeyLine, *, as_json: bool) -> None:
    """Print the text alone to stdout, for programs, and the rest to stderr, for people."""
    if as_json:
        print_json(msgspec.structs.replace(line, key=made.text))
        return
    typer.echo(made.text)
    typer.echo(f"{line.id}: keep it, nobody can show it again", err=True)


def _print(line: KeyLine, *, as_json: bool) -> None:
    from vidobs.cli.keys_shown import key_facts

    if as_json:
        print_json(line)
        return
    Console(highlight=False).print(key_facts(line))
