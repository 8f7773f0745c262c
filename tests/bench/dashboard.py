"""How long the dashboard's index takes to be built, to follow, and to answer each question."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

import ledgers
import pages
from rows import DASHBOARD_MS, VIDOBS, Row

from vidobs.core import ids
from vidobs.core.jobs import JobSnapshot, JobState, Reason
from vidobs.core.machine import Rules
from vidobs.core.policies import POLICIES
from vidobs.core.prices import PriceBook, read_price_table
from vidobs.core.protocols import Observed
from vidobs.dashboard.index import Index
from vidobs.dashboard.index.answers import Flag, JobFilter, SeriesBy, SpendBy, Step
from vidobs.data import price_table
from vidobs.ledger.sqlite import SqliteLedger

if TYPE_CHECKING:
    from collections.abc import Callable

JOBS = 1_000_000
QUICK_JOBS = 2_000
FOLLOWED = 3_000  # jobs of three events each
TIMES = 9
DAY = timedelta(days=1)


def rows(jobs: int, times: int) -> list[Row]:
    """Make a ledger with so many jobs, and measure everything over it."""
    with tempfile.TemporaryDirectory(prefix="vidobs-bench-") as folder:
        path = Path(folder) / "ledger.db"
        now = datetime.now(UTC)
        ledgers.fill(path, jobs, now=now)
        index = Index(str(path), folder=Path(folder) / "cache")
        with closing(index):
            found = _build(index, jobs)
            found += _follow(index, path, now)
            found += [
                _timed("answer of the dashboard's index", name, question, times)
                for name, question in _questions(index, now)
            ]
            with pages.serving(str(path), index) as port:
                found += [
                    _timed("first byte of a page", name, partial(pages.ask, port, address), times)
                    for address, name in pages.places(index).items()
                ]
        return found


def asked_jobs(*, quick: bool) -> int:
    """Return how many jobs the ledger is to have; `VIDOBS_BENCH_JOBS` says otherwise."""
    return int(os.environ.get("VIDOBS_BENCH_JOBS") or (QUICK_JOBS if quick else JOBS))


def _build(index: Index, jobs: int) -> list[Row]:
    started = time.monotonic()
    while not index.jobs().rows:
        index.step()
    first = time.monotonic() - started
    cpu = time.process_time()
    index.catch_up()
    cpu = time.process_time() - cpu
    wall = time.monotonic() - started
    note = f"{jobs:,} jobs in {wall:.1f} s of wall time, {cpu:.1f} s of CPU"
    return [
        Row("newest jobs in an index that is built", VIDOBS, "ms", first * 1000),
        Row("jobs into an index", VIDOBS, "jobs/s", jobs / wall, note=note),
    ]


def _follow(index: Index, path: Path, now: datetime) -> list[Row]:
    """Let another connection live the lives of some jobs, and the index catch up."""
    rules = Rules(PriceBook(read_price_table(price_table()).rows), POLICIES)
    bits = Random(11).getrandbits
    with closing(SqliteLedger(str(path), rules)) as ledger:
        now_ns = int(now.timestamp() * 1e9)
        for job in ledgers.new_jobs(FOLLOWED, now):
            ledger.intend(ledgers.intent_of(job))
            states = (JobState.QUEUED, JobState.IN_PROGRESS, JobState.COMPLETED)
            for number, state in enumerate(states):
                snapshot = JobSnapshot(provider_job_id=f"new_{job.job_id}", state=state)
                ledger.record(
                    Observed(
                        provider=job.provider,
                        snapshot=snapshot,
                        now_ns=now_ns + number * 10**9,
                        job_id=job.job_id,
                        seed=bits(ids.SEED_BITS),
                    )
                )
    started = time.monotonic()
    index.catch_up()
    wall = time.monotonic() - started
    return [Row("events followed", VIDOBS, "events/s", 3 * FOLLOWED / wall)]


def _timed(what: str, name: str, ask: Callable[[], object], times: int) -> Row:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - started) * 1000)
    return Row(what, name, "ms", median(taken), min(taken), max(taken), target=DASHBOARD_MS[what])


def _questions(index: Index, now: datetime) -> list[tuple[str, Callable[[], object]]]:
    """Return every question, with what makes it hard where that matters."""
    middle = index.jobs(JobFilter(until=now - 180 * DAY), limit=1).rows[0].place
    page = index.jobs().places
    failure = index.failures().rows[0].fingerprint
    month = now - 30 * DAY
    filters = {
        "newest": JobFilter(),
        "one state": JobFilter(states=(JobState.FAILED,)),
        "provider and state": JobFilter(providers=("local",), states=(JobState.FAILED,)),
        "one user": JobFilter(users=("user-4711",)),
        "one tag": JobFilter(tags=(("team", "lab"),)),
        "tag and rare state": JobFilter(tags=(("team", "lab"),), states=(JobState.UNKNOWN,)),
        "three words": JobFilter(text="whale fox dawn"),
        "a beginning": JobFilter(text="win"),
        "word and state": JobFilter(text="red", states=(JobState.FAILED,)),
        "moderated": JobFilter(moderated=True),
        "reason": JobFilter(reasons=(Reason.TIMEOUT,)),
        "expiring": JobFilter(flags=(Flag.EXPIRING,)),
        "nothing fits": JobFilter(providers=("openai",), min_usd=Decimal(1000)),
        "a day half a year ago": JobFilter(since=now - 180 * DAY, until=now - 179 * DAY),
    }
    return [
        *((f"jobs, {name}", lambda one=one: index.jobs(one)) for name, one in filters.items()),
        ("jobs, from the middle", lambda: index.jobs(before=middle)),
        ("jobs, back from the middle", lambda: index.jobs(after=middle)),
        ("50 documents", lambda: index.load(page)),
        ("running", index.running),
        ("alerts", lambda: index.alerts(now)),
        ("choices", index.choices),
        ("totals, all", index.totals),
        ("totals, 30 days", lambda: index.totals(month)),
        ("totals, 30 days of a model", lambda: index.totals(month, model="sora-2")),
        ("series, a year by model", lambda: index.series(Step.DAY, by=SeriesBy.MODEL)),
        ("series, a thousand hours", lambda: index.series(Step.HOUR, by=SeriesBy.OUTCOME)),
        *((f"spend by {by}, all", lambda by=by: index.spend(by)) for by in SpendBy),
        *((f"spend by {by}, 30 days", lambda by=by: index.spend(by, month)) for by in SpendBy),
        ("phases, all", index.phases),
        ("phases, 30 days", lambda: index.phases(month)),
        ("failures, all", index.failures),
        ("failures, 30 days", lambda: index.failures(month)),
        ("one failure", lambda: index.failure(failure)),
        ("counters", index.counters),
        ("progress", index.progress),
    ]
