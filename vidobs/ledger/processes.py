"""Who writes to the ledger: finds the creates of a process that died, and says so.

A create whose process died between the request and the answer is `unknown`: it may have been
accepted and paid for.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vidobs.core import ids
from vidobs.core.jobs import JobSnapshot, JobState
from vidobs.core.protocols import Observed, Recorded
from vidobs.ledger import codec
from vidobs.ledger.database import translated
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from vidobs.ledger.sqlite import SqliteLedger

SILENT_S = 300.0  # a process of another host that was not heard of for so long is dead


class Process(NamedTuple):
    """A row of the table of processes."""

    id: int
    host: str
    pid: int
    started: str
    first_seq: int
    seen_us: int


def enter(ledger: SqliteLedger, now_ns: int) -> None:
    """Write this process into the table; its jobs carry the row's id from now on."""
    pid = os.getpid()
    first_seq = now_ns // 1_000_000 << codec.SEQ_RANDOM_BITS
    row = (socket.gethostname(), pid, started(pid), first_seq, now_ns // 1000)
    with ledger.lock, translated(ledger.path):
        ledger.connection.execute(queries()["add_process"], row)
        ledger.owner = ledger.connection.last_insert_rowid()


def leave(ledger: SqliteLedger) -> None:
    """Take this process out of the table: nothing of it is in flight any more."""
    with ledger.lock, translated(ledger.path):
        ledger.connection.execute(queries()["drop_process"], (ledger.owner,))


def beat(ledger: SqliteLedger, now_ns: int) -> None:
    """Say that this process is alive; other hosts cannot see its pid."""
    with ledger.lock, translated(ledger.path):
        ledger.connection.execute(queries()["see_process"], (now_ns // 1000, ledger.owner))


def recover(
    ledger: SqliteLedger, now_ns: int, getrandbits: Callable[[int], int]
) -> list[Recorded]:
    """Turn the unanswered creates of dead processes into `unknown`; return what that caused."""
    recorded = []
    for process in _all(ledger):
        if process.id == ledger.owner or alive(process, now_ns):
            continue
        for job_id, provider in _abandoned(ledger, process):
            done = ledger.record(
                Observed(
                    provider=provider,
                    job_id=job_id,
                    snapshot=JobSnapshot(state=JobState.UNKNOWN),
                    now_ns=now_ns,
                    seed=getrandbits(ids.SEED_BITS),
                    failure="ProcessDied: the process ended before the answer arrived",
                )
            )
            if done is not None:
                recorded.append(done)
        with ledger.lock, translated(ledger.path):
            ledger.connection.execute(queries()["drop_process"], (process.id,))
    return recorded


def alive(process: Process, now_ns: int) -> bool:
    """Tell whether a process still runs, as far as this host can know."""
    if process.host != socket.gethostname():
        return now_ns / 1e9 - process.seen_us / 1e6 < SILENT_S
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started(process.pid) == process.started


def started(pid: int) -> str:
    """Return what tells two processes with one pid apart: Linux's start time, else nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _all(ledger: SqliteLedger) -> list[Process]:
    with ledger.lock, translated(ledger.path):
        rows = ledger.connection.execute(queries()["processes"]).fetchall()
    return [Process(*row) for row in rows]


def _abandoned(ledger: SqliteLedger, process: Process) -> list[tuple[str, str]]:
    with ledger.lock, translated(ledger.path):
        rows = ledger.connection.execute(
            queries()["abandoned"], (process.first_seq, process.id)
        ).fetchall()
    jobs = [codec.load_job(row[2]) for row in rows]
    return [(job.job_id, job.provider) for job in jobs]
