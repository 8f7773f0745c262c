"""A ledger in memory with a few jobs, and a way to run commands on it."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from vidobs.cli._read import Doors
from vidobs.cli.app import app
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.events import EventName, SpanKind, SpanRecord, VideoEvent
from vidobs.core.jobs import Job, JobError, JobState, Reason, TraceRef
from vidobs.core.money import Cost, CostBasis, CostLine, CostStatus
from vidobs.core.reports import Children, LedgerInfo, Spend, SpendRow

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = datetime(2026, 11, 20, 11, tzinfo=UTC)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
MANY = 10  # jobs, of which this ledger cannot look through all for children
START_NS = int(START.timestamp() + 60) * 1_000_000_000  # job 1 is made then


def a_job(number: int, **changes: object) -> Job:
    """Return a completed job, or one with changes."""
    job = Job(
        job_id=f"job_019aa0b1c2d{number:x}7{number:019x}",
        provider="openai",
        dialect="openai",
        provider_job_id=f"video_{number}",
        created_at=START + timedelta(minutes=number),
        submitted_at=START + timedelta(minutes=number, seconds=0.25),
        started_at=START + timedelta(minutes=number, seconds=1.75),
        finished_at=START + timedelta(minutes=number, seconds=14),
        trace=TraceRef(TRACE, "00f067aa0ba902b7"),
        state=JobState.COMPLETED,
        model="sora-2",
        polls=6,
        request=VideoRequest(seconds=Decimal(8), size="720x1280"),
        attribution=Attribution("ada", {"team": "film"}),
        cost=Cost(
            status=CostStatus.SETTLED,
            basis=CostBasis.REQUESTED,
            usd=Decimal("0.800000000"),
            quoted_usd=Decimal("0.8"),
            lines=(
                CostLine(
                    "output_second", Decimal(8), Decimal("0.1"), Decimal("0.8"), "openai/sora-2"
                ),
            ),
        ),
    )
    return msgspec.structs.replace(job, **changes)


DONE = a_job(1)
BLOCKED = a_job(
    2,
    state=JobState.FAILED,
    reason=Reason.MODERATION_OUTPUT,
    error=JobError("moderation_blocked", "not this one"),
    cost=Cost(
        status=CostStatus.RELEASED,
        basis=CostBasis.POLICY_UNKNOWN,
        usd=Decimal(0),
        possible_usd=Decimal("0.8"),
    ),
)
RUNNING = a_job(
    3,
    state=JobState.IN_PROGRESS,
    finished_at=None,
    cost=Cost(status=CostStatus.RESERVED, basis=CostBasis.REQUESTED, usd=Decimal("0.4")),
)
UNPRICED = a_job(4, model="own-model", cost=Cost())
JOBS = [UNPRICED, RUNNING, BLOCKED, DONE]


def a_span(name: str, span_id: str, *, at: float, lasts: float, **more: object) -> SpanRecord:
    """Return a span that starts some seconds after the first."""
    start = START_NS + int(at * 1e9)
    end = start + int(lasts * 1e9)
    fields = {"trace_id": TRACE, **more}
    return SpanRecord(name=name, span_id=span_id, start_ns=start, end_ns=end, **fields)


SPANS = (
    a_span("generate_content sora-2", "00f067aa0ba902b7", at=0, lasts=0.25, status="queued"),
    a_span(
        "fetch_response",
        "aaaa",
        at=2,
        lasts=0.1,
        parent_id="00f067aa0ba902b7",
        status="in_progress",
    ),
    a_span(
        "video_job sora-2",
        "bbbb",
        at=0,
        lasts=14,
        parent_id="00f067aa0ba902b7",
        kind=SpanKind.INTERNAL,
        status="completed",
    ),
)
EVENTS = (
    VideoEvent(
        id="e1",
        name=EventName.SUBMITTED,
        at=DONE.submitted_at,
        job=a_job(1, polls=0, state=JobState.QUEUED),
        spans=SPANS[:1],
    ),
    VideoEvent(
        id="e2",
        name=EventName.STARTED,
        at=DONE.started_at,
        job=a_job(1, polls=3, state=JobState.IN_PROGRESS),
        spans=SPANS[:2],
    ),
    VideoEvent(id="e3", name=EventName.COMPLETED, at=DONE.finished_at, job=DONE, spans=SPANS[2:]),
)
SPEND = Spend(
    total_usd=Decimal("0.8"),
    possible_usd=Decimal("0.8"),
    rows=(
        SpendRow(
            key="sora-2",
            jobs=3,
            usd=Decimal("0.800000000"),
            possible_usd=Decimal("0.8"),
            seconds=Decimal(8),
        ),
        SpendRow(key=None, jobs=1, unknown=1),
    ),
)


class Memory:
    """A ledger to read, in memory; remembers what `spend` was asked for."""

    def __init__(self, jobs: Sequence[Job] = (), problem: str | None = None) -> None:
        self.all = list(jobs)
        self.problem = problem
        self.asked: list[tuple[str, datetime | None]] = []

    def jobs(self, *, state=None, model=None, since=None, limit=100):
        """Return the jobs that fit."""
        return [
            job
            for job in self.all
            if (state in (None, job.state))
            and (model in (None, job.model))
            and (since is None or job.created_at >= since)
        ][:limit]

    def job(self, id_or_prefix):
        """Return the jobs with such an id."""
        return [
            job
            for job in self.all
            if job.job_id.startswith(id_or_prefix) or job.provider_job_id == id_or_prefix
        ]

    def events(self, job_id):
        """Return the events of the one job that has some."""
        return [event for event in EVENTS if event.job.job_id == job_id]

    def children(self, job):
        """Return the jobs that were made from a video."""
        found = [c for c in self.all if c.parent_id and c.parent_id == job.provider_job_id]
        return Children(tuple(found), complete=len(self.all) < MANY)

    def spend(self, by, since=None):
        """Return the one answer there is."""
        self.asked.append((by, since))
        return SPEND

    def info(self):
        """Say how the ledger is."""
        return LedgerInfo(
            path="ledger.db",
            schema=1,
            jobs=len(self.all),
            events=3,
            journal_mode="wal",
            problem=self.problem,
        )


class Ran(msgspec.Struct, frozen=True):
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """The output, read as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture(name="a_job")
def _a_job() -> Callable[..., Job]:
    """Make a completed job, or one with changes."""
    return a_job


@pytest.fixture(name="events")
def _events() -> tuple[VideoEvent, ...]:
    """Return the three events of job 1."""
    return EVENTS


@pytest.fixture(name="a_span")
def _a_span() -> Callable[..., SpanRecord]:
    """Make a span that starts some seconds after the first."""
    return a_span


@pytest.fixture
def jobs() -> list[Job]:
    """Return a completed, a blocked, a running and an unpriced job, newest first."""
    return JOBS


@pytest.fixture
def memory() -> type[Memory]:
    """Make a ledger with jobs of one's own."""
    return Memory


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command on the jobs above, or on another ledger."""

    def invoke(*args: str, ledger: Memory | None = None, **environ: str) -> Ran:
        memory = ledger or Memory(JOBS)
        doors = Doors(open_reader=lambda: memory, now=lambda: NOW)
        env = {"COLUMNS": "120", "NO_COLOR": "1", **environ}
        result = CliRunner().invoke(app, list(args), obj=doors, env=env, catch_exceptions=False)
        return Ran(result.exit_code, result.stdout, result.stderr)

    return invoke
