"""How many events a second one process writes to disk, and how many a relay reads from there."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rows import EVENTS_PER_S, VIDOBS, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

_WAIT_S = 120.0


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
    names = ("events to disk", "events read by the relay")
    return [
        Row(
            name,
            VIDOBS,
            "events/s",
            median(values),
            min(values),
            max(values),
            target=EVENTS_PER_S if name == names[0] else None,
            at_least=True,
            note="wall time; three events of each job, its intent included" if not place else "",
        )
        for place, (name, values) in enumerate(zip(names, zip(*found, strict=True), strict=True))
    ]


def _once(jobs: int) -> tuple[float, float]:
    from vidobs.core.machine import Rules
    from vidobs.core.policies import POLICIES
    from vidobs.core.prices import PriceBook
    from vidobs.delivery.relay import Relay
    from vidobs.ledger.database import open_writer
    from vidobs.ledger.outbox import SqliteOutbox
    from vidobs.ledger.sqlite import SqliteLedger

    with tempfile.TemporaryDirectory(prefix="vidobs-bench-") as folder:
        path = str(Path(folder) / "ledger.db")
        ledger = SqliteLedger(path, Rules(PriceBook(), POLICIES), route=Counting.name)
        outbox = SqliteOutbox(path, open_writer(path), threading.Lock())
        outbox.register(Counting.name)
        writes = _writes(jobs)
        start = time.perf_counter()
        events = 0
        for intent, answers in writes:
            ledger.intend(intent)
            for answer in answers:
                recorded = ledger.record(answer)
                events += len(recorded.events) if recorded is not None else 0
        written_s = time.perf_counter() - start
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
        ledger.close()
        return events / written_s, events / read_s


def _writes(jobs: int) -> list[tuple[object, list[object]]]:
    """Make the records beforehand: an intent, then accepted, started and completed."""
    import msgspec

    from vidobs.core import ids
    from vidobs.core.calls import VideoRequest
    from vidobs.core.jobs import Job, JobSnapshot, JobState, TraceRef
    from vidobs.core.protocols import Observed
    from vidobs.ledger.codec import moment

    begun_ns = time.time_ns() - jobs * 1_000_000
    steps = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)
    made: list[tuple[object, list[object]]] = []
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
