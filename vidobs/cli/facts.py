"""What `vidobs job` says beside the waterfall: which job, the bill, the family, the small print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from vidobs.cli.render import STYLES, safe, state_text
from vidobs.core.calls import Operation
from vidobs.core.money import CostStatus, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from decimal import Decimal
    from pathlib import Path

    from vidobs.core.events import VideoEvent
    from vidobs.core.jobs import Job
    from vidobs.core.lineage import Lineage
    from vidobs.core.money import Cost, CostLine

_LABEL = 8  # columns of the names: as wide as the widest of every block
_MB = 1_000_000
_MADE = {
    Operation.REMIX: "remix",
    Operation.EDIT: "edit",
    Operation.EXTEND: "extension",
}
Fact = tuple[str, Text]


def facts_table(job: Job) -> Table:
    """Return what stands above the waterfall: which job it is, and how it stands."""
    return _grid(_head(job))


def bill(
    job: Job,
    events: Sequence[VideoEvent],
    lineage: Lineage,
    *,
    kept: Sequence[Path] = (),
    ascii_only: bool = False,
) -> Iterator[Table]:
    """Yield what stands below the waterfall: the money, then the family and the small print."""
    arrow = Text(" -> " if ascii_only else " → ", style="dim")
    yield _grid([("cost", _cost(job, events, arrow)), *_lines(job.cost.lines)])
    yield _grid([*_family(job, lineage), *_small_print(job, kept)])


def _grid(facts: Iterable[Fact]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=_LABEL, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in facts:
        grid.add_row(name, text)
    return grid


def _head(job: Job) -> Iterator[Fact]:
    yield "job", Text(job.job_id, style="bold")
    who = safe(job.provider).append(" ").append_text(safe(job.provider_job_id or "(no id yet)"))
    yield "provider", who
    state = state_text(job)
    if job.raw_status and job.raw_status != job.state:
        state.append(" reported as ", style="dim").append_text(safe(job.raw_status))
    if job.progress is not None and not job.state.terminal:
        state.append(f" {job.progress} %", style=STYLES[job.state])
    yield "state", state
    if job.error is not None:
        said = (safe(part) for part in (job.error.code, job.error.message) if part)
        yield "error", Text(": ").join(said)
    model = safe(job.model or "unknown")
    if job.served_model:
        model.append(" served as ", style="dim").append_text(safe(job.served_model))
    yield "model", model
    created = Text(f"{job.created_at:%Y-%m-%d %H:%M:%S} UTC by {job.operation}")
    if job.adopted:
        created.append(" elsewhere; first seen by a poll", style="dim")
    yield "created", created


def _cost(job: Job, events: Sequence[VideoEvent], arrow: Text) -> Text:
    """Return the way of the figure, such as quoted, reserved, settled, and its basis."""
    cost = job.cost
    steps: list[tuple[str, Decimal | None]] = []
    if cost.quoted_usd is not None:
        steps.append((CostStatus.QUOTED, cost.quoted_usd))
    for each in (*(event.job.cost for event in events), cost):
        step = (each.status.value, each.usd)
        if step not in steps[-1:]:
            steps.append(step)
    told = [Text(f"{status} ${plain(usd)}", style="dim") for status, usd in steps[:-1] if usd]
    text = arrow.join([*told, _standing(cost)])
    if cost.basis is not None:
        text.append(f"  by {cost.basis}", style="dim")
    return text


def _standing(cost: Cost) -> Text:
    """Return the figure that holds now; possible spend stands beside it."""
    if cost.usd is None and cost.possible_usd is None:
        return Text("unknown", style="magenta")
    amount = "unknown" if cost.usd is None else f"${plain(cost.usd)}"
    text = Text(f"{cost.status} {amount}".removeprefix("unknown "), style="bold")
    if cost.possible_usd is not None:
        text.append(f", possibly ${plain(cost.possible_usd)} more", style="yellow not bold")
    return text


def _lines(lines: tuple[CostLine, ...]) -> Iterator[Fact]:
    for line in lines:
        text = safe(
            f"{line.quantity:f} {line.unit} at ${plain(line.unit_usd)} = ${plain(line.usd)}"
        )
        yield "", text.append_text(safe(f"  {line.price}" if line.price else "", style="dim"))


def _family(job: Job, lineage: Lineage) -> Iterator[Fact]:
    if lineage.parent_id is not None:
        made = _MADE.get(job.operation, "made")
        yield f"{made} of", _relative(lineage.parent_id, lineage.parent)
    for child in lineage.children.jobs:
        yield "became", _relative(child.provider_job_id or "(no id yet)", child)
    if not lineage.children.complete:
        yield "became", Text("(only the jobs made soon after it were looked through)", style="dim")


def _relative(provider_job_id: str, job: Job | None) -> Text:
    text = safe(provider_job_id)
    if job is None:
        return text.append("  not in this ledger", style="dim")
    text.append("  ").append_text(state_text(job))
    made = _MADE.get(job.operation)
    return text.append(f" {made}", style="dim") if made else text


def _small_print(job: Job, kept: Sequence[Path]) -> Iterator[Fact]:
    yield "request", safe(_asked_for(job))
    if job.request_hash:
        yield "hash", safe(job.request_hash)
    if job.prompt:
        yield "prompt", safe(job.prompt)
    yield "asset", safe(_asset(job))
    if job.file is not None and job.file.sha256:
        yield "sha256", safe(job.file.sha256)
    for path in kept:
        yield ("picture" if path.suffix == ".jpg" else "file"), safe(str(path))
    if job.user:
        yield "user", safe(job.user)
    if job.tags:
        yield "tags", safe(", ".join(f"{name}={value}" for name, value in job.tags.items()))
    yield "sent", safe(f"{job.attempts} time{'' if job.attempts == 1 else 's'}{_server(job)}")
    if job.idempotency_key:
        yield "", Text("Idempotency-Key ", style="dim").append_text(safe(job.idempotency_key))
    yield "trace", safe(job.trace.trace_id)


def _server(job: Job) -> str:
    if job.server_address is None:
        return ""
    port = "" if job.server_port is None else f":{job.server_port}"
    return f" to {job.server_address}{port}"


def _asked_for(job: Job) -> str:
    request = job.request
    parts = (
        None if request.seconds is None else f"{request.seconds:f} s",
        request.size,
        None if request.fps is None else f"{request.fps:f} frames/s",
        None if request.audio is None else ("with sound" if request.audio else "without sound"),
        f"{request.n} outputs" if request.n > 1 else None,
        f"{request.input_images} pictures" if request.input_images else None,
        None if request.prompt_chars is None else f"prompt of {request.prompt_chars} characters",
    )
    return ", ".join(part for part in parts if part) or "unknown"


def _asset(job: Job) -> str:
    file = job.file
    if file is None:
        until = "" if job.expires_at is None else f", until {job.expires_at:%Y-%m-%d %H:%M} UTC"
        return f"{job.asset}{until}"
    parts = (
        None if file.size_bytes is None else f"{file.size_bytes / _MB:.1f} MB",
        None if file.seconds is None else f"{file.seconds:f} s",
        file.size,
        None if file.complete else "incomplete",
    )
    return ", ".join([job.asset, *(part for part in parts if part)])
