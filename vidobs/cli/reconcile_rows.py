"""What `vidobs reconcile` prints: tables, lines, and the objects of `--json`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from vidobs.cli.render import NOTHING, STYLES, cost_text, safe, table
from vidobs.core.jobs import Notice
from vidobs.core.money import plain
from vidobs.core.objects import JobObject, job_object
from vidobs.core.reconciled import Double, Orphan, Outcome, Reconciled, ReconcileReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

_SHORT = 17  # characters of a job's id
_STYLES = {
    Outcome.SETTLED: "green",
    Outcome.RUNNING: "blue",
    Outcome.UNKNOWN: "magenta",
    Outcome.MISSING: "yellow",
    Outcome.UNREACHABLE: "red",
    Outcome.SKIPPED: "yellow",
    Outcome.PLANNED: "cyan",
}


class ReconciledObject(msgspec.Struct, frozen=True, kw_only=True):
    """One job that was looked after. `before` is its state until then."""

    kind: str = "job"
    outcome: str
    before: str
    server: str | None
    why: str | None
    fix: str | None
    stuck: bool
    job: JobObject


class OrphanObject(msgspec.Struct, frozen=True, kw_only=True):
    """A video of a server that the ledger does not know. `like`: a job from the same prompt."""

    kind: str = "orphan"
    server: str
    video_id: str
    status: str
    model: str | None
    created_at: datetime | None
    like: str | None


class DoubleObject(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that may be one request, made twice. `usd` is what all but the first cost."""

    kind: str = "double"
    provider: str
    video_ids: tuple[str, ...]
    job_ids: tuple[str, ...]
    model: str | None
    apart_s: float
    usd: str | None


class ReportObject(msgspec.Struct, frozen=True, kw_only=True):
    """What `vidobs reconcile --json` prints."""

    settled: int
    left: int
    jobs: tuple[ReconciledObject, ...]
    orphans: tuple[OrphanObject, ...]
    doubles: tuple[DoubleObject, ...]


def report_object(report: ReconcileReport) -> ReportObject:
    """Return a report for `--json`."""
    return ReportObject(
        settled=len(report.settled),
        left=len(report.left),
        jobs=tuple(map(_job, report.jobs)),
        orphans=tuple(map(_orphan, report.orphans)),
        doubles=tuple(map(_double, report.doubles)),
    )


def line_object(said: Reconciled | Orphan | Double) -> msgspec.Struct:
    """Return one thing for a line of `--watch --json`; `kind` says what it is."""
    if isinstance(said, Reconciled):
        return _job(said)
    return _orphan(said) if isinstance(said, Orphan) else _double(said)


def tables(report: ReconcileReport) -> Iterator[Table | Text]:
    """Yield what a person wants to read of a report."""
    if report.jobs:
        yield _jobs_table(report)
    if report.orphans:
        servers = {one.server for one in report.orphans}
        at = f" at {servers.pop()}" if len(servers) == 1 else ""
        yield Text("\n").append_text(safe(f"videos{at} that the ledger does not know", "bold"))
        yield _orphans_table(report)
    for double in report.doubles:
        yield Text.assemble(("possible double generation: ", "bold yellow"), safe(_said_of(double)))
    yield Text(summary(report))


def summary(report: ReconcileReport) -> str:
    """Return the last line: how many of what."""
    if not report.jobs:
        parts = ["nothing is open"]
    else:
        counts = ((one, sum(job.outcome is one for job in report.jobs)) for one in Outcome)
        parts = [f"{count} {outcome}" for outcome, count in counts if count]
    if report.orphans:
        parts.append(f"{len(report.orphans)} that the ledger does not know")
    if report.doubles:
        parts.append(f"{len(report.doubles)} possibly made twice")
    return ", ".join(parts)


def line(said: Reconciled | Orphan | Double, now: datetime) -> Text:
    """Return one change of `--watch`."""
    text = Text(f"{now.astimezone():%H:%M:%S} ", style="dim")
    if isinstance(said, Reconciled):
        job = said.job
        text.append_text(safe(f"{job.job_id[:_SHORT]} {job.model or NOTHING} "))
        text.append(f"{said.before} -> {job.state} ", style=STYLES[job.state])
        text.append_text(cost_text(job.cost))
        return text.append_text(safe(f"  {_words(said)}", style="dim"))
    if isinstance(said, Orphan):
        text.append("the ledger does not know ", style="yellow")
        return text.append_text(safe(f"{said.video_id} ({said.status}) at {said.server}"))
    text.append("possible double generation: ", style="yellow")
    return text.append_text(safe(_said_of(said)))


def _words(said: Reconciled) -> str:
    words = [said.outcome.value, said.why or ""]
    if said.outcome is Outcome.PLANNED:
        words.append(f"at {said.server}")
    if Notice.STUCK in said.job.notices and not said.job.state.terminal:
        words.append("stuck: no change for longer than it should take")
    return "; ".join(filter(None, [*words, said.fix or ""]))


def _jobs_table(report: ReconcileReport) -> Table:
    result = table("job", "model", "was", "is", "cost", "", right=("cost",))
    result.columns[0].no_wrap = True
    for one in report.jobs:
        job = one.job
        said = safe(_words(one), style=_STYLES[one.outcome])
        result.add_row(
            safe(job.job_id[:_SHORT]),
            safe(job.model or NOTHING),
            Text(one.before.value, style=STYLES[one.before]),
            Text(job.state.value, style=STYLES[job.state]),
            cost_text(job.cost),
            said,
        )
    return result


def _orphans_table(report: ReconcileReport) -> Table:
    """Return the videos nobody here made; what is the same for all, or for none, has no column."""
    servers = len({one.server for one in report.orphans}) > 1
    alike = any(one.like for one in report.orphans)
    last = [name for name, shown in (("server", servers), ("same prompt as", alike)) if shown]
    result = table("video", "status", "model", "created", *last)
    for column in result.columns[:4]:
        column.no_wrap = True
    for one in report.orphans:
        created = f"{one.created_at:%Y-%m-%d %H:%M}" if one.created_at else NOTHING
        cells = [one.video_id, one.status, one.model or NOTHING, created]
        cells += [one.server] if servers else []
        cells += [one.like[:_SHORT] if one.like else NOTHING] if alike else []
        result.add_row(*map(safe, cells))
    return result


def _said_of(double: Double) -> str:
    cost = "" if double.usd is None else f", ${plain(double.usd)} too much"
    names = " and ".join(double.video_ids)
    return f"{names} within {double.apart_s:.0f} s, one request of {double.provider}{cost}"


def _job(one: Reconciled) -> ReconciledObject:
    return ReconciledObject(
        outcome=one.outcome,
        before=one.before,
        server=one.server,
        why=one.why,
        fix=one.fix,
        stuck=Notice.STUCK in one.job.notices,
        job=job_object(one.job),
    )


def _orphan(one: Orphan) -> OrphanObject:
    return OrphanObject(
        server=one.server,
        video_id=one.video_id,
        status=one.status,
        model=one.model,
        created_at=one.created_at,
        like=one.like,
    )


def _double(one: Double) -> DoubleObject:
    return DoubleObject(
        provider=one.provider,
        video_ids=one.video_ids,
        job_ids=one.job_ids,
        model=one.model,
        apart_s=one.apart_s,
        usd=None if one.usd is None else plain(one.usd),
    )
