"""Makes a ledger with very many jobs, as a year of real work would leave it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from vidobs.core import ids
from vidobs.core.calls import Attribution, VideoRequest
from vidobs.core.events import EventName
from vidobs.core.jobs import AssetState, Job, JobError, JobState, Reason, TraceRef, VideoFile
from vidobs.core.money import Cost, CostBasis, CostLine, CostStatus
from vidobs.ledger import codec
from vidobs.ledger.database import open_writer
from vidobs.ledger.statements import queries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = 365
USERS = 5000
MODELS = (  # provider, model, dollars a second, share
    ("openai", "sora-2", "0.10", 30),
    ("openai", "sora-2-pro", "0.30", 10),
    ("gemini", "veo-3.1-generate-preview", "0.40", 15),
    ("gemini", "veo-3.1-fast-generate-preview", "0.15", 15),
    ("runway", "gen4_turbo", "0.05", 10),
    ("runway", "gen4.5", "0.12", 5),
    ("azure", "sora-2", "0.10", 10),
    ("local", "Wan-AI/Wan2.2-T2V-A14B", "0.00", 5),
)
WORDS = (
    *("a", "red", "fox", "runs", "over", "fresh", "snow", "at", "dawn"),
    *("while", "the", "camera", "slowly", "follows", "in", "golden", "light", "cinematic"),
    *("portrait", "of", "an", "old", "sailor", "telling", "stories", "rain", "neon"),
    *("city", "drone", "shot", "whale", "mountain", "coffee", "steam", "macro", "product"),
    *("teaser", "quiet", "forest", "river", "timelapse", "dancer", "stage", "smoke", "robot"),
)
TEAMS = ("growth", "studio", "research", "support", "games", "news", "ads", "lab")
FAILURES = (
    (Reason.MODERATION_OUTPUT, "content_policy", "The output of video_%d was withheld"),
    (Reason.MODERATION_INPUT, "moderation_blocked", "Your request req_%d was refused"),
    (Reason.PROVIDER_ERROR, "server_error", "Worker %d ended unexpectedly after 31.5 s"),
    (Reason.TIMEOUT, "timeout", "Job %d took too long"),
    (Reason.RATE_LIMITED, "rate_limit", "Limit of %d requests per minute reached"),
)
_BATCH = 20_000


def fill(path: Path, jobs: int, *, now: datetime, seed: int = 7) -> None:
    """Write a ledger with so many jobs of the last year; the events of the newest ones too."""
    connection = open_writer(str(path))
    sql = queries()
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA wal_autocheckpoint = 10000")
    rng = random.Random(seed)
    made = _jobs(rng, jobs, now)
    left = jobs
    while left > 0:
        batch = [next(made) for _ in range(min(_BATCH, left))]
        left -= len(batch)
        docs = [codec.dump_job(job) for job in batch]
        with connection:
            connection.executemany(
                sql["insert_job"],
                (
                    (codec.seq_of(job.job_id), job.provider, job.provider_job_id, job.state.value,
                     job.model, 0, None, doc)
                    for job, doc in zip(batch, docs, strict=True)
                ),
            )  # fmt: skip
            connection.executemany(sql["insert_spend"], _spend(batch))
            if left < 50_000:
                connection.executemany(
                    sql["insert_event"],
                    (
                        (f"event-{codec.seq_of(job.job_id)}", _event(job), codec.us(now), "", doc,
                         None, None)
                        for job, doc in zip(batch, docs, strict=True)
                    ),
                )  # fmt: skip
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()


def new_jobs(jobs: int, now: datetime) -> Iterator[Job]:
    """Yield jobs of the next minutes, as they are made for a ledger."""
    yield from _jobs(random.Random(13), jobs, now + timedelta(minutes=10), timedelta(minutes=10))


def intent_of(job: Job) -> Job:
    """Return a job as it was before its create was sent."""
    return Job(
        job_id=job.job_id,
        provider=job.provider,
        dialect=job.dialect,
        created_at=job.created_at,
        trace=job.trace,
        model=job.model,
        request=job.request,
        attribution=job.attribution,
        prompt=job.prompt,
    )


def _jobs(
    rng: random.Random, jobs: int, now: datetime, over: timedelta = timedelta(days=DAYS)
) -> Iterator[Job]:
    step = over / jobs
    weights = [share for *_, share in MODELS]
    for number in range(jobs):
        created = now - step * (jobs - number)
        yield _job(rng, number, created, rng.choices(MODELS, weights)[0], recent=jobs - number < 40)


def _job(rng: random.Random, number: int, created: datetime, of, *, recent: bool) -> Job:
    provider, model, price, _ = of
    seconds = Decimal(rng.choice((4, 5, 8, 10, 12)))
    usd = seconds * Decimal(price)
    state = _state(rng, recent=recent)
    submitted = created + timedelta(seconds=rng.uniform(0.3, 2))
    started = submitted + timedelta(seconds=rng.lognormvariate(2, 1))
    ended = started + timedelta(seconds=rng.lognormvariate(4, 0.6))
    failed = state is JobState.FAILED
    reason, code, message = rng.choice(FAILURES) if failed else (None, None, "%d")
    ran = state not in (JobState.QUEUED, JobState.UNKNOWN)
    return Job(
        job_id=ids.job_id(int(created.timestamp() * 1e9), rng.getrandbits(ids.SEED_BITS)),
        provider=provider,
        dialect=provider,
        created_at=created,
        trace=TraceRef(ids.trace_id(rng.getrandbits(128)), ids.span_id(rng.getrandbits(64))),
        state=state,
        provider_job_id=None if state is JobState.UNKNOWN else f"video_{number:032x}",
        model=model,
        raw_status=state.value,
        reason=reason,
        error=JobError(code, message % number) if failed else None,
        submitted_at=submitted,
        started_at=started if ran else None,
        finished_at=ended if state.terminal else None,
        expires_at=ended + timedelta(hours=24) if state is JobState.COMPLETED else None,
        polls=rng.randrange(3, 40),
        request=VideoRequest(seconds=seconds, size="1280x720", prompt_chars=90),
        asset=_asset(rng, state),
        file=VideoFile(size_bytes=4_000_000, sha256=f"{number:064x}", seconds=seconds,
                       size="1280x720", fps=Decimal(24), audio=True, codec="avc1")
        if state is JobState.COMPLETED else None,
        cost=_cost(rng, state, usd, seconds, Decimal(price)),
        request_hash=f"{number:032x}",
        idempotency_key=f"vidobs-{number:032x}",
        server_address=f"api.{provider}.com",
        server_port=443,
        attribution=Attribution(
            f"user-{min(int(rng.paretovariate(0.6)), USERS)}" if rng.random() < 0.9 else None,
            {"team": rng.choice(TEAMS), "release": f"2026.{number * 52 // 1_000_000}"},
        ),
        prompt=" ".join(rng.choices(WORDS, k=15)) if number % 2 else None,
    )  # fmt: skip


def _state(rng: random.Random, *, recent: bool) -> JobState:
    if recent:
        return rng.choice((JobState.QUEUED, JobState.IN_PROGRESS))
    states = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED,
              JobState.UNKNOWN)  # fmt: skip
    return rng.choices(states, (905, 80, 8, 5, 2))[0]


def _asset(rng: random.Random, state: JobState) -> AssetState:
    if state is not JobState.COMPLETED:
        return AssetState.NONE
    return AssetState.AVAILABLE if rng.random() < 0.03 else AssetState.DOWNLOADED


def _cost(
    rng: random.Random, state: JobState, usd: Decimal, seconds: Decimal, price: Decimal
) -> Cost:
    lines = (CostLine("second", seconds, price, usd, "2026-01"),)
    if state is JobState.COMPLETED:
        if rng.random() < 0.01:
            return Cost(CostStatus.SETTLED)
        return Cost(CostStatus.SETTLED, CostBasis.PROBED, usd, None, usd, lines)
    if state.terminal:
        free = Decimal(0)
        return Cost(CostStatus.RELEASED, CostBasis.POLICY_UNKNOWN, free, usd, usd, lines)
    if state is JobState.UNKNOWN:
        return Cost(CostStatus.UNKNOWN, CostBasis.REQUESTED, None, usd, usd, lines)
    return Cost(CostStatus.RESERVED, CostBasis.REQUESTED, usd, None, usd, lines)


def _spend(jobs: list[Job]) -> Iterator[tuple[object, ...]]:
    for job in jobs:
        if job.state.terminal:
            made = job.state is JobState.COMPLETED
            yield (
                codec.seq_of(job.job_id),
                0,
                codec.us(job.finished_at or datetime.now(UTC)),
                job.provider,
                job.model,
                job.user,
                job.cost.status.value,
                codec.nano(job.cost.usd),
                codec.nano(job.cost.possible_usd),
                float(job.request.seconds or 0) if made else None,
            )


def _event(job: Job) -> str:
    ends = {
        JobState.COMPLETED: EventName.COMPLETED,
        JobState.FAILED: EventName.FAILED,
        JobState.CANCELLED: EventName.CANCELLED,
        JobState.EXPIRED: EventName.EXPIRED,
    }
    return ends.get(job.state, EventName.SUBMITTED).value
