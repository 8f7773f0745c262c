"""`vidobs job ID`: all that is known of one job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from vidobs.cli._read import Reader, doors
from vidobs.cli.facts import bill, facts_table
from vidobs.cli.options import Json, print_json
from vidobs.cli.render import trace_tree
from vidobs.cli.waterfall import Waterfall
from vidobs.core.errors import VidobsError
from vidobs.core.job_objects import job_detail
from vidobs.core.lineage import lineage_of
from vidobs.core.phases import story_of

if TYPE_CHECKING:
    from vidobs.core.jobs import Job

_NAMED = 5  # candidates that an error text lists


def job(
    ctx: typer.Context,
    job_id: Annotated[
        str, typer.Argument(metavar="ID", help="Our id or its beginning, or the provider's id.")
    ],
    *,
    spans: Annotated[bool, typer.Option("--spans", help="Show the trace as a tree too.")] = False,
    as_json: Json = False,
) -> None:
    """Show one job: what happened when, what it cost and why, what it was made from.

    Light lines are times in which the state is not known: between two polls.
    """
    reader = doors(ctx).open_reader()
    found = _only(reader, job_id)
    events = reader.events(found.job_id)
    story = story_of(found, events, doors(ctx).now())
    lineage = lineage_of(reader, found)
    if as_json:
        print_json(job_detail(found, events, story, lineage))
        return
    console = Console(highlight=False)
    console.print(facts_table(found))
    console.print()
    console.print(Waterfall(found, story))
    console.print()
    ascii_only = console.options.ascii_only
    kept = doors(ctx).kept_media(found)
    for block in bill(found, events, lineage, kept=kept, ascii_only=ascii_only):
        console.print(block)
        console.print()
    if spans:
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
