"""Jobs, money and traces as rich renderables; `vidobs demo` uses them as well.

Everything that a user or a provider wrote goes through `safe`: no markup of rich, no escape
sequence and no secret in it reaches the terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from vidobs.core.events import SpanKind, spans_of
from vidobs.core.jobs import JobState
from vidobs.core.money import ZERO, CostStatus, plain
from vidobs.core.scrub import scrub
from vidobs.core.span_tree import Placed, placed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from rich.console import JustifyMethod

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.money import Cost

NOTHING = "-"
STYLES = {
    JobState.SUBMITTING: "dim",
    JobState.UNKNOWN: "magenta",
    JobState.QUEUED: "cyan",
    JobState.IN_PROGRESS: "blue",
    JobState.COMPLETED: "green",
    JobState.FAILED: "red",
    JobState.CANCELLED: "yellow",
    JobState.EXPIRED: "yellow",
}
_ID_CHARS = 17  # "job_", the time in 12 digits and the version: enough to tell most jobs apart
_BAR = 16  # characters for the whole length of a trace
_GUIDE = 4  # characters that a level of rich's tree takes


def safe(text: object, style: str = "") -> Text:
    """Return a text for the terminal: one line, literal, scrubbed."""
    return Text(scrub(text), style=style)


def table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table in the one look that all tables have."""
    empty = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        header_style="bold",
    )
    for name in columns:
        numeric = name in right
        side: JustifyMethod = "right" if numeric else "left"
        empty.add_column(name, justify=side, no_wrap=numeric, overflow="fold")
    return empty


def jobs_table(jobs: Sequence[Job], *, names: tuple[str, Sequence[str]] | None = None) -> Table:
    """Return one line for each job: state, model, times, length of the video, cost.

    `names` are a heading and what the jobs are called, instead of the beginnings of their ids.
    """
    numbers = ("queue", "render", "video", "cost")
    heading, called = names or ("job", _short_ids(jobs))
    result = table(heading, "state", "model", *numbers, right=numbers)
    result.columns[0].no_wrap = True
    words = (word for job in jobs for word in (job.state, job.reason or ""))
    result.columns[1].min_width = max(map(len, words), default=0)
    for job, name in zip(jobs, called, strict=True):
        result.add_row(
            safe(name),
            state_text(job),
            safe(job.model or NOTHING),
            length(job.queue_s),
            length(job.render_s),
            length(job.request.seconds),
            cost_text(job.cost),
        )
    return result


def _short_ids(jobs: Sequence[Job]) -> list[str]:
    """Beginnings of the ids, long enough that `vidobs job` tells these jobs apart."""
    size = _ID_CHARS
    ids = {job.job_id for job in jobs}
    while len({job_id[:size] for job_id in ids}) < len(ids):
        size += 1
    return [job.job_id[:size] for job in jobs]


def state_text(job: Job) -> Text:
    """Return the state, and the reason of a failure behind it."""
    text = Text(job.state.value, style=STYLES[job.state])
    return text.append(f" {job.reason}", style="dim") if job.reason else text


def length(seconds: float | Decimal | None) -> Text:
    """Return a duration: `1.53 s`, `92.0 s`, or a dash where it is not known."""
    if seconds is None:
        return Text(NOTHING, style="dim")
    return Text(f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s")  # noqa: PLR2004 - three digits


def cost_text(cost: Cost) -> Text:
    """Return the figure: `~` before an estimate, `?` behind possible spend, and never a guess."""
    if cost.possible_usd is not None:
        return Text(f"${plain(cost.possible_usd)}?", style="yellow")
    if cost.usd is None:
        return Text("unknown", style="magenta")
    final = cost.status in (CostStatus.SETTLED, CostStatus.RELEASED)
    return Text(f"${plain(cost.usd)}") if final else Text(f"~${plain(cost.usd)}", style="dim")


def spend_line(jobs: Sequence[Job]) -> Text:
    """Return what some jobs cost together, with what is not in the sum."""
    ended = [job.cost for job in jobs if job.state.terminal]
    total = sum((cost.usd for cost in ended if cost.usd is not None), ZERO)
    possible = sum((job.cost.possible_usd or ZERO for job in jobs), ZERO)
    unknown = sum(job.cost.usd is None and job.cost.possible_usd is None for job in jobs)
    running = sum(not (job.state.terminal or job.state is JobState.UNKNOWN) for job in jobs)
    text = spend_text(total, possible, of=f" for {len(jobs)} job{'' if len(jobs) == 1 else 's'}")
    if unknown:
        text.append(f"; {unknown} of unknown cost", style="magenta")
    if running:
        text.append(f"; {running} not finished", style="dim")
    return text


def spend_text(total: Decimal, possible: Decimal, *, of: str = "") -> Text:
    """Return a total in words. Possible spend stands beside it, never in it."""
    text = Text.assemble("total ", (f"${plain(total)}", "bold"), of)
    if possible:
        text.append(f"; possibly ${plain(possible)} more", style="yellow")
    return text


def trace_tree(job: Job, events: Sequence[VideoEvent]) -> Tree:
    """Return the job's spans as a tree: start, length, a bar in time, state, and the cost."""
    places = placed(spans_of(events))
    head = Text.assemble("trace ", (job.trace.trace_id, "bold"))
    tree = Tree(head if places else head.append("  no spans recorded", style="dim"))
    width = max((_label_width(place) for place in places), default=0)
    end = max((place.offset_s + place.span.duration_s for place in places), default=0.0)
    branches = [tree]
    for place in places:
        del branches[place.depth + 1 :]
        branches.append(branches[place.depth].add(_span_line(place, job, width, end)))
    return tree


def _label_width(place: Placed) -> int:
    return safe(place.span.name).cell_len + place.depth * _GUIDE


def _span_line(place: Placed, job: Job, width: int, end_s: float) -> Text:
    """One span. The columns of all depths stand under each other."""
    span = place.span
    whole = span.kind is SpanKind.INTERNAL
    line = safe(span.name, style="red" if span.error_type else "bold" if whole else "")
    line.append(" " * (width - _label_width(place)))
    line.append(f"  {_bar(place, end_s)}", style="red" if span.error_type else "cyan")
    line.append(f" +{place.offset_s:.2f}", style="dim")
    line.append(f" {span.duration_s:6.2f} s")
    if whole:
        line.append("  ").append_text(cost_text(job.cost))
    if span.status:
        line.append("  ").append_text(safe(span.status))
    if span.error_type:
        line.append("  ").append_text(safe(span.error_type, style="red"))
    if span.trace_id != job.trace.trace_id:
        line.append(f"  in trace {span.trace_id}", style="dim")
    line.no_wrap = True
    return line


def _bar(place: Placed, end_s: float) -> str:
    """Where the span lies in the time of the whole trace."""
    scale = _BAR / end_s if end_s > 0 else 0.0
    left = min(int(place.offset_s * scale), _BAR - 1)
    size = max(1, min(round(place.span.duration_s * scale), _BAR - left))
    return f"{' ' * left}{'━' * size}".ljust(_BAR)
