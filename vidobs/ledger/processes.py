"""Who writes to the ledger: finds the creates of a process that died, and says so.

A create whose process died between the request and the answer is `unknown`: it may have been
accepted and paid for. Every function needs the ledger's lock.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from vidobs.ledger import codec
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from vidobs.core.protocols import Recorded
    from vidobs.ledger.sqlite import SqliteLedger

SILENT_S = 300.0  # a process of another host that was not heard of for so long is dead
_BACK_S = 3600  # how far a clock may be put back without a create being overlooked
_CAN_ASK = os.name != "nt"  # there, kill(pid, 0) does not ask
_GONE = ("Z", "X")  # a process that ended and was not waited for yet


class Process(msgspec.Struct, frozen=True, array_like=True):
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
    row = (socket.gethostname(), pid, started(pid), _first_seq(ledger, now_ns), now_ns // 1000)
    ledger.connection.execute(queries()["add_process"], row)
    ledger.owner = ledger.connection.last_insert_rowid()


def leave(ledger: SqliteLedger) -> None:
    """Take this process out of the table, unless creates of it still wait for their answer."""
    if not ledger.in_flight:
        ledger.connection.execute(queries()["drop_process"], (ledger.owner,))


def beat(ledger: SqliteLedger, now_ns: int) -> None:
    """Say that this process is alive, for other hosts, and from where its open creates lie."""
    row = (now_ns // 1000, _first_seq(ledger, now_ns), ledger.owner)
    ledger.connection.execute(queries()["see_process"], row)
    if ledger.connection.changes() == 0:  # taken for dead, as after a long suspension
        enter(ledger, now_ns)


def recover(ledger: SqliteLedger, now_ns: int, seed: int) -> list[Recorded]:
    """Turn the unanswered creates of dead processes into `unknown`; return what that caused.

    The ids of the events are made from `seed`, random bits.
    """
    recorded: list[Recorded] = []
    for row in ledger.connection.execute(queries()["processes"]).fetchall():
        process = msgspec.convert(row, Process)
        if process.id != ledger.owner and not alive(process, now_ns):
            recorded += ledger.give_up_creates(
                process.id, process.first_seq, now_ns, seed + (process.id << 32)
            )
    return recorded


def alive(process: Process, now_ns: int) -> bool:
    """Tell whether a process still runs, as far as this host can know."""
    if process.host != socket.gethostname() or not _CAN_ASK:
        return now_ns / 1e9 - process.seen_us / 1e6 < SILENT_S
    return _runs(process.pid, process.started)


def owner_name(bits: int) -> str:
    """Return the name under which this process holds leases: `HOST:PID:START:BITS`.

    `bits` tell apart what one process does under several names.
    """
    pid = os.getpid()
    return f"{_place()}:{pid}:{started(pid)}:{bits:08x}"


def gone(owner: str) -> bool:
    """Tell whether the process of such a name has ended; where nobody can know, it has not."""
    place, _, rest = owner.partition(":")
    pid, _, rest = rest.partition(":")
    start, _, bits = rest.partition(":")
    if not (bits and pid.isdecimal() and place == _place() and _CAN_ASK):
        return False
    return not _runs(int(pid), start)


def _place() -> str:
    """Return the host and its space of process ids: containers may share a name, but no ids."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = ""
    return f"{socket.gethostname()}/{space}".replace(":", "-")


def _runs(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return started(pid) == start


def started(pid: int) -> str:
    """Return what tells two processes with one pid apart: Linux's start time, else nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "gone" if fields[0] in _GONE else fields[19]


def _first_seq(ledger: SqliteLedger, now_ns: int) -> int:
    """Return a place that no unanswered create of this process lies before."""
    recent = (now_ns // 1_000_000 - _BACK_S * 1000) << codec.SEQ_RANDOM_BITS
    return max(0, min(recent, *ledger.in_flight) if ledger.in_flight else recent)
