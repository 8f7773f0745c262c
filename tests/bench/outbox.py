"""How many events a second one process writes to disk, and how many a relay reads from there."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rows import EVENTS_PER_S, VIDOBS, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vidobs.core.jobs import Job
    from vidobs.core.protocols import Observed
    from vidobs.ledger.outbox import SqliteOutbox
    from vidobs.ledger.sqlite import SqliteLedger

_WAIT_S = 120.0
_GROUP = 16  # jobs whose writes share a transaction, as those of a gateway's requests do
_EVENTS = 3  # of each job: accepted, started and completed
_NAMES = ("events to disk", f"events to disk, {_GROUP} jobs at once", "events read by the relay")
_NOTES = ("wall time; three events of each job, its intent included", "the same", "")


class Counting:
    """An exporter that counts what it gets."""

    name = "counting"
    durable = True

    def __init__(self, expected: int) -> None:
        self._left = expected
        self.done = threading.Event()

    def export(self, batch: Sequence[object]) -> None:
        """Count a batch."""
        self._left -= len(batch)
        if self._left <= 0:
            self.done.set()

    def close(self) -> None:
        """Do nothing."""


def rows(jobs: int, times: int) -> list[Row]:
    """Return events per second into the outbox and out of it."""
    found = [_once(jobs) for _ in range(times)]
    return [
        Row(
            name,
            VIDOBS,
            "events/s",
            median(values),
            min(values),
            max(values),
            target=EVENTS_PER_S if name == _NAMES[0] else None,
            at_least=True,
            note=note,
        )
        for name, note, values in zip(_NAMES, _NOTES, zip(*found, strict=True), strict=True)
    ]


def _once(jobs: int) -> tuple[float, float, float]:
    events = jobs * _EVENTS
    with _ledger() as (ledger, _):
        grouped_s = _timed(_write_in_groups, ledger, _writes(jobs))
    with _ledger() as (ledger, path):
        outbox = _outbox(path)
        written_s = _timed(_write_one_by_one, ledger, _writes(jobs))
        read_s = _read_s(outbox, events)
    return events / written_s, events / grouped_s, events / read_s


@contextmanager
def _ledger() -> Iterator[tuple[SqliteLedger, str]]:
    from vidobs.core.machine import Rules
    from vidobs.core.policies import POLICIES
    from vidobs.core.prices import PriceBook
    from vidobs.ledger.sqlite import SqliteLedger

    with tempfile.TemporaryDirectory(prefix="vidobs-bench-") as folder:
        path = str(Path(folder) / "ledger.db")
        ledger = SqliteLedger(path, Rules(PriceBook(), POLICIES), route=Counting.name)
        yield ledger, path
        ledger.close()


def _outbox(path: str) -> SqliteOutbox:
    from vidobs.ledger.database import open_writer
    from vidobs.ledger.outbox import SqliteOutbox

    outbox = SqliteOutbox(path, open_writer(path), threading.Lock())
    outbox.register(Counting.name)
    return outbox


def _timed(work: Callable[..., None], *given: object) -> float:
    start = time.perf_counter()
    work(*given)
    return time.perf_counter() - start


def _write_one_by_one(ledger: SqliteLedger, writes: list[tuple[Job, list[Observed]]]) -> None:
    for intent, answers in writes:
        ledger.intend(intent)
        for answer in answers:
            ledger.record(answer)


def _write_in_groups(ledger: SqliteLedger, writes: list[tuple[Job, list[Observed]]]) -> None:
    for first in range(0, len(writes), _GROUP):
        group = writes[first : first + _GROUP]
        ledger.write_together([intent for intent, _ in group])
        for step in zip(*(answers for _, answers in group), strict=True):
            ledger.write_together(step)


def _read_s(outbox: SqliteOutbox, events: int) -> float:
    from vidobs.delivery.relay import Relay

    exporter = Counting(events)
    relay = Relay(
        [exporter],
        outbox=outbox,
        clock=time,
        owner=f"bench:{os.getpid()}",
        report=_fail,
    )
    start = time.perf_counter()
    relay.start()
    relay.wake()
    if not exporter.done.wait(_WAIT_S):
        raise RuntimeError(f"the relay did not read {events} events in {_WAIT_S:.0f} s")
    read_s = time.perf_counter() - start
    relay.close(2.0)
    return read_s


def _writes(jobs: int) -> list[tuple[Job, list[Observed]]]:
    """Make the records beforehand: an intent, then accepted, started and completed."""
    import msgspec

    from vidobs.core import ids
    from vidobs.core.calls import VideoRequest
    from vidobs.core.jobs import Job, JobSnapshot, JobState, TraceRef
    from vidobs.core.protocols import Observed
    from vidobs.ledger.codec import moment

    begun_ns = time.time_ns() - jobs * 1_000_000
    steps = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)
    made: list[tuple[Job, list[Observed]]] = []
    for number in range(jobs):
        now_ns = begun_ns + number * 1_000_000
        job = Job(
            job_id=ids.job_id(now_ns, number),
            provider="openai",
            dialect="openai",
            created_at=moment(now_ns // 1000),
            trace=TraceRef(ids.trace_id(number + 1), ids.span_id(number + 1), sampled=True),
            model="sora-2",
            request=VideoRequest(),
        )
        seen = Observed(provider="openai", snapshot=JobSnapshot(), now_ns=now_ns, job_id=job.job_id)
        answers = [
            msgspec.structs.replace(
                seen,
                snapshot=JobSnapshot(provider_job_id=f"video_{number:032x}", state=state),
                seed=(number * 8 + place) << 3,
            )
            for place, state in enumerate(steps)
        ]
        made.append((job, answers))
    return made


def _fail(where: str, error: BaseException) -> None:
    raise RuntimeError(where) from error
