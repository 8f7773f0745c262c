"""`vidobs job ID`: all that is known of one job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from vidobs.cli._read import Reader, doors
from vidobs.cli.options import Json, print_json
from vidobs.cli.render import cost_text, length, safe, state_text, table, trace_tree
from vidobs.cli.rows import job_detail
from vidobs.core.errors import VidobsError
from vidobs.core.money import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.text import Text

    from vidobs.core.jobs import Job
    from vidobs.core.money import CostLine

_NAMED = 5  # candidates that an error text lists


def job(
    ctx: typer.Context,
    job_id: Annotated[
        str, typer.Argument(metavar="ID", help="Our id or its beginning, or the provider's id.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Show one job: its facts, its bill, and its trace as a tree."""
    reader = doors(ctx).open_reader()
    found = _only(reader, job_id)
    events = reader.events(found.job_id)
    if as_json:
        print_json(job_detail(found, events))
        return
    console = Console(highlight=False)
    console.print(_facts_table(found))
    if found.cost.lines:
        console.print(_bill(found.cost.lines))
    console.print(trace_tree(found, events))


def _only(reader: Reader, job_id: str) -> Job:
    """The one job that is meant."""
    found = reader.job(job_id)
    exact = [job for job in found if job_id in (job.job_id, job.provider_job_id)]
    if len(found) == 1 or len(exact) == 1:
        return (exact or found)[0]
    if not found:
        raise VidobsError(f"no job {job_id!r} in the ledger; `vidobs jobs` lists them")
    names = ", ".join(job.job_id for job in found[:_NAMED])
    more = ", ..." if len(found) > _NAMED else ""
    raise VidobsError(f"{job_id!r} fits {len(found)} jobs: {names}{more}; give more of the id")


def _facts_table(job: Job) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, text in _facts(job):
        grid.add_row(f"[dim]{name}[/dim]", text)
    return grid


def _facts(job: Job) -> Iterator[tuple[str, Text]]:
    yield "job", safe(job.job_id)
    yield "provider", safe(f"{job.provider} {job.provider_job_id or '(no id yet)'}")
    yield "model", safe(job.model or "unknown")
    if job.served_model:
        yield "served as", safe(job.served_model)
    yield "state", state_text(job)
    if job.error:
        yield "error", safe(job.error.message or job.error.code or "")
    yield "created", safe(f"{job.created_at:%Y-%m-%d %H:%M:%S} UTC by {job.operation}")
    yield "queue", length(job.queue_s)
    yield "render", length(job.render_s)
    yield "polls", safe(job.polls)
    yield "asked for", safe(_asked_for(job))
    if job.user:
        yield "user", safe(job.user)
    if job.tags:
        yield "tags", safe(", ".join(f"{name}={value}" for name, value in job.tags.items()))
    yield "asset", safe(job.asset)
    if job.prompt:
        yield "prompt", safe(job.prompt)
    yield "cost", cost_text(job.cost).append(f"  {_cost_words(job)}", style="dim")


def _asked_for(job: Job) -> str:
    request = job.request
    seconds = None if request.seconds is None else f"{request.seconds:f} s"
    parts = (seconds, request.size, f"{request.n} outputs" if request.n > 1 else None)
    return ", ".join(part for part in parts if part) or "unknown"


def _cost_words(job: Job) -> str:
    cost = job.cost
    words = f"{cost.status} by {cost.basis}" if cost.basis else str(cost.status)
    return words if cost.quoted_usd is None else f"{words}, quoted ${plain(cost.quoted_usd)}"


def _bill(lines: tuple[CostLine, ...]) -> Table:
    numbers = ("quantity", "unit price", "cost")
    bill = table("unit", *numbers, "price row", right=numbers)
    for line in lines:
        bill.add_row(
            safe(line.unit),
            f"{line.quantity:f}",
            f"${plain(line.unit_usd)}",
            f"${plain(line.usd)}",
            safe(line.price or "-"),
        )
    return bill
