"""The money: what a job came to, written once, and what adjusts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vidobs.core.money import ZERO
from vidobs.ledger import codec
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    import apsw

    from vidobs.core.jobs import Job


def write_spend(cursor: apsw.Cursor, seq: int, job: Job, now_ns: int) -> None:
    """Write the settlement of a job, or the difference to what was settled before.

    The primary key (job, entry) makes a second settlement impossible.
    """
    row = cursor.execute(queries()["spent"], (seq,)).fetchone()
    entries, already = row if row is not None else (0, None)
    usd = codec.nano(job.cost.usd)
    first = entries == 0
    billed = first and job.cost.usd is not None and job.cost.usd > ZERO
    seconds = job.request.seconds if billed else None
    cursor.execute(
        queries()["insert_spend"],
        (
            seq,
            entries,
            now_ns // 1000,
            job.provider,
            job.model,
            job.attribution.user,
            job.cost.status,
            usd if first else (usd or 0) - (already or 0),
            codec.nano(job.cost.possible_usd) if first else None,
            None if seconds is None else float(seconds),
        ),
    )
