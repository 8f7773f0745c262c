"""`vidobs jobs`: the newest jobs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from vidobs.cli._read import doors
from vidobs.cli.options import Json, Since, print_json, read_since
from vidobs.cli.render import jobs_table, spend_line
from vidobs.core.jobs import JobState  # noqa: TC001 - typer resolves the annotations at run time
from vidobs.core.objects import job_object


def jobs(
    ctx: typer.Context,
    *,
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    model: Annotated[str | None, typer.Option(help="Only jobs of this model.")] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 100,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    moment = read_since(since, doors(ctx).now())
    reader = doors(ctx).open_reader()
    found = reader.jobs(state=state, model=model, since=moment, limit=limit)
    if as_json:
        print_json([job_object(job) for job in found])
        return
    console = Console(highlight=False)
    if not found:
        console.print("no jobs")
        return
    console.print(jobs_table(found))
    console.print(spend_line(found))
