"""Jobs and events as text, for the messages of failed assertions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.money import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.money import Cost

_JOB_HEAD = ("job", "model", "state", "reason", "cost", "polls", "provider's id")
_EVENT_HEAD = ("at", "event", "job", "state", "cost", "detail")


def job_table(jobs: Iterable[Job]) -> str:
    """Return a line for each job, under a heading."""
    rows = [
        (
            job.job_id,
            job.model or "-",
            job.state.value,
            job.reason.value if job.reason else "-",
            cost_text(job.cost),
            str(job.polls),
            job.provider_job_id or "-",
        )
        for job in jobs
    ]
    return _table(_JOB_HEAD, rows) if rows else "no job"


def event_table(events: Iterable[VideoEvent]) -> str:
    """Return a line for each event, under a heading."""
    rows = [
        (
            f"{event.at:%H:%M:%S.%f}"[:-3],
            event.name.value,
            event.job.provider_job_id or event.job.job_id,
            event.job.state.value,
            cost_text(event.job.cost),
            event.detail or "",
        )
        for event in events
    ]
    return _table(_EVENT_HEAD, rows) if rows else "no event"


def cost_text(cost: Cost) -> str:
    """Return a cost with how sure it is, such as `$0.80 settled (requested)`."""
    usd = "unknown" if cost.usd is None else f"${plain(cost.usd)}"
    basis = f" ({cost.basis.value})" if cost.basis else ""
    possible = f", possibly ${plain(cost.possible_usd)}" if cost.possible_usd else ""
    return f"{usd} {cost.status.value}{basis}{possible}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    every = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in every
    )
