"""The money: what a job came to, written once, and what adjusts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from vidobs.core.jobs import JobState
from vidobs.ledger import codec
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

    from vidobs.core.jobs import Job

_N = TypeVar("_N", int, float)


def write_spend(cursor: apsw.Cursor, seq: int, job: Job, at_us: int) -> None:
    """Write the settlement of a job, or the difference to what was settled before.

    The sum over a job's entries is what the job says; better evidence for the same figure adds
    none. The primary key (job, entry) makes a second settlement impossible.
    """
    entries, usd, possible, seconds = cursor.execute(queries()["spent"], (seq,)).get
    figures = (
        _difference(codec.nano(job.cost.usd), usd),
        _difference(codec.nano(job.cost.possible_usd), possible),
        _difference(_seconds(job), seconds),
    )
    newly_priced = usd is None and job.cost.usd is not None
    if entries and not (newly_priced or any(figures)):
        return
    cursor.execute(
        queries()["insert_spend"],
        (
            seq,
            entries,
            at_us,
            job.provider,
            job.model,
            job.attribution.user,
            job.cost.status,
            *figures,
        ),
    )


def _difference(now: _N | None, before: _N | None) -> _N | None:
    if before is None:
        return now
    return (now or 0) - before


def _seconds(job: Job) -> float | None:
    """Seconds of finished video: of the file where it was probed, else as asked for."""
    if job.state is not JobState.COMPLETED:
        return None
    if job.file is not None and job.file.seconds is not None:
        return float(job.file.seconds)
    return None if job.request.seconds is None else float(job.request.seconds * job.request.n)
